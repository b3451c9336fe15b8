"""The verbs that answer questions, through the real command line, on the toy benchmark."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import run_all
from benchmark.cli.parse import parse
from tests.toy import PROJECT, Toy, until


def here(toy: Toy, *words: str) -> int:
    """Run the command line in this process."""
    return run_all.main([*words, "--configs", str(toy.configs), "--root", str(toy.root)])


def test_a_failure_is_explained_read_and_retried(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.arm("practise", "raise", at=2, times=1, seed=1)
    toy.drive("one", "seeds=2")
    cell = ("north/plain/1", "--grid", "one", "seeds=2")
    log = toy.root / toy.plan("one", "seeds=2").cells[1].stages["practise"] / "log.txt"
    assert here(toy, "why", *cell) == 0
    why = capsys.readouterr().out.splitlines()
    assert why[0].startswith("north/plain/1 will not be computed: practise: RuntimeError: the toy was told to fail; ")
    assert f"failed in 1 attempt with RuntimeError: the toy was told to fail (log: {log});" in why[1]
    assert here(toy, "logs", *cell) == 0
    shown = capsys.readouterr()
    assert "RuntimeError: the toy was told to fail" in shown.out
    assert shown.err == f"practise north/plain/1, failed: {log}\n"

    done = toy.run("retry", *cell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "grid one: 2 stages, 0 done before, 2 to compute" in done.stdout, "the other seed's are left alone"
    assert toy.computed("practise") == 3
    assert here(toy, "trace", "north/plain/1", "--grid", "one", "seeds=2", "--json") == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert facts["cells"]["north/plain/1"]["mlflow_runs"], "the run that `run` mirrored"
    assert {one["state"] for one in facts["stages"].values()} == {"done"}


def test_every_verb_that_only_looks_speaks_json_and_writes_nothing(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.drive("three")
    before = sorted(toy.root.rglob("*"))
    shapes = {
        ("plan", "--grid", "three"): {"cells", "stages", "price"},
        ("status", "--grid", "three"): {"north/taught/0"},
        ("why", "north/taught/0", "--grid", "three"): {"north/taught/0"},
        ("logs", "north/taught/0", "--grid", "three"): {"cell", "stage", "key", "state", "path", "text"},
        ("trace", "north/taught", "--grid", "three"): {"name", "value", "cells", "stages", "settings"},
        ("clean",): {"path", "what", "bytes"},
        ("doctor",): {"name", "level", "words", "remedy"},
    }
    for words, keys in shapes.items():
        assert here(toy, *words, "--json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert keys <= set(shown[0] if isinstance(shown, list) else shown), words
    after = sorted(path for path in toy.root.rglob("*") if path.name != "history.json")
    assert after == before


def test_clean_deletes_with_yes_and_without_an_answer_nothing(toy: Toy) -> None:
    toy.drive("one", "learner.lr=0.1")
    folders = {path.name for path in toy.root.glob("[0-9a-f]*")}
    words = [sys.executable, str(PROJECT / "run_all.py"), "clean", "--root", str(toy.root)]
    asked = subprocess.run(words, input="y\n", text=True, capture_output=True)
    assert asked.returncode == 0
    assert "nothing is deleted without an answer" in asked.stderr
    assert {path.name for path in toy.root.glob("[0-9a-f]*")} == folders
    done = subprocess.run([*words, "--yes"], text=True, capture_output=True)
    assert done.stderr == "2 folders deleted\n"
    assert not list(toy.root.glob("[0-9a-f]*"))


def test_sync_is_told_which_grids_and_where(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr("benchmark.tracking.sync.sync", lambda store, uri, grids, say: calls.append((uri, grids)))
    assert run_all.main(["sync", "--root", str(toy.root)]) == 0
    assert here(toy, "sync", "--grid", "one", "name=mine", "tracking.uri=http://server:5000") == 0
    assert run_all.main(["sync", "tracking.uri=http://server:5000"]) == 0
    database = f"sqlite:///{toy.root}/mlflow.db"
    assert calls == [(database, []), ("http://server:5000", ["mine"]), ("http://server:5000", [])]


def test_sync_of_a_root_without_grids_says_so(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.main(["sync", "--root", str(toy.root)]) == 0
    assert capsys.readouterr().out == f"no grid has been run in {toy.root}; there is nothing to show in MLflow\n"
    assert not toy.root.exists()


def test_a_detached_run_goes_on_without_its_terminal(toy: Toy) -> None:
    toy.arm("exam", "wait")
    started = toy.run("--grid", "one", "--detach")
    assert (started.returncode, started.stderr) == (0, "")
    driver = int(started.stdout.partition("as process ")[2].partition(";")[0])
    output = toy.root / "grids" / "one" / "driver.log"
    assert f"tail -f {output}" in started.stdout
    try:
        exam = toy.plan("one").cells[0].stages["exam"]
        until(lambda: (toy.root / exam / "status.json").exists())
        assert os.getsid(driver) == driver, "it has a session of its own"
        toy.disarm()
        until(lambda: "report.html" in output.read_text(encoding="utf-8"))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(driver, signal.SIGTERM)


def test_a_reader_that_has_had_enough_is_no_error(toy: Toy) -> None:
    command = f"{shlex.join(toy.command('plan', '--grid', 'toy', '--json'))} | head -c 10"
    done = subprocess.run(["bash", "-c", command], text=True, capture_output=True)
    assert (len(done.stdout), done.stderr) == (10, "")


def test_the_command_line_is_read_without_its_configurations() -> None:
    script = "import sys, run_all; run_all.main(['why', '--help']); print('|'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split("|")}
    assert not loaded & {"hydra", "omegaconf", "yaml", "rich", "numpy", "torch"}


def test_words_may_stand_in_any_order() -> None:
    one = parse(["--grid", "demo", "why", "rtfm-s1/ldd@lr=1/0", "learner.lr=1", "--json"])
    assert not isinstance(one, str)
    assert (one.verb, one.targets, one.words) == ("why", ("rtfm-s1/ldd@lr=1/0",), ("learner.lr=1",))
    assert (one.json, one.root) == (True, Path("runs"))


def test_a_report_of_changed_settings_does_not_replace_that_of_the_results(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.drive("one")
    assert here(toy, "report", "--grid", "one") == 0
    folder = toy.root / "grids" / "one"
    kept = {name: (folder / name).read_bytes() for name in ("plan.json", "report.md")}
    capsys.readouterr()
    assert here(toy, "report", "--grid", "one", "learner.lr=0.7") == 2
    error = capsys.readouterr().err
    assert "no result of grid 'one' is of today's settings and code, 1 are of the plan that was run" in error
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert here(toy, "report", "--grid", "one", "learner.lr=0.7", "name=other") == 0
