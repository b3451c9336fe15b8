"""Exclusive right to compute a stage: a numbered claim with a heartbeat, so that no two processes compute the same.

Claims are files `claims/<number>.json`, created by an exclusive link. A claim is live while its process is. Of one on
another machine only its heartbeat (the file's modification time) can be seen: it is dead when that has not changed for
STALE_S of the observer's own monotonic clock, so neither two machines' clocks nor two times of one are compared. A job
that Slurm has restarted on another machine knows that its old self is dead. Whoever finds the newest claim dead creates
the next number, which only one can; the old holder, should it wake, sees it and stops.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.files import Damaged, Unusable, read_json, write_json

STALE_S = 60.0
FRESH_S = 15.0
LOOK_S = 0.5
OURS = (
    "ldd-"  # begins the names of our Slurm jobs; only of those is it known that the name tells one job from all others
)
_CLAIM = {"host": "", "pid": 0, "start": 0, "released": False}


@dataclass(frozen=True)
class Process:
    """A process that can be told from a later one with the same number. host: machine, boot and process namespace."""

    host: str
    pid: int
    start: int

    @classmethod
    def current(cls) -> Process:
        return cls(_host(), os.getpid(), _start(os.getpid()) or 0)

    def alive(self) -> bool | None:
        """Whether it still runs; None when it belongs to another machine, where nobody here can know."""
        if self.host != _host():
            return None
        return _start(self.pid) == self.start


@cache
def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot = namespace = ""
    return f"{platform.node()}/{boot}/{namespace}"


def _start(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None if there is none, or only its unreaped remains."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def slurm_job() -> dict[str, Any] | None:
    """Name, array index and restart count of the job of ours that this process belongs to; its id is for people."""
    name = os.environ.get("SLURM_JOB_NAME", "")
    if not name.startswith(OURS):
        return None
    return {
        "name": name,
        "index": os.environ.get("SLURM_ARRAY_TASK_ID"),
        "restart": int(os.environ.get("SLURM_RESTART_COUNT") or 0),
        "id": os.environ.get("SLURM_JOB_ID"),
    }


@dataclass
class Watch:
    """Tells by their heartbeats which holders on other machines live. One per process, for it must look repeatedly."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    # The last beat, since when it is known, and whether it was seen to follow another.
    _seen: dict[Path, tuple[object, float, bool]] = field(default_factory=dict, init=False)

    def alive(self, path: Path) -> bool | None:
        """True: it was seen to beat just now. False: it has not for STALE_S. None: that cannot be said yet."""
        try:
            with path.open("rb") as file:  # opened, since over NFS only that asks the server
                status = os.fstat(file.fileno())
            beat: object = (status.st_ino, status.st_mtime_ns)
        except FileNotFoundError:
            return False
        except OSError:
            beat = None
        now = self.clock()
        seen, since, beaten = self._seen.get(path, (beat, now, False))
        if beat != seen:
            since, beaten = now, True
        self._seen[path] = beat, since, beaten
        if now - since >= STALE_S:
            return False
        return True if beaten and now - since < FRESH_S else None


WATCH = Watch()
_held: set[Path] = set()  # the claims of this process: of those, /proc would say that they live as long as it does


