"""Who may compute a stage: judged by /proc on this machine, by heartbeats on another, and never by anybody's clock."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import lease
from benchmark.errors import BadInput
from benchmark.files import write_json
from benchmark.lease import STALE_S, Claim, Process, Watch
from benchmark.spec import Stage
from benchmark.store import RunStore

ELSEWHERE = {"host": "node7/boot/pid", "pid": 4711, "start": 1, "since": 0.0, "released": False, "slurm": None}


class Clock:
    """A monotonic clock that passes by being waited for; `meanwhile` is what happens then, with the time."""

    def __init__(self, meanwhile: Callable[[float], None] = lambda now: None) -> None:
        self.now, self.meanwhile = 1000.0, meanwhile
        self.watch = Watch(lambda: self.now, self.pass_)

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile(self.now)


def claim_of_another_machine(folder: Path, written: float | None = None, **changes: Any) -> Path:
    path = folder / "1.json"
    write_json(path, {**ELSEWHERE, **changes})
    if written is not None:
        os.utime(path, (written, written))
    return path


def beating(path: Path, every: float, until: float) -> Callable[[float], None]:
    """Beats every so many seconds of the observer's clock, on a clock of its own that stands in the year 2001."""
    beats = []

    def beat(now: float) -> None:
        if now <= until and (not beats or now - beats[-1] >= every):
            beats.append(now)
            os.utime(path, (1e9 + now, 1e9 + now))

    return beat


JUMPS = {"as ours": 0.0, "a day behind": -86400.0, "a day ahead": 86400.0, "a day and five seconds": -86405.0}


@pytest.mark.parametrize("offset", JUMPS.values(), ids=JUMPS)
def test_a_holder_on_another_machine_lives_while_its_heart_beats_whatever_its_clock_shows(
    tmp_path: Path, offset: float
) -> None:
    path = claim_of_another_machine(tmp_path, written=time.time() + offset)
    clock = Clock(beating(path, every=5.0, until=1e9))
    assert Claim.acquire(tmp_path, clock.watch) is None
    assert clock.now < 1000.0 + 10.0, "one beat is proof"
    assert lease.settled(tmp_path, clock.watch) is not None


@pytest.mark.parametrize("offset", JUMPS.values(), ids=JUMPS)
def test_a_holder_whose_heart_stands_still_is_dead_after_the_observer_s_own_minute(
    tmp_path: Path, offset: float
) -> None:
    claim_of_another_machine(tmp_path, written=time.time() + offset)
    clock = Clock()
    assert lease.holder(tmp_path, clock.watch) is not None, "at first sight nobody can tell"
    taken = Claim.acquire(tmp_path, clock.watch)
    assert taken is not None
    assert taken.number == 2
    assert clock.now >= 1000.0 + STALE_S


def test_our_own_clock_may_be_set_while_we_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = claim_of_another_machine(tmp_path)
    jumps = iter([1e9, 2e9, 0.0])

    def beat_and_jump(now: float) -> None:
        monkeypatch.setattr(time, "time", lambda: next(jumps, 5e8))
        if now >= 1000.0 + STALE_S - 5:
            os.utime(path, (now, now))

    assert Claim.acquire(tmp_path, Clock(beat_and_jump).watch) is None
    lease.seems_held(tmp_path)  # a display may be wrong now, but it does not fall over


def test_who_fell_asleep_and_was_overtaken_writes_nothing_more(tmp_path: Path) -> None:
    path = claim_of_another_machine(tmp_path)
    taken = Claim.acquire(tmp_path, Clock().watch)
    sleeper = Claim(path, 1)
    assert taken is not None
    assert taken.beat()
    assert taken.holds()
    assert not sleeper.beat()
    sleeper._sure_at -= STALE_S
    assert not sleeper.holds(), "asked again, since the last proof is long ago"


