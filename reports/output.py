"""The folder a report is written to."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any


class ReportFolder:
    """Writes files whole or not at all: a reader, or a crash, never meets half a report."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: set[Path] = set()

    def write(self, name: str, content: bytes) -> Path:
        """Put a file in place in one step; `name` may have folders in it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._written.add(path)
        return path

    def write_json(self, name: str, value: Any) -> Path:
        """The same for a plain JSON value."""
        return self.write(name, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())

    def remove_others(self, *folders: str) -> None:
        """Delete what an earlier report left in these folders and this one has no more."""
        for folder in folders:
            for path in (self.path / folder).glob("*"):
                if path.is_file() and not path.name.startswith(".") and path not in self._written:
                    path.unlink(missing_ok=True)
