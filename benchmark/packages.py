"""Installed packages: which version is there, which one was tested, and how to install what is missing."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from benchmark.provenance import PROJECT

_ALONE = re.compile(r"--no-deps (\S+)==(\S+)")


def installed(name: str) -> str | None:
    """The version of an installed package, by the name that pip knows it by; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def tested(name: str) -> str | None:
    """The version that the project is tested with; None where it asks for no such package."""
    return _locked().get(name, (None,))[0] or _alone().get(name, (None,))[0]


def equal(found: str | None, pinned: str) -> bool:
    """Whether a version is the one that was tested; a build of it counts as equal: 2.13.0+cpu for 2.13.0."""
    return found is not None and found.partition("+")[0] == pinned


def remedy(name: str) -> str:
    """How to install a package as it was tested."""
    if name in _locked():
        return f"pip install -r requirements/{_locked()[name][1]}"
    _, target = _alone().get(name, ("", "demo"))
    return f"`make {target}` installs it into .venv"


@cache
def _locked() -> dict[str, tuple[str, str]]:
    """Package -> its version, and the lock file that has it."""
    found: dict[str, tuple[str, str]] = {}
    for lock in sorted((PROJECT / "requirements").glob("*.lock")):
        for line in lock.read_text(encoding="utf-8").splitlines():
            name, _, pinned = line.partition("==")
            found[name] = (pinned, lock.name)
    return found


@cache
def _alone() -> dict[str, tuple[str, str]]:
    """Package that the Makefile installs without what it asks for -> its version, and the target that installs it.

    That is the target of its own, where it has one, and else `demo`.
    """
    found: dict[str, tuple[str, str]] = {}
    target = "demo"
    for line in (PROJECT / "Makefile").read_text(encoding="utf-8").splitlines():
        named = re.match(r"([a-z]+):", line)
        target = named[1] if named else "demo" if line.startswith("$") else target
        found |= {name: (pinned, target) for name, pinned in _ALONE.findall(line)}
    return found