def test_who_was_overtaken_can_read_it_in_its_own_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over NFS the list of claims may be a minute old; a file that is opened is not."""
    path = claim_of_another_machine(tmp_path)
    assert Claim.acquire(tmp_path, Clock().watch) is not None
    monkeypatch.setattr(lease, "count", lambda folder: 1)
    assert not Claim(path, 1).beat()


def test_a_claim_that_cannot_be_read_is_judged_when_it_can(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.mkdir()  # as good as unreadable, for a test that runs as root
    assert lease.holder(tmp_path, Clock().watch) is not None
    lease.seems_held(tmp_path)


def test_waiting_for_a_heartbeat_can_be_given_up(tmp_path: Path) -> None:
    claim_of_another_machine(tmp_path)
    clock = Clock()
    assert Claim.acquire(tmp_path, clock.watch, give_up=lambda: clock.now > 1003.0) is None
    assert clock.now < 1000.0 + STALE_S


def test_many_stages_of_a_dead_machine_are_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(lease, "WATCH", clock.watch)
    store, stages = RunStore(tmp_path), [Stage("policy", "t", {"seed": seed}) for seed in range(5)]
    for stage in stages:
        store.register(stage)
        claim_of_another_machine(store.claims(stage.key))
    store.require_free(*(stage.key for stage in stages))
    assert clock.now < 1000.0 + STALE_S + 5
    for stage in stages:
        store.discard(stage.key)
    assert clock.now < 1000.0 + STALE_S + 5, "known by now"


def test_whoever_is_in_the_way_is_named(tmp_path: Path) -> None:
    store, stage = RunStore(tmp_path), Stage("policy", "t", {"seed": 0})
    claim = Claim.acquire(store.claims(stage.key))
    assert claim is not None
    with pytest.raises(BadInput, match=f"process {os.getpid()} on "):
        store.require_free(stage.key)
    slurm = {"name": "ldd-demo-0badcafe", "index": "3", "restart": 0, "id": "17"}
    words = lease.words({**ELSEWHERE, "slurm": slurm})
    assert words == "process 4711 on node7 (Slurm job 17, ldd-demo-0badcafe)"


# jobs of Slurm


def in_slurm(monkeypatch: pytest.MonkeyPatch, name: str, index: str | None, restart: int, job: str = "17") -> None:
    values = {
        "SLURM_JOB_NAME": name,
        "SLURM_ARRAY_TASK_ID": index,
        "SLURM_RESTART_COUNT": str(restart) if restart else None,
        "SLURM_JOB_ID": job,
    }
    for variable, value in values.items():
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)


def test_a_claim_says_which_job_of_slurm_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_slurm(monkeypatch, "ldd-demo-0badcafe", "3", restart=2)
    assert Claim.acquire(tmp_path) is not None
    content = lease.holder(tmp_path)
    assert content is not None
    assert content["slurm"] == {"name": "ldd-demo-0badcafe", "index": "3", "restart": 2, "id": "17"}


def test_a_restarted_job_knows_that_its_former_self_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"name": "ldd-demo-0badcafe", "index": "3", "restart": 0, "id": "17"}
    claim_of_another_machine(tmp_path, slurm=before)
    in_slurm(monkeypatch, "ldd-demo-0badcafe", "3", restart=1, job="18")
    clock = Clock()
    assert Claim.acquire(tmp_path, clock.watch) is not None
    assert clock.now == 1000.0, "at once"


@pytest.mark.parametrize(
    ("name", "index", "restart"),
    [
        ("ldd-demo-0badcafe", "3", 0),
        ("ldd-demo-0badcafe", "4", 1),
        ("ldd-demo-deadbeef", "3", 1),
        ("bash", "3", 1),
    ],
    ids=["the same start", "another task", "another batch", "a name that anybody may use"],
)
def test_another_job_has_to_look_at_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, index: str, restart: int
) -> None:
    held = name if name == "bash" else "ldd-demo-0badcafe"
    claim_of_another_machine(tmp_path, slurm={"name": held, "index": "3", "restart": 0, "id": "17"})
    in_slurm(monkeypatch, name, index, restart)
    clock = Clock()
    Claim.acquire(tmp_path, clock.watch)
    assert clock.now >= 1000.0 + STALE_S


def test_on_this_machine_the_process_table_knows_better_than_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart that comes while its former self still saves on the same machine waits for that."""
    before = {"name": "ldd-demo-0badcafe", "index": "3", "restart": 0, "id": "17"}
    in_slurm(monkeypatch, "ldd-demo-0badcafe", "3", restart=1)
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as former:
        about = {"host": Process.current().host, "pid": former.pid, "start": lease._start(former.pid)}
        claim_of_another_machine(tmp_path, slurm=before, **about)
        assert Claim.acquire(tmp_path) is None
        former.communicate(b"\n")
    assert Claim.acquire(tmp_path) is not None


# damage


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"pid": 1}', b'{"host": 1, "pid": 1, "start": 1}'])
def test_of_a_damaged_claim_only_the_heartbeat_tells(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "1.json"
    path.write_bytes(damage)
    assert Claim.acquire(tmp_path, Clock(beating(path, every=5.0, until=1e9)).watch) is None
    assert "an unknown machine" in lease.words(lease.settled(tmp_path, Clock(beating(path, 5.0, 1e9)).watch) or {})
    clock = Clock()
    assert Claim.acquire(tmp_path, clock.watch) is not None
    assert clock.now >= 1000.0 + STALE_S


def test_a_claim_ends_also_where_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claim.acquire(tmp_path)
    assert claim is not None
    assert lease.holder(tmp_path) is not None

    def full(*arguments: Any, **options: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lease, "write_json", full)
    claim.release()
    assert lease.holder(tmp_path) is None, "or this process would wait for itself"
