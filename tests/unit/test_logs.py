"""Whose log is shown, and following it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from benchmark.cli.logs import Log, log_of
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.executors import ExecutorConfig
from benchmark.lease import Claim
from benchmark.request import read_request
from benchmark.store import UNBEGUN, RunStore
from benchmark.validate import Schema
from tests.toy import Toy
from tests.unit.test_status import finish


def executor(toy: Toy) -> ExecutorConfig:
    return read_request(Configs(toy.configs), Schema({}, ""), "three", []).executor


def begun(toy: Toy, *stages: str) -> tuple[Callable[[str | None], Log], RunStore, dict[str, str]]:
    """A cell whose stages of these names have logs: how to find one, the store, and the keys of the stages."""
    plan, store = toy.plan("inspected", "methods=[taught]"), RunStore(toy.root)
    cell = plan.cells[0]
    for name in cell.stages:
        store.register(plan.stages[cell.stages[name]])
        if name in stages:
            store.log_file(cell.stages[name]).write_text(f"{name} says\n", encoding="utf-8")
    return lambda stage=None: log_of(plan, store, cell, stage), store, dict(cell.stages)


def test_the_failed_stage_comes_first_then_the_running_then_the_last(toy: Toy) -> None:
    find, store, keys = begun(toy, "play", "study", "practise", "inspect")
    assert find(None).name == "practise", "the last of those that its result rests on"
    finish(store, toy.plan("inspected", "methods=[taught]"), keys["play"])
    store.write_status(keys["study"], UNBEGUN)
    claim = Claim.acquire(store.claims(keys["study"]))
    assert claim is not None
    assert find(None).name == "study"
    store.write_status(keys["inspect"], {**UNBEGUN, "state": "failed", "reason": "no"})
    assert find(None).name == "inspect"
    assert find("play").text() == "play says\n"
    assert find("play").to_json()["state"] == "done"


def test_a_stage_without_a_log_and_one_that_is_not_there_are_said(toy: Toy) -> None:
    find, _, _ = begun(toy)
    with pytest.raises(BadInput, match="play north/taught/0 has no log yet; `why north/taught/0` says"):
        find(None).text()
    with pytest.raises(BadInput, match="unknown stage 'practice'; did you mean 'practise'"):
        find("practice")


def test_a_log_is_followed_over_attempts_until_the_stage_is_done(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    find, store, keys = begun(toy)
    plan, key, log = toy.plan("inspected", "methods=[taught]"), keys["play"], store.log_file(keys["play"])
    failed = {**UNBEGUN, "state": "failed", "reason": "OSError", "transient": True, "failures": 1}
    happenings = iter(
        [
            lambda: log.write_text("--- attempt 1\nmittel", encoding="utf-8"),
            lambda: (log.open("ab").write("mä".encode()[:2]), store.write_status(key, failed)),
            lambda: log.open("ab").write("mä".encode()[2:] + b"chtig\n--- attempt 2\n"),
            lambda: (log.unlink(), log.write_text("anew\n", encoding="utf-8")),
            lambda: (log.open("a").write("end\n"), finish(store, plan, key)),
        ]
    )
    out = io.StringIO()
    assert find("play").follow(executor(toy), out, pause=lambda seconds: next(happenings)()) == 0
    assert out.getvalue() == "--- attempt 1\nmittelmächtig\n--- attempt 2\nanew\nend\n"
    assert capsys.readouterr().err.count("has not begun; waiting") == 1


def test_following_ends_with_a_failure_for_good(toy: Toy) -> None:
    find, store, keys = begun(toy, "study")
    store.write_status(keys["study"], {**UNBEGUN, "state": "failed", "reason": "ValueError", "failures": 1})
    out = io.StringIO()
    assert find("study").follow(executor(toy), out) == 1
    assert out.getvalue() == "study says\n"


def test_following_ends_where_what_the_stage_rests_on_has_failed(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    find, store, keys = begun(toy, "practise")
    failed = {**UNBEGUN, "state": "failed", "reason": "OSError: full", "transient": True}
    store.write_status(keys["play"], {**failed, "failures": 1})
    looks = 0

    def pause(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:  # until here the cause could go away
            store.write_status(keys["play"], {**failed, "failures": 2})

    assert find("practise").follow(executor(toy), io.StringIO(), pause) == 1
    assert looks == 3
    error = capsys.readouterr().err
    assert error.startswith("practise north/taught/0 is blocked: play north/")
    assert error.endswith("failed: OSError: full; when that is corrected: `retry north/taught/0`\n")
