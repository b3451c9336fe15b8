"""The data files that an environment declares (`env.data`): what is in them is part of every key of its stages.

data:
  - envs/rtfm/splits_v1.json                  # relative to the project's folder
  - /data/messenger/train.json                # absolute: in keys by its file name, wherever it lies
  - package:messenger/envs/texts/train.json   # inside an installed package, which is not imported
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput

_PACKAGE = "package:"


class DataFiles:
    """Reads every file once."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._digests: dict[str, str] = {}

    def digests(self, entries: Any, shown: str) -> dict[str, str]:
        """Name in keys -> SHA-256, of the entries of `env.data`. Raises BadInput that begins with `shown`."""
        if entries is None:
            return {}
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise BadInput(f"{shown}: env.data is {entries!r}, expected a list of files")
        found: dict[str, str] = {}
        for entry in dict.fromkeys(entries):
            name = Path(entry).name if Path(entry).is_absolute() else entry
            if name in found:
                raise BadInput(f"{shown}: env.data names two files {name}, which keys cannot tell apart; rename one")
            if entry not in self._digests:
                self._digests[entry] = hashlib.sha256(self._path(entry, shown).read_bytes()).hexdigest()
            found[name] = self._digests[entry]
        return found

    def _path(self, entry: str, shown: str) -> Path:
        """The file of an entry; joining an absolute path to the project's folder gives that path."""
        if entry.startswith(_PACKAGE):
            package, _, inside = entry.removeprefix(_PACKAGE).partition("/")
            places, where = _package_folders(package), f"the package {package}"
            if not places:
                raise BadInput(
                    f"{shown}: env.data names {entry}, but there is no package {package}; install it, or set the key "
                    "that env.data takes this place from to a folder that has the file"
                )
        else:
            places, inside, where = [self.project], entry, str(self.project)
        for place in places:
            if (place / inside).is_file():
                return place / inside
        missing = "which is no file" if Path(entry).is_absolute() else f"which is not in {where}"
        raise BadInput(f"{shown}: env.data names {entry}, {missing}")


def _package_folders(name: str) -> list[Path]:
    """The folders of an installed top-level package, found without importing it; empty where there is none."""
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
