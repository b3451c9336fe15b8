"""Memory that PyTorch shares between processes: where all were killed at once, the next attempt at the run frees it.

It is files /dev/shm/torch_<process>_…, which take the machine's memory until somebody removes them. Usually
PyTorch's torch_shm_manager does; a cluster, or a system out of memory, may kill that one as well.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

SHARED = Path("/dev/shm")
NOTE = "processes.json"


def note(folder: Path, processes: Collection[int]) -> None:
    """Note in the run's ``folder`` that these processes of this machine may share memory."""
    new = folder / f"{NOTE}.new"
    new.write_text(json.dumps({"machine": _machine(), "processes": sorted(processes)}), encoding="utf-8")
    new.replace(folder / NOTE)


def free(folder: Path) -> None:
    """Free what processes noted in ``folder`` have left. Another machine's are let be, and those of a number in use."""
    try:
        noted = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    machine = _machine()
    if not machine or noted["machine"] != machine:
        return
    for process in noted["processes"]:
        left = list(SHARED.glob(f"torch_{process}_*"))  # before the look: a new process of this number shows in it
        if not _runs(process):
            for file in left:
                with suppress(OSError):
                    file.unlink()


def _runs(process: int) -> bool:
    """Whether a process has this number, but for the remains of one that nobody has waited for."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def _machine() -> str:
    """Name, boot and process namespace: only there does a process's number mean the same. "" where none can be told."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()}/{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return ""