@dataclass
class Claim:
    """The right to compute one stage. number: how many claims there have been, this one included."""

    path: Path
    number: int
    _sure_at: float = field(default_factory=time.monotonic, init=False, repr=False)

    @classmethod
    def acquire(
        cls, folder: Path, watch: Watch | None = None, give_up: Callable[[], bool] = lambda: False
    ) -> Claim | None:
        """Claim the stage, or None when another process holds it, or once `give_up` says so.

        Waits up to STALE_S where the holder is on another machine: until its heart beats, or clearly does not.
        Raises Unwritable.
        """
        watch = watch or WATCH
        newest = count(folder)  # once: whoever claims after this look takes the number that is tried below
        alive = _alive(folder, newest, watch)
        while alive is None and not give_up():
            watch.pause(LOOK_S)
            alive = _alive(folder, newest, watch)
        if alive is not False:
            return None
        claim = cls(folder / f"{newest + 1}.json", newest + 1)
        content = {**asdict(Process.current()), "since": time.time(), "released": False, "slurm": slurm_job()}
        _held.add(claim.path)
        if not write_json(claim.path, content, exclusive=True):
            return None
        if newest:
            _release(_path(folder, newest))  # should its holder wake: over NFS it sees its own file before the new one
        return claim

    def beat(self) -> bool:
        """Show that the holder lives. False: somebody else took over, so stop without writing anything more."""
        try:
            os.utime(self.path)
            content = _content(self.path)
            mine = content is not None and not content["released"] and count(self.path.parent) == self.number
        except FileNotFoundError:
            return False
        except OSError:  # the folder cannot be reached: the right lapses when nobody can have seen a beat for so long
            return time.monotonic() - self._sure_at < STALE_S
        if mine:
            self._sure_at = time.monotonic()
        return mine

    def holds(self) -> bool:
        """`beat`, but only where the last one is long ago: cheap enough to ask before every write."""
        return time.monotonic() - self._sure_at < STALE_S / 2 or self.beat()

    def release(self) -> None:
        """Give the right back. Where that cannot be written (a full disk), it ends with this call all the same."""
        _held.discard(self.path)
        _release(self.path)


def count(folder: Path) -> int:
    """The number of claims so far, which is the number of attempts at the stage."""
    if not folder.is_dir():
        return 0
    return max((int(path.stem) for path in folder.glob("[0-9]*.json") if path.stem.isdigit()), default=0)


def holder(folder: Path, watch: Watch | None = None) -> dict[str, Any] | None:
    """The newest claim's content, unless its holder is known to be dead: what is decided by this loses no work."""
    number = count(folder)
    return None if _alive(folder, number, watch or WATCH) is False else _content(_path(folder, number))


def settled(folder: Path, watch: Watch | None = None) -> dict[str, Any] | None:
    """`holder`, with certainty: waits up to STALE_S for the heartbeat of a process on another machine."""
    watch = watch or WATCH
    while _alive(folder, count(folder), watch) is None:
        watch.pause(LOOK_S)
    return holder(folder, watch)


def seems_held(folder: Path) -> bool:
    """Whether the stage seems to be computed, at one look: for a display. By this nothing may be decided."""
    number = count(folder)
    alive = _alive(folder, number, WATCH)
    if alive is not None:
        return alive
    with contextlib.suppress(OSError):
        return time.time() - _path(folder, number).stat().st_mtime < STALE_S
    return False


def words(content: dict[str, Any]) -> str:
    """A holder in a person's words."""
    slurm = content.get("slurm")
    where = f"process {content['pid']} on {content['host'].partition('/')[0]}"
    return f"{where} (Slurm job {slurm['id']}, {slurm['name']})" if slurm else where


def _release(path: Path) -> None:
    with contextlib.suppress(OSError):
        content = _content(path)
        if content is not None and not content["released"]:
            write_json(path, {**content, "released": True})


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number}.json"


def _content(path: Path) -> dict[str, Any] | None:
    """A claim; of one that cannot be read, that its holder is not known: only the file's heartbeat tells of it."""
    try:
        content: dict[str, Any] | None = read_json(path, _CLAIM)
    except (Damaged, Unusable):
        return {**_CLAIM, "host": "an unknown machine"}
    return content


def _alive(folder: Path, number: int, watch: Watch) -> bool | None:
    """Whether the holder of this claim lives; None while that cannot be said."""
    path = _path(folder, number)
    content = _content(path) if number else None
    if content is None or content["released"]:
        return False
    alive = Process(content["host"], content["pid"], content["start"]).alive()
    if alive is None:
        return False if _restarted(content) else watch.alive(path)
    return alive and (content["pid"] != os.getpid() or path in _held)


def _restarted(content: dict[str, Any]) -> bool:
    """Whether this process is a later start of the Slurm job that holds the claim, which is then its own past."""
    theirs, mine = content.get("slurm"), slurm_job()
    if not theirs or mine is None:
        return False
    same = (theirs["name"], theirs["index"]) == (mine["name"], mine["index"])
    return same and bool(theirs["restart"] < mine["restart"])
