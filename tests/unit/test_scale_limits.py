"""What large grids cost, counted and not timed: compositions per environment and method, looks at files per stage."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmark import configs
from benchmark.cli.status import look
from benchmark.composer import Composer
from benchmark.records import UNBEGUN
from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.toy import Toy
from tests.unit.test_status import finish

_heard: list[tuple[str, str]] | None = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _heard is not None and event in ("open", "os.scandir", "os.listdir") and isinstance(arguments[0], str | Path):
        _heard.append((event, os.fspath(arguments[0])))


sys.addaudithook(_hear)  # it cannot be removed, and hears nothing outside of `heard`


@contextmanager
def heard(root: Path) -> Iterator[list[tuple[str, str]]]:
    """The files below a root that are opened meanwhile, by whatever means, and the folders that are listed."""
    global _heard
    _heard, found = [], []
    try:
        yield found
        found += [(event, path) for event, path in _heard if Path(path).is_relative_to(root)]
    finally:
        _heard = None


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[None]:
    """An entry for each call of a function from now on."""
    calls: list[None] = []
    function: Callable[..., Any] = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(None)
        return function(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


def test_seeds_are_not_composed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once per environment and method; what an environment alone, and a method's defaults, need is no more for more."""
    pairs, compositions = counted(monkeypatch, Composer, "_compose"), counted(monkeypatch, configs, "compose")
    counts = []
    for seeds in (2, 50):
        plan = toy.plan("toy", f"seeds={seeds}", "preset=tiny", "learner.lr=0.25")
        assert len(plan.cells) == 6 * seeds
        counts.append((len(pairs), len(compositions)))
        pairs.clear()
        compositions.clear()
    assert counts[0] == counts[1]
    assert counts[0][0] == 6


def some_of_each(store: RunStore, plan: Plan) -> None:
    """Of five stages three are done, one has failed, and one has not been begun."""
    for number, (key, stage) in enumerate(plan.stages.items()):
        if number % 5 < 3:
            finish(store, plan, key)
        elif number % 5 == 3:
            store.register(stage)
            store.write_status(key, {**UNBEGUN, "state": "failed", "reason": "ValueError: made up", "attempt": 1})


def test_status_opens_a_few_files_per_stage(toy: Toy) -> None:
    """The most of any one stage, and all that belong to none, are as many whatever the size of the grid."""

    def opened(seeds: int) -> tuple[int, int]:
        plan, store = toy.plan("toy", f"seeds={seeds}"), RunStore(toy.root / str(seeds))
        some_of_each(store, plan)
        with heard(store.root) as found:
            look(plan, store, toy.request().executor).text()
        names = [{part.partition(".")[0] for part in Path(path).relative_to(store.root).parts} for _, path in found]
        of_stages = Counter(key for some in names for key in some & plan.stages.keys())
        return max(of_stages.values()), len(found) - of_stages.total()

    few = opened(2)
    assert few == opened(10)
    assert max(few) <= 20


def test_outcomes_list_the_root_once(toy: Toy) -> None:
    plan, store = toy.plan("toy", "seeds=10"), RunStore(toy.root)
    some_of_each(store, plan)
    with heard(store.root) as found:
        outcomes = store.outcomes(plan)
    assert found.count(("os.scandir", str(store.root))) == 1
    missing = [key for key in plan.stages if not store.folder(key).exists()]
    assert missing
    assert not [path for _, path in found for key in missing if key in path]
    assert {outcomes[key].state for key in missing} <= {"missing", "blocked"}
    assert ("os.listdir", str(store.root)) not in found
