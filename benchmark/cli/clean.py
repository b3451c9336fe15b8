"""What no grid of a root needs any more: found, listed, and deleted when a person says so."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark import lease
from benchmark.cli.show import duration, table
from benchmark.cli.show_cost import volume
from benchmark.errors import BadInput
from benchmark.files import Damaged, read_json
from benchmark.plurals import plural
from benchmark.slurm.batches import Ledger
from benchmark.store import RunStore

_KEY = re.compile(r"[0-9a-f]{16}")
_GRAVE = re.compile(r"\.[0-9a-f]{16}\.[0-9a-f]{8}\.deleted")

What = Literal["run", "grave", "launch", "probe", "batch"]


@dataclass(frozen=True)
class Rubbish:
    """One folder that nothing needs. about: kind and environment of a run, or what else it is.

    bytes: on the disk. seconds: of computing time in a result that would be lost.
    """

    path: Path
    what: What
    about: str
    state: str
    bytes: int
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "what": self.what,
            "about": self.about,
            "state": self.state,
            "bytes": self.bytes,
            "seconds": self.seconds,
        }


def find(store: RunStore) -> list[Rubbish]:
    """All that no grid needs: runs in no plan, and what deletions, commands, probes and Slurm jobs left behind.

    What is being computed, or waits in a queue, is left out. Raises BadInput where a plan cannot be read: then nobody
    can say what it needs.
    """
    if not store.root.is_dir():
        raise BadInput(f"--root {store.root} is not there; name the folder of the runs")
    needed = _needed(store)
    found: list[Rubbish] = []
    for path in sorted(store.root.iterdir()):
        if _KEY.fullmatch(path.name) and path.name not in needed and not lease.seems_held(store.claims(path.name)):
            found.append(_run(store, path))
        elif _GRAVE.fullmatch(path.name):
            found.append(Rubbish(path, "grave", "deleted by half", "", _bytes(path)))
    for path in sorted(store.launches().glob("*-*")):
        if _is_dead(path):
            found.append(Rubbish(path, "launch", "of a command that is gone", "", _bytes(path)))
    for path in _forgotten(store):
        found.append(Rubbish(path, "batch", "of Slurm jobs that are forgotten", "", _bytes(path)))
    probe = store.probe_folder()
    if probe.is_dir() and not any(map(lease.seems_held, _claims(probe))):
        found.append(Rubbish(probe, "probe", "of a killed probe", "", _bytes(probe)))
    return found


def delete(store: RunStore, rubbish: Sequence[Rubbish]) -> list[Rubbish]:
    """Delete what is still not needed; returns what was. Renamed first, so that nobody meets a folder half deleted."""
    deleted = []
    needed, forgotten = _needed(store), _forgotten(store)  # a grid may have been started since it was listed
    for one in rubbish:
        if one.what == "run" and not _entomb(store, one.path.name, needed):
            continue
        if one.what == "probe" and not _is_free(one.path):
            continue
        if one.what == "batch" and one.path not in forgotten:
            continue
        shutil.rmtree(one.path, ignore_errors=True)
        deleted.append(one)
    return deleted


def text(store: RunStore, rubbish: Sequence[Rubbish]) -> str:
    """A row per kind of folder, and the sums."""
    if not rubbish:
        return f"nothing to clean in {store.root}: every run belongs to a grid ({', '.join(store.grids()) or 'none'})"
    groups: dict[tuple[str, str], list[Rubbish]] = {}
    for one in sorted(rubbish, key=lambda one: (one.what, one.about, one.state)):
        groups.setdefault((one.about, one.state), []).append(one)
    rows = [(*words, len(own), volume(sum(one.bytes for one in own))) for words, own in groups.items()]
    grids = ", ".join(store.grids())
    because = f"needed by no grid that has been run there ({grids})" if grids else "where no grid has been run at all"
    lines = [f"in {store.root}, {because}:"]
    lines.append(table(("", "", "folders", "size"), rows))
    seconds = sum(one.seconds for one in rubbish)
    lost = f", results of {duration(seconds)} of computing among them" if seconds else ""
    lines.append(
        f"{plural(len(rubbish), 'folder')}, {volume(sum(one.bytes for one in rubbish))}{lost} (--json names each)"
    )
    return "\n".join(lines)


def _needed(store: RunStore) -> set[str]:
    """The keys in the plans of the grids that have been run here, and those that wait in a scheduler's queue."""
    keys: set[str] = set()
    for grid in store.grids():
        keys.update(store.plan(grid).stages)
    ledger = Ledger(store.launches() / "slurm")
    for batch in filter(None, map(ledger.read, ledger.names())):
        keys.update(key for work in batch.works for key in work.keys)
    return keys


def _run(store: RunStore, path: Path) -> Rubbish:
    try:
        stage = store.stage(path.name)
        env = stage.params.get("env")
        about = " ".join(filter(None, (stage.kind, str(env["id"]) if isinstance(env, dict) and "id" in env else "")))
    except (BadInput, Damaged, ValueError):
        about = "unreadable run"
    outcome = store.outcome(path.name)
    state = "never begun" if outcome.state == "missing" else outcome.state
    return Rubbish(path, "run", about, state, _bytes(path), outcome.seconds)


def _entomb(store: RunStore, key: str, needed: set[str]) -> bool:
    """Delete a run unless somebody needs or computes it; whoever computes has its claim, so we take that first."""
    if key in needed:
        return False
    claim = lease.Claim.acquire(store.claims(key))
    if claim is None:
        return False
    grave = store.folder(key).rename(store.root / f".{key}.{uuid.uuid4().hex[:8]}.deleted")
    shutil.rmtree(grave, ignore_errors=True)
    return True


def _is_dead(folder: Path) -> bool:
    """Whether the command whose jobs' files these are is gone from this machine."""
    try:
        driver = read_json(folder / "driver.json")
    except Damaged:
        return False
    return driver is not None and lease.Process(**driver).alive() is False


def _forgotten(store: RunStore) -> list[Path]:
    """Folders of batches without a file in the ledger, of grids whose driver, who tidies them away, does not run."""
    folder = store.launches() / "slurm"
    known = set(Ledger(folder).names())
    batches = [path for path in sorted(folder.glob(f"{lease.OURS}*/")) if path.name not in known]
    return [path for path in batches if not lease.seems_held(store.grid_folder(_grid(path)) / "driver")]


def _grid(batch: Path) -> str:
    return batch.name.removeprefix(lease.OURS).rpartition("-")[0]


def _claims(probe: Path) -> list[Path]:
    """Those of the probe and of the stages that it computes, whose processes it does not take along when killed."""
    return [probe / "claims", *probe.glob("*/*/claims")]


def _is_free(probe: Path) -> bool:
    """Whether no process probes or goes on computing there; then none can begin, for the claim is ours."""
    claim = lease.Claim.acquire(probe / "claims")
    if claim is None:
        return False
    if any(lease.settled(claims) is not None for claims in _claims(probe)[1:]):
        claim.release()
        return False
    return True


def _bytes(path: Path) -> int:
    return sum(one.lstat().st_blocks * 512 for one in _files(path))


def _files(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        yield from path.rglob("*")
