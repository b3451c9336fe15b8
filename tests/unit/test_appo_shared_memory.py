"""Memory that killed processes have shared is freed by the next attempt; that of others is left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agents.appo import shared_memory
from agents.appo.shared_memory import NOTE, free, note

ALIVE = os.getpid()


@pytest.fixture
def ended() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: int) -> Path:
    """Shared memory with files of a dead process, of this one, and of one that nobody has noted."""
    folder = tmp_path / "shm"
    folder.mkdir()
    for name in (f"torch_{ended}_17_0", f"torch_{ended}_99_1", f"torch_{ALIVE}_17_0", f"torch_{ended}0_17_0", "sem.x"):
        (folder / name).touch()
    monkeypatch.setattr(shared_memory, "SHARED", folder)
    return folder


def test_files_of_noted_processes_that_are_dead_are_removed_and_no_others(tmp_path, shared, ended):
    note(tmp_path, {ended, ALIVE})
    free(tmp_path)
    assert {file.name for file in shared.iterdir()} == {f"torch_{ALIVE}_17_0", f"torch_{ended}0_17_0", "sem.x"}


def test_a_process_that_nobody_has_waited_for_is_dead(tmp_path, shared):
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    file = shared / f"torch_{process.pid}_1_0"
    file.touch()
    note(tmp_path, {process.pid})
    free(tmp_path)
    process.wait()
    assert not file.exists()


@pytest.mark.parametrize("machine", ["another/boot/namespace", ""])
def test_of_another_machine_s_processes_nothing_is_known(tmp_path, shared, ended, machine):
    (tmp_path / NOTE).write_text(json.dumps({"machine": machine, "processes": [ended]}))
    before = set(shared.iterdir())
    free(tmp_path)
    assert set(shared.iterdir()) == before


def test_without_a_readable_note_nothing_is_removed(tmp_path, shared):
    before = set(shared.iterdir())
    free(tmp_path / "no attempt was here")
    (tmp_path / NOTE).write_text("{")
    free(tmp_path)
    assert set(shared.iterdir()) == before
