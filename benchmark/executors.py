"""How stages are run: what configs/executor/*.yaml say, as data. Nothing here changes a result or is part of a key."""

from __future__ import annotations

import dataclasses
import fnmatch
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmark.capacity import Machine
from benchmark.errors import BadInput, unknown
from benchmark.spec import Outcome, Plan, Resources


@dataclass(frozen=True)
class ExecutorConfig(ABC):
    """What all executors have in common; the fields and their meaning stand in configs/executor/*.yaml."""

    kind: str
    checkpoint_s: float
    max_failures: int
    max_crashes: int
    backoff_s: float

    @property
    @abstractmethod
    def slots(self) -> int:
        """Jobs at once."""

    @abstractmethod
    def resources_of(self, plan: Plan, key: str) -> Resources:
        """What a stage of a plan is given."""

    def repeats(self, failed: Outcome) -> bool:
        """Whether a failed stage is tried again: its cause can go away, and has not been waited for long enough."""
        return failed.transient and failed.failures < self.max_failures


@dataclass(frozen=True)
class InlineConfig(ExecutorConfig):
    """One stage after the other, in this process."""

    device: str

    @property
    def slots(self) -> int:
        return 1

    def resources_of(self, plan: Plan, key: str) -> Resources:
        return Resources(self.device, self.checkpoint_s, gpus=_gpus(self.device))


@dataclass(frozen=True)
class LocalConfig(ExecutorConfig):
    """Processes of this machine."""

    workers: int | None
    device: str
    mem_gb: float
    per_gpu: int
    grace_s: float
    timeout_min: int

    @cached_property
    def slots(self) -> int:
        """As many workers as asked for; else as many as the machine has cores, memory and GPUs for."""
        return self.workers or Machine.here().slots(self.mem_gb, self.per_gpu if self.device == "cuda" else None)

    def resources_of(self, plan: Plan, key: str) -> Resources:
        return Resources(self.device, self.checkpoint_s, gpus=_gpus(self.device), mem_gb=self.mem_gb)


@dataclass(frozen=True)
class SlurmConfig(ExecutorConfig):
    """Jobs of a Slurm cluster. resources: what some stages get instead (see `resources_of`)."""

    partition: str | None
    account: str | None
    constraint: str | None
    qos: str | None
    time_min: int
    mem_gb: float
    cpus: int
    gpus: int
    max_time_min: int
    max_mem_gb: float
    growth: float
    parallelism: int
    max_jobs: int
    array_size: int
    signal_s: int
    poll_s: float
    lost_after_s: float
    resources: Sequence[Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    setup: Sequence[str] = ()

    def __post_init__(self) -> None:
        for index, line in enumerate(self.resources):
            _check_line(f"executor.resources[{index}]", line)
        _check_extra(self.extra)

    @property
    def slots(self) -> int:
        return min(self.parallelism, self.max_jobs)

    def resources_of(self, plan: Plan, key: str) -> Resources:
        """What a stage asks for: the common values, changed by every line of `resources` that matches it, in order.

        A line matches a stage by `environment/method/stage` with shell wildcards; a stage that methods share matches
        when one of them does.
        """
        given: dict[str, Any] = {name: getattr(self, name) for name in _GIVEN}
        names = _names(plan, key)
        for line in self.resources:
            if any(fnmatch.fnmatchcase(name, line["stages"]) for name in names):
                given |= {name: value for name, value in line.items() if name != "stages"}
        return Resources(_device(given["gpus"]), self.checkpoint_s, **given)

    def names(self, plan: Plan) -> Iterable[str]:
        """`environment/method/stage` of everything in a plan that a line of `resources` can match."""
        return dict.fromkeys(name for key in plan.stages for name in _names(plan, key))


def _names(plan: Plan, key: str) -> list[str]:
    methods = dict.fromkeys(cell.method for cell in plan.users[key])
    return [f"{plan.environment(key)}/{method}/{stage}" for method in methods for stage in plan.names(key)]


# What a line of `resources` may set, and what each is.
_GIVEN: dict[str, type] = {"cpus": int, "gpus": int, "mem_gb": float, "time_min": int}


def executor_config(content: Mapping[str, Any], where: str) -> ExecutorConfig:
    """The configuration of a kind. Raises BadInput where a value is missing, unknown or of the wrong shape."""
    kinds: dict[str, type[ExecutorConfig]] = {"inline": InlineConfig, "local": LocalConfig, "slurm": SlurmConfig}
    kind = kinds.get(str(content.get("kind")))
    if kind is None:
        raise BadInput(f"{where}: {unknown('executor kind', str(content.get('kind')), kinds)}")
    fields = {one.name: one for one in dataclasses.fields(kind)}
    for name in content:
        if name not in fields:
            raise BadInput(f"{where}: {unknown(f'key of executor {kind_name(kind)}', name, fields)}")
    needed = [
        name
        for name, one in fields.items()
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in needed if name not in content]
    if missing:
        raise BadInput(f"{where}: {', '.join(missing)} missing; every setting of an executor has its value in its file")
    try:
        return kind(**content)
    except BadInput as error:
        raise BadInput(f"{where}: {error}") from error


def kind_name(kind: type[ExecutorConfig]) -> str:
    return kind.__name__.removesuffix("Config").lower()


def _gpus(device: str) -> int:
    return 1 if device == "cuda" else 0


def _device(gpus: int) -> str:
    return "cuda" if gpus else "cpu"


def _check_line(where: str, line: Any) -> None:
    if not isinstance(line, Mapping) or not isinstance(line.get("stages"), str) or line["stages"].count("/") != 2:
        raise BadInput(f"{where} is {line!r}, expected {{stages: environment/method/stage, gpus: 1, …}}")
    for name, value in line.items():
        if name == "stages":
            continue
        if name not in _GIVEN:
            raise unknown(f"key of {where}", str(name), ["stages", *_GIVEN])
        kinds = (int, float) if _GIVEN[name] is float else (int,)
        least = 0 if name == "gpus" else 1 if _GIVEN[name] is int else 0.001
        if type(value) not in kinds or value < least:
            raise BadInput(f"{where}: {name} is {value!r}, expected a number of at least {least}")


def _check_extra(extra: Any) -> None:
    if not isinstance(extra, Mapping) or not all(
        isinstance(name, str) and isinstance(value, str | int | float | bool) for name, value in extra.items()
    ):
        raise BadInput(
            f"executor.extra is {extra!r}, expected parameters of sbatch as {{nice: 100, reservation: night}}"
        )
