"""Memory that PyTorch shares between processes: where all were killed at once, the next attempt at the run frees it.

It is files /dev/shm/torch_<process>_<random number>_<count>, which take the machine's memory until somebody removes
them. Usually PyTorch's torch_shm_manager does; a cluster, or a system out of memory, may kill that one as well.

The number of a process is not enough to know a file by: containers may have /dev/shm in common, and each has a process
21. So a run notes the names of the files that its processes have mapped into their memory, and only those are removed.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

SHARED = Path("/dev/shm")
NOTE = "shared_memory.json"


def files_named_after(processes: Collection[int]) -> set[str]:
    """Names of shared files with the number of one of these processes; another container's may be among them."""
    try:
        return _of(processes, " ".join(file.name for file in SHARED.iterdir()))
    except OSError:
        return set()


def note(folder: Path, processes: Collection[int]) -> None:
    """Add what these processes of this machine share now to what is noted in the run's ``folder``."""
    machine = _machine()
    if machine:
        noted = _noted(folder)
        earlier = {name for name in noted.get(machine, ()) if (SHARED / name).exists()}
        _write(folder, noted | {machine: sorted(earlier | _mapped(processes))})


def free(folder: Path) -> None:
    """Free what is noted in ``folder``; what cannot be freed yet stays noted.

    That is another machine's, and that of a process which is still running or going down.
    """
    noted, machine = _noted(folder), _machine()
    if machine not in noted:
        return
    for name in noted[machine]:
        if not _runs(int(name.split("_")[1])):
            with suppress(OSError):
                (SHARED / name).unlink()
    with suppress(OSError):  # a full disk: the note stays as it is
        _write(folder, noted | {machine: [name for name in noted[machine] if (SHARED / name).exists()]})


def _noted(folder: Path) -> dict[str, list[str]]:
    """Names of shared files, by the machine."""
    try:
        noted: dict[str, list[str]] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted


def _write(folder: Path, noted: dict[str, list[str]]) -> None:
    new = folder / f"{NOTE}.new"
    new.write_text(json.dumps({machine: names for machine, names in noted.items() if names}), encoding="utf-8")
    new.replace(folder / NOTE)


def _mapped(processes: Collection[int]) -> set[str]:
    """Names of the shared files that one of these processes has made and one has mapped into its memory."""
    names = set()
    for process in processes:
        with suppress(OSError):
            maps = Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace")
            names |= _of(processes, maps, before=re.escape(f" {SHARED}/"))
    return names


def _of(processes: Collection[int], text: str, before: str = r"\b") -> set[str]:
    found = re.finditer(rf"{before}(torch_(\d+)_\w+)\b(?! \(deleted\))", text)
    return {match[1] for match in found if int(match[2]) in processes}


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
