"""How many jobs this machine has room for: its cores, its memory, its GPUs, and which of those is least busy."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BadInput

_CGROUP = Path("/sys/fs/cgroup")
_GIB = 2**30


@dataclass(frozen=True)
class Gpu:
    """A GPU. used: share of its memory that is taken, by whomever; index: as CUDA_VISIBLE_DEVICES counts."""

    index: str
    used: float


@dataclass(frozen=True)
class Machine:
    """What a machine lends to this process. memory: bytes that can be had now; gpus: those that it may use."""

    cores: int
    memory: int
    gpus: tuple[Gpu, ...] = ()

    @classmethod
    def here(cls) -> Machine:
        return cls(_cores(), _memory(), _gpus())

    def slots(self, mem_gb: float, per_gpu: int | None) -> int:
        """Jobs of so much memory that fit, one per core; per_gpu: at most so many on a GPU, None where they use none.

        Raises BadInput where the jobs need a GPU and there is none.
        """
        limits = [self.cores, int(self.memory / (mem_gb * _GIB))]
        if per_gpu is not None:
            if not self.gpus:
                raise BadInput("executor.device=cuda, but no GPU is to be seen here; choose executor.device=cpu")
            limits.append(len(self.gpus) * per_gpu)
        return max(1, min(limits))

    def least_busy(self, jobs: Mapping[str, int]) -> str:
        """The GPU with the fewest of our own jobs (index -> how many), and of those the one with most free memory."""
        return min(self.gpus, key=lambda gpu: (jobs.get(gpu.index, 0), gpu.used)).index


def _cores() -> int:
    """Cores that this process may use, by its affinity and by the share of time that its container has."""
    cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


def _memory() -> int:
    """Bytes that can be had without swapping, by the machine and by the limit of the container."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        free = min(free, limit - int((_CGROUP / "memory.current").read_text(encoding="ascii")))
    return free


def _gpus() -> tuple[Gpu, ...]:
    """The GPUs that NVIDIA's driver shows, but for those that CUDA_VISIBLE_DEVICES hides."""
    query = ["nvidia-smi", "--query-gpu=index,uuid,memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        lines = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = None if visible is None else [name.strip() for name in visible.split(",")]
    found = []
    for line in lines:
        index, uuid, used, total = (part.strip() for part in line.split(","))
        if names is None or index in names or uuid in names:
            found.append(Gpu(index, float(used) / float(total)))
    return tuple(found)
