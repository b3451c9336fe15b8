"""The folder a report is written to."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any


class ReportFolder:
    """Writes files whole or not at all: a reader, or a crash, never meets half a report.

    sha256: name -> hexadecimal digest of every file written so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256: dict[str, str] = {}

    def write(self, name: str, content: bytes) -> Path:
        """Put a file in place in one step; `name` may have folders in it."""
        return self.fill(name, lambda path: _write(path, content))

    def fill(self, name: str, write: Callable[[Path], None]) -> Path:
        """The same for a file that is too large to be held: `write` fills the temporary file it is given."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
                self.sha256[name] = hashlib.file_digest(file, "sha256").hexdigest()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """The same for a plain JSON value."""
        return self.write(name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def remove_others(self, *folders: str) -> None:
        """Delete what an earlier report left in these folders and this one has no more."""
        for folder in folders:
            for path in (self.path / folder).glob("*"):
                if path.is_file() and not path.name.startswith(".") and f"{folder}/{path.name}" not in self.sha256:
                    path.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Delete a file that an earlier report left and this one has no more."""
        (self.path / name).unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
