"""Where a result comes from: commit, uncommitted changes, packages, hardware, command."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent


@cache
def commit() -> dict[str, Any]:
    """{"commit": hash or None, "dirty": bool, "diff_sha256": hash of the uncommitted changes or None}.

    Untracked files are named in the hashed text but not read: runs and environments may lie in the working tree.
    """
    head = _git("rev-parse", "HEAD")
    if head is None:
        return {"commit": None, "dirty": False, "diff_sha256": None}
    changes = (_git("status", "--porcelain") or "") + (_git("diff", "HEAD") or "")
    digest = hashlib.sha256(changes.encode()).hexdigest()[:16] if changes else None
    return {"commit": head.strip(), "dirty": bool(changes), "diff_sha256": digest}


def revision(source: dict[str, Any]) -> str | None:
    """One word for the code of a provenance: the commit, with `+` and a hash of its uncommitted changes if any."""
    name: str | None = source["commit"]
    return f"{name}+{source['diff_sha256']}" if name and source["dirty"] else name


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, errors="replace", timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


@cache
def packages() -> dict[str, str]:
    """Installed distributions and their versions, from the names of their metadata folders (reading each is slow)."""
    folders = (path for entry in sys.path if entry for path in Path(entry).glob("*-*.dist-info"))
    return {name: version for name, _, version in sorted(path.stem.rpartition("-") for path in folders)}


def hardware() -> dict[str, Any]:
    """Processor, usable cores and memory (bytes) of this machine."""
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "host": platform.node(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def collect() -> dict[str, Any]:
    """All of it, as plain JSON; `created` (unix seconds) tells two computations of one stage apart."""
    return {
        **commit(),
        "command": sys.argv,
        "python": platform.python_version(),
        "packages": packages(),
        "hardware": hardware(),
        "created": time.time(),
    }
