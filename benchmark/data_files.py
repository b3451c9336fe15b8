"""The files behind a parameter of stages (`data`): what is in them is part of the key of every stage that has it.

data:
  env:
    - envs/rtfm/splits_v1.json                  # relative to the project's folder
    - ~/messenger/train.json                    # absolute: in keys by its file name, wherever it lies
    - package:messenger/envs/texts/train.json   # inside an installed package, which is not imported
    - /data/bert                                # a folder: all files that lie in it, but nothing in folders within
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput

PACKAGE = "package:"

Origin = Callable[[str, int], tuple[str, str] | None]
"""Of a list's key and the place of an entry: the setting that the entry is taken from, and what stands in it."""


class DataFiles:
    """Reads every file once."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._digests: dict[str, str] = {}

    def digests(self, data: Any, where: str, origin: Origin = lambda *_: None) -> dict[str, dict[str, str]]:
        """Parameter -> name in keys -> SHA-256, of a composition's `data`. Raises BadInput that begins with `where`."""
        if not isinstance(data, Mapping):
            raise BadInput(f"{where}: data is {data!r}, expected a list of files for each parameter of stages")
        found: dict[str, dict[str, str]] = {}
        entry_of: dict[str, str] = {}
        for parameter, entries in data.items():
            shown, own = f"{where}: data.{parameter}", found.setdefault(str(parameter), {})
            if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
                raise BadInput(f"{shown} is {entries!r}, expected a list of files")
            for place, entry in enumerate(entries):
                name = Path(entry).name if entry.startswith(("/", "~")) else entry
                if entry_of.setdefault(name, entry) != entry:
                    raise BadInput(f"{shown} names {entry}, which keys cannot tell from {entry_of[name]}; rename one")
                if entry not in self._digests:
                    try:
                        self._digests[entry] = _sha256(self._path(entry))
                    except _Absent as error:
                        refused = _refusal(f"data.{parameter}", entry, error, origin(f"data.{parameter}", place))
                        raise BadInput(f"{where}: {refused}") from error
                own[name] = self._digests[entry]
        return found

    def _path(self, entry: str) -> Path:
        """The file or folder of an entry; joining an absolute path to the project's folder gives that path."""
        if entry.startswith(PACKAGE):
            package, _, inside = entry.removeprefix(PACKAGE).partition("/")
            places, where = _package_folders(package), f"in the package {package}"
            if not places:
                raise _Absent(f"but there is no package {package}; install it, or ")
        else:
            places, inside = [self.project], str(Path(entry).expanduser())
            where = "there" if Path(inside).is_absolute() else f"in {self.project}"
        for path in (place / inside for place in places):
            if path.is_file():
                return path
            if path.is_dir():
                if any(file.is_file() for file in path.iterdir()):
                    return path
                raise _Absent("a folder without files; ")
        raise _Absent(f"which is not {where}; ")


class _Absent(Exception):
    """Nothing can be read of an entry: why, up to what can be done about its setting."""


def _refusal(data: str, entry: str, why: _Absent, origin: tuple[str, str] | None) -> str:
    """One line. What is read follows the setting that the entry is taken from; `data` only says what keys depend on."""
    if origin is None:
        return f"{data} names {entry}, {why}set the setting that this is taken from to what can be read"
    setting, value = origin
    if value == entry:
        return f"{setting} names {entry}, {why}set {setting} to what can be read"
    rest = entry.removeprefix(value).lstrip("/")
    return f"{setting} is {value}, so {entry} is read, {why}set {setting} to a folder that has {rest}"


def _sha256(path: Path) -> str:
    """Of a file's content; of a folder, of the names and contents of its files."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        return hashlib.sha256("".join(f"{file.name}\0{_sha256(file)}\n" for file in files).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _package_folders(name: str) -> list[Path]:
    """The folders of an installed top-level package, found without importing it; empty where there is none."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
