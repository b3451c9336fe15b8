"""The log of a stage: a file that takes what is printed, and that a full disk does not turn into a second failure."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from benchmark.files import unwritable


def open_log(path: Path) -> io.TextIOWrapper:
    """The log, to be appended to line by line. Raises Unwritable."""
    try:
        return io.TextIOWrapper(io.BufferedWriter(_Forgiving(path, "a")), encoding="utf-8", line_buffering=True)
    except OSError as error:
        raise unwritable(path, error) from error


class _Forgiving(io.FileIO):
    """What cannot be written is dropped: what a stage says must not end it, nor hide why it ended."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)
