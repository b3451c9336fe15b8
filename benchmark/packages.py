"""Installed packages: which version is there, which one was tested, and how to install what is missing."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from benchmark.provenance import PROJECT


def installed(name: str) -> str | None:
    """The version of an installed package, by the name that pip knows it by; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def tested(name: str) -> str | None:
    """The version that a lock file of the project has; None where none has the package."""
    found = _locked().get(name)
    return found[0] if found else None


def equal(found: str | None, pinned: str) -> bool:
    """Whether a version is the one that was tested; a build of it counts as equal: 2.13.0+cpu for 2.13.0."""
    return found is not None and found.partition("+")[0] == pinned


def remedy(name: str) -> str:
    """The command that installs a package as it was tested. A lock file is complete, so nothing is to be resolved."""
    found = _locked().get(name)
    return f"pip install --no-deps -r requirements/{found[1]}" if found else f"pip install {name}"


@cache
def _locked() -> dict[str, tuple[str, str]]:
    """Package -> its version, and the lock file that has it."""
    found: dict[str, tuple[str, str]] = {}
    for lock in sorted((PROJECT / "requirements").glob("*.lock")):
        for line in lock.read_text(encoding="utf-8").splitlines():
            name, _, pinned = line.partition("==")
            found[name] = (pinned, lock.name)
    return found
