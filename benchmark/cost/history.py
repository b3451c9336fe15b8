"""What finished stages of a root took: one record per workload and device, from their run folders and from probes.

Reading is fast with many thousand run folders, because what was read of one is kept in an index, `<root>/history.json`:
per folder only the time of its result is looked at again. The index is a cache; it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, KeysView, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmark.configs import leaves
from benchmark.errors import BadInput
from benchmark.files import Damaged, read_json, write_json
from benchmark.spec import Budget, Stage, canonical, without_places
from benchmark.store import RunStore

# Raised when the index or the probes are written otherwise; files of another format are not read.
FORMAT = 1


@dataclass(frozen=True)
class Workload:
    """What a stage does, whatever its seed and the results that it reads: equal ones take equally long.

    params: without the seed and the places of inputs. parents: what the stage calls them.
    """

    kind: str
    target: str
    params: Mapping[str, Any]
    parents: tuple[str, ...]

    @classmethod
    def of(cls, stage: Stage) -> Workload:
        params = {name: value for name, value in without_places(stage.params).items() if name != "seed"}
        return cls(stage.kind, stage.target, params, tuple(sorted(stage.parents)))

    @cached_property
    def id(self) -> str:
        return _digest(self.to_json())

    @cached_property
    def family(self) -> str:
        """Equal for workloads whose units of work take about equally long: same code, task, network and parents."""
        env = self.params.get("env")
        task = {name: value for name, value in env.items() if name != "name"} if isinstance(env, Mapping) else env
        return _digest([self.kind, self.target, list(self.parents), task, self.params.get("network")])

    @cached_property
    def settings(self) -> frozenset[tuple[str, str]]:
        """(Dotted name, value) of all params."""
        return frozenset((key, canonical(value)) for key, value in leaves(self.params).items())

    def differing(self, other: Workload, budget: Budget | None) -> int:
        """In how many settings two workloads differ, beside the amount of work; the target counts as one."""
        names = {name for name, _ in self.settings ^ other.settings}
        return len(names - ({budget.key, budget.times} if budget else set())) + (self.target != other.target)

    def amount(self, budget: Budget | None) -> float | None:
        """How much work it is; None where its params do not say."""
        if budget is None:
            return None
        try:
            return budget.amount(self.params) or None
        except (KeyError, TypeError, ValueError):
            return None

    def to_json(self) -> dict[str, Any]:
        params, parents = dict(self.params), list(self.parents)
        return {"kind": self.kind, "target": self.target, "params": params, "parents": parents}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Workload:
        return cls(data["kind"], data["target"], data["params"], tuple(data["parents"]))


@dataclass(frozen=True)
class Record:
    """What a workload took on a device: means over `runs` finished stages, or one probe.

    seconds: computing time. disk: bytes of a run folder. fixed_s, fixed_disk: the parts of them that more work would
    not add to.
    """

    workload: Workload
    device: str
    runs: int
    seconds: float
    disk: float
    fixed_s: float = 0.0
    fixed_disk: float = 0.0

    def to_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("runs", "seconds", "disk", "fixed_s", "fixed_disk")}
        return {"workload": self.workload.to_json(), "device": self.device, **numbers}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        return cls(**{**data, "workload": Workload.from_json(data["workload"])})


class History:
    """All records of a root.

    done: keys of the finished stages; it grows by `learn`. begun: of those that have a run folder but no result, when
    it was read.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._workloads: dict[str, Workload] = {}
        # Key -> id of its workload, device, seconds, bytes, time of its result.
        self._runs: dict[str, list[Any]] = {}
        self._of_stage: dict[tuple[Any, ...], tuple[Workload, Stage]] = {}
        self._read()
        self.probes = _read_probes(store)

    @property
    def done(self) -> KeysView[str]:
        return self._runs.keys()

    def records(self) -> list[Record]:
        """Of the run folders, then of the probes."""
        groups: dict[tuple[str, str], list[list[Any]]] = {}
        for run in self._runs.values():
            groups.setdefault((run[0], run[1]), []).append(run)
        found = [
            Record(
                self._workloads[workload],
                device,
                len(runs),
                seconds=sum(run[2] for run in runs) / len(runs),
                disk=sum(run[3] for run in runs) / len(runs),
            )
            for (workload, device), runs in groups.items()
        ]
        return found + self.probes

    def workload(self, stage: Stage) -> Workload:
        """The workload of a planned stage; stages that are planned together share most of their params."""
        shared = tuple((name, id(value)) for name, value in stage.params.items() if name != "seed")
        place = (stage.kind, stage.target, tuple(stage.parents), shared)
        if place not in self._of_stage:
            own = Workload.of(stage)
            # The stage is kept, for while it lives no other value has the identity of one of its params.
            self._of_stage[place] = (self._workloads.setdefault(own.id, own), stage)
        return self._of_stage[place][0]

    def learn(self, key: str) -> None:
        """Take in a stage that has just finished."""
        written = self.store.done_at(key)
        if written is not None:
            self._look_at(key, written)

    def _read(self) -> None:
        known: dict[str, list[Any]] = {}
        with contextlib.suppress(BadInput, LookupError, TypeError, AttributeError):  # a damaged index is written anew
            index = read_json(self.store.history_file(), {"format": 0, "workloads": {}, "runs": {}})
            if index is not None and index["format"] == FORMAT:
                self._workloads = {name: Workload.from_json(data) for name, data in index["workloads"].items()}
                known = {key: run for key, run in index["runs"].items() if len(run) == 5 and run[0] in self._workloads}
        written = self.store.written()
        done = {key: when for key, when in written.items() if when is not None}
        self.begun = written.keys() - done.keys()
        new = [key for key, when in done.items() if key not in known or known[key][4] != when]
        self._runs = {key: run for key, run in known.items() if key in done}
        for key in new:
            self._look_at(key, done[key])
        if new:
            with contextlib.suppress(OSError):  # a root that cannot be written is read anew each time
                self._write()

    def _look_at(self, key: str, written: int) -> None:
        self._runs.pop(key, None)
        result = self.store.result(key)
        try:
            stage = self.store.stage(key)
        except BadInput:  # a damaged folder says nothing of time
            return
        if result is None:
            return
        own = Workload.of(stage)
        self._workloads.setdefault(own.id, own)
        self._runs[key] = [own.id, result["device"], result["seconds"], self.store.size(key), written]

    def _write(self) -> None:
        used = {run[0] for run in self._runs.values()}
        workloads = {name: self._workloads[name].to_json() for name in sorted(used)}
        write_json(
            self.store.history_file(), {"format": FORMAT, "workloads": workloads, "runs": self._runs}, durable=False
        )


def _read_probes(store: RunStore) -> list[Record]:
    """Raises Damaged."""
    path = store.probes_file()
    content = read_json(path, {"format": 0, "records": []})
    if content is None or content["format"] != FORMAT:
        return []
    try:
        return [Record.from_json(entry) for entry in content["records"]]
    except (LookupError, TypeError) as error:
        raise Damaged(f"{path} is damaged ({error}); delete it, and --probe measures again") from error


def write_probes(store: RunStore, records: Iterable[Record]) -> None:
    """Keep the records of probes."""
    write_json(store.probes_file(), {"format": FORMAT, "records": [record.to_json() for record in records]})


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()[:16]
