"""Writing files so that a reader, or a crash, never meets half of one."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(path: Path, write: Callable[[Path], None], exclusive: bool = False, durable: bool = True) -> bool:
    """Let `write` fill a temporary file beside `path`, make it durable, and put it in place in one step.

    exclusive: never replace an existing file; the first writer wins. durable: survive a power cut (a display's file
    need not). Returns whether this call put the file there.
    The temporary name keeps the suffix, since some writers (numpy, torch) choose the format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp{path.suffix}")
    try:
        write(temporary)
        if durable:
            _flush(temporary)
        if exclusive:
            try:
                os.link(temporary, path)
            except FileExistsError:
                # Over NFS the reply to a link that succeeded can be lost; the second link is the proof.
                return temporary.stat().st_nlink == 2
        else:
            temporary.replace(path)
        if durable:
            _flush(path.parent)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    write_whole(path, lambda temporary: _write(temporary, data))


def write_json(path: Path, value: Any, exclusive: bool = False, durable: bool = True) -> bool:
    """Write a JSON file in one step (see `write_whole`); NaN and infinity raise ValueError."""
    data = (json.dumps(value, indent=1, allow_nan=False) + "\n").encode()
    return write_whole(path, lambda temporary: _write(temporary, data), exclusive, durable)


def read_json(path: Path) -> Any | None:
    """The content of a JSON file, or None where there is no file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def remove_temporary(folder: Path) -> None:
    """Delete what a killed writer left; only for whoever holds the folder."""
    for path in folder.glob(".*.tmp*"):
        path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
