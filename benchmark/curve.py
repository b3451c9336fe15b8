"""The rows that a stage logs, appended to `metrics.jsonl` so that a later attempt can continue after any checkpoint."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from benchmark.files import unwritable


class Curve:
    """The file of one attempt, which begins as an empty one unless it is cut to a mark of an earlier attempt."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._size = 0
        self._digest = hashlib.sha256()

    def append(self, row: Mapping[str, Any]) -> None:
        """Raises Unwritable; no half of the row is left then."""
        file = self._opened()
        line = (json.dumps(row) + "\n").encode()
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                file.truncate(self._size)
            raise unwritable(self._path, error) from error
        self._size += len(line)
        self._digest.update(line)

    def mark(self) -> dict[str, Any]:
        """Make the rows so far durable; {"curve_bytes", "curve_sha256"} by which they are known again."""
        try:
            os.fsync(self._opened().fileno())
        except OSError as error:
            raise unwritable(self._path, error) from error
        return {"curve_bytes": self._size, "curve_sha256": self._digest.hexdigest()}

    def cut(self, mark: Mapping[str, Any]) -> bool:
        """Go on after the rows of an earlier attempt's mark. False, and empty, where they are not there as they were.

        A mark of an earlier version has no hash.
        """
        size: int = mark["curve_bytes"]
        try:
            with self._path.open("rb") as file:
                rows = file.read(size)
        except FileNotFoundError:
            rows = b""
        digest = hashlib.sha256(rows)
        whole: bool = len(rows) == size and mark.get("curve_sha256", digest.hexdigest()) == digest.hexdigest()
        self._begin(size if whole else 0, digest if whole else hashlib.sha256())
        return whole

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._begin(0, hashlib.sha256())
        assert self._file is not None
        return self._file

    def _begin(self, size: int, digest: Any) -> None:
        self.close()
        self._size, self._digest = size, digest
        try:
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(size)
        except OSError as error:
            raise unwritable(self._path, error) from error
