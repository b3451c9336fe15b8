"""A run in the background: what its log begins with, and what is said of one that does not get far."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from benchmark.cli import background
from benchmark.cli.parse import parse
from benchmark.store import RunStore


def start(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> int:
    """The exit code of `run --detach`, where the command in the background does this."""
    (folder / "run_all.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(background, "FIRST_WORD_S", 600.0)
    monkeypatch.setattr(background, "PROJECT", folder)
    options = parse(["run", "--grid", "demo", "--detach", "learner.lr=1"])
    assert not isinstance(options, str)
    return background.start(options, RunStore(folder / "runs"), "demo")


def log(folder: Path) -> list[str]:
    return RunStore(folder / "runs").driver_log("demo").read_text(encoding="utf-8").splitlines()


def test_every_run_begins_its_part_of_the_log_with_when_who_and_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    going_on = "import time; print('grid demo: 4 stages', flush=True); time.sleep(600)"
    monkeypatch.setattr(background, "AT_ONCE_S", 0.0)
    for part in range(2):
        assert start(tmp_path, monkeypatch, going_on) == 0
        shown = capsys.readouterr()
        pid = int(re.findall(r"as process (\d+);", shown.out)[0])
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert shown.err == ""
        header, said = log(tmp_path)[2 * part :]
        assert re.fullmatch(rf"--- \d{{4}}-.*\+00:00, process {pid}: run_all.py run --grid demo learner.lr=1", header)
        assert said == "grid demo: 4 stages"


def test_one_that_ends_at_once_is_told_with_its_last_line_and_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(background, "AT_ONCE_S", 600.0)
    refused = "import sys; print('run_all: grid demo is being run', file=sys.stderr); sys.exit(2)"
    assert start(tmp_path, monkeypatch, refused) == 2
    assert capsys.readouterr().err == "it has ended already, with exit code 2: run_all: grid demo is being run\n"
    assert start(tmp_path, monkeypatch, "import os; os.kill(os.getpid(), 9)") == 137
    assert capsys.readouterr().err == "it has ended already, with exit code 137: it said nothing\n"
