"""The rig ends what it started and nothing else; this needs no Slurm."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.slurm.processes import Process, wait, wipe_out, with_descendants
from tests.toy import PATIENCE_S


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child that has a session of its own."""
    parent = subprocess.Popen(["bash", "-c", "setsid sleep 6000 & sleep 6000; wait"])
    head = Process.of(parent.pid)
    assert head is not None
    assert wait(lambda: len(with_descendants({head})) == 3, PATIENCE_S)
    members = with_descendants({head})
    yield parent
    wipe_out(lambda: members)
    parent.wait()


def test_a_process_that_has_the_number_of_ours_is_let_alone(family: subprocess.Popen[bytes]) -> None:
    now = Process.of(family.pid)
    assert now is not None
    earlier = Process(now.pid, now.start - 1)
    assert not earlier.alive()
    earlier.signal(signal.SIGKILL)
    earlier.end(0.1)
    assert now.alive()
    assert family.poll() is None


def test_a_whole_family_is_gone_at_once(family: subprocess.Popen[bytes]) -> None:
    head = Process.of(family.pid)
    assert head is not None
    gone = wipe_out(lambda: with_descendants({head}))
    assert len(gone) == 3
    assert not any(process.alive() for process in gone)
    assert family.wait(PATIENCE_S) == -signal.SIGKILL


def test_the_remains_of_a_process_are_no_process(family: subprocess.Popen[bytes]) -> None:
    family.kill()
    assert wait(lambda: Process.of(family.pid) is None, PATIENCE_S), "though nobody has asked for its exit status"
