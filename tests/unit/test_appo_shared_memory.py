"""Memory that killed processes have shared is freed by the next attempt; that of others is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.appo import shared_memory
from agents.appo.shared_memory import NOTE, files_named_after, free, note

SHARE = """
import mmap, os, sys
maps = []
for name in ("17_0", "99_1"):
    with open(f"{sys.argv[1]}/torch_{os.getpid()}_{name}", "w+b") as file:
        file.truncate(1)
        maps.append(mmap.mmap(file.fileno(), 1))
print("shared", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shared memory, with a file of the semaphores that Python has there."""
    folder = tmp_path / "shm"
    folder.mkdir()
    (folder / "sem.x").touch()
    monkeypatch.setattr(shared_memory, "SHARED", folder)
    return folder


@pytest.fixture
def sharing(shared: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Begins a process that shares two files."""
    begun: list[subprocess.Popen[str]] = []

    def begin() -> subprocess.Popen[str]:
        command = [sys.executable, "-S", "-c", SHARE, str(shared)]
        begun.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert begun[-1].stdout is not None
        assert begun[-1].stdout.readline() == "shared\n"
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def names(process: subprocess.Popen[str]) -> set[str]:
    return {f"torch_{process.pid}_17_0", f"torch_{process.pid}_99_1"}


def there(shared: Path) -> set[str]:
    return {file.name for file in shared.iterdir()} - {"sem.x"}


def test_files_of_noted_processes_that_are_dead_are_removed_and_no_others(tmp_path, shared, sharing):
    dead, alive, unknown = sharing(), sharing(), sharing()
    note(tmp_path, {dead.pid, alive.pid})
    for process in (dead, unknown):
        process.kill()
        process.wait()
    free(tmp_path)
    assert there(shared) == names(alive) | names(unknown)
    assert (shared / "sem.x").exists()


def test_another_container_s_process_of_the_same_number_keeps_its_memory(tmp_path, shared, sharing):
    process = sharing()
    theirs = f"torch_{process.pid}_4242_0"
    (shared / theirs).touch()
    assert files_named_after({process.pid}) == names(process) | {theirs}
    note(tmp_path, {process.pid})
    process.kill()
    process.wait()
    free(tmp_path)
    assert there(shared) == {theirs}


def test_a_process_that_nobody_has_waited_for_is_dead(tmp_path, shared, sharing):
    process = sharing()
    note(tmp_path, {process.pid})
    process.kill()
    assert process.stdout is not None
    assert process.stdout.read() == "", "it has ended"
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    free(tmp_path)
    assert there(shared) == set()


def test_what_a_process_still_going_down_has_is_freed_the_time_after(tmp_path, shared, sharing):
    emptied = pytest.importorskip("agents.appo.runner", exc_type=ImportError).emptied
    folder = tmp_path / "sample_factory"
    assert emptied(folder) == folder
    first, second = sharing(), sharing()
    note(folder, {first.pid})
    (folder / "nle-games").mkdir()
    (folder / "start.pt").touch()
    emptied(folder)
    assert [file.name for file in folder.iterdir()] == [NOTE]
    note(folder, {second.pid})
    for process in (first, second):
        process.kill()
        process.wait()
    emptied(folder)
    assert there(shared) == set()


def test_memory_shared_by_a_process_that_has_died_since_stays_noted(tmp_path, shared, sharing):
    died, goes_on = sharing(), sharing()
    note(tmp_path, {died.pid, goes_on.pid})
    died.kill()
    died.wait()
    note(tmp_path, {died.pid, goes_on.pid})
    free(tmp_path)
    assert there(shared) == names(goes_on)


@pytest.mark.parametrize("machine", ["another/boot/namespace", ""])
def test_of_another_machine_s_processes_nothing_is_known(tmp_path, shared, sharing, monkeypatch, machine):
    process = sharing()
    with monkeypatch.context() as there_:
        there_.setattr(shared_memory, "_machine", lambda: "this/boot/namespace")
        note(tmp_path, {process.pid})
    process.kill()
    process.wait()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(shared_memory, "_machine", lambda: machine)
        note(tmp_path, {process.pid})
        free(tmp_path)
    assert there(shared) == names(process)
    assert json.loads((tmp_path / NOTE).read_text()) == {"this/boot/namespace": sorted(names(process))}


def test_without_a_readable_note_nothing_is_removed(tmp_path, shared, sharing):
    process = sharing()
    process.kill()
    process.wait()
    free(tmp_path / "no attempt was here")
    (tmp_path / NOTE).write_text("{")
    free(tmp_path)
    assert there(shared) == names(process)
