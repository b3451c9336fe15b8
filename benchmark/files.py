"""Writing files so that a reader, or a crash, never meets half of one; and words for files that cannot be used."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput

FULL = (errno.ENOSPC, errno.EDQUOT)
_KINDS: dict[type, Any] = {float: int | float, type(None): str | None}
_NOTHING_LEFT = 1 << 16  # bytes: a folder with less is full, whatever a library makes of it


class Unusable(BadInput, OSError):
    """A file could not be read or written: one line with its name, the cause and the remedy; `errno` is its cause."""

    def __str__(self) -> str:
        return str(self.strerror)


class Unwritable(Unusable):
    """See `unwritable`."""


class Damaged(BadInput):
    """A file does not hold what was written to it: one line with its name and what is wrong."""


def unwritable(path: Path, error: OSError) -> Unwritable:
    """What a person is told about a file that could not be written."""
    if isinstance(error, Unwritable):
        return error
    folder = next((parent for parent in path.parents if parent.is_dir()), path.parent)
    cause = error.strerror or str(error)
    if error.errno in FULL:
        remedy = f"{_free(folder)} free in {folder}; free some space there"
    elif error.errno == errno.EROFS:
        remedy = f"{folder} is on a file system that is mounted read-only; mount it writable"
    elif error.errno in (errno.EACCES, errno.EPERM):
        remedy = f"make {folder} writable for this user"
    else:
        remedy = f"look at {folder}"
    return Unwritable(error.errno or errno.EIO, f"cannot write {path}: {cause}; {remedy}, then run again")


def unreadable(path: Path, error: OSError) -> Unusable:
    """What a person is told about a file that could not be read."""
    return Unusable(error.errno, f"cannot read {path}: {error.strerror}; make it readable, then run again")


def write_whole(path: Path, write: Callable[[Path], None], exclusive: bool = False, durable: bool = True) -> bool:
    """Let `write` fill a temporary file beside `path`, make it durable, and put it in place in one step.

    exclusive: never replace an existing file; the first writer wins. durable: survive a power cut (a display's file
    need not). Returns whether this call put the file there. Raises Unwritable.
    The temporary name keeps the suffix, since some writers (numpy, torch) choose the format by it.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(temporary, write)
            return _put(temporary, path, exclusive, durable)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def _fill(temporary: Path, write: Callable[[Path], None]) -> None:
    try:
        write(temporary)
    except Exception as error:  # a library's own words for a full disk
        if not isinstance(error, OSError) and shutil.disk_usage(temporary.parent).free < _NOTHING_LEFT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def _put(temporary: Path, path: Path, exclusive: bool, durable: bool) -> bool:
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


def write_bytes(path: Path, data: bytes) -> None:
    write_whole(path, lambda temporary: _write(temporary, data))


def write_json(path: Path, value: Any, exclusive: bool = False, durable: bool = True, indent: int | None = 1) -> bool:
    """Write a JSON file in one step (see `write_whole`); NaN and infinity raise ValueError.

    indent: None for a large file, which then takes a tenth of the time and half of the space.
    """
    data = (json.dumps(value, indent=indent, allow_nan=False) + "\n").encode()
    return write_whole(path, lambda temporary: _write(temporary, data), exclusive, durable)


def read_json(path: Path, like: Mapping[str, Any] | None = None) -> Any | None:
    """The content of a JSON file, or None where there is no file.

    Raises Damaged where it is no JSON, or no object with these fields of these types (None: a text or null), and
    Unusable where it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        content = json.loads(data)
    except ValueError as error:
        what = "is empty" if not data else f"is no JSON ({error})"
        raise Damaged(f"{path} is damaged: it {what}") from None
    if like is not None:
        if not isinstance(content, dict):
            raise Damaged(f"{path} is damaged: it holds a {type(content).__name__}, expected an object")
        for name, example in like.items():
            if name not in content:
                raise Damaged(f"{path} is damaged: it has no {name!r}")
            if not isinstance(content[name], _KINDS.get(type(example), type(example))):
                raise Damaged(f"{path} is damaged: its {name!r} is {content[name]!r:.50}")
    return content


def set_aside(path: Path) -> Path:
    """Rename a damaged file to the first free `<name>.damaged-<number>`, so that nothing is lost; the new path."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        return path.rename(aside)
    except OSError as error:
        raise unwritable(aside, error) from error


def remove_temporary(folder: Path) -> None:
    """Delete what a killed writer left, in the folders in it too; only for whoever holds the folder."""
    for path in (*folder.glob(".*.tmp*"), *folder.glob("*/.*.tmp*")):
        path.unlink(missing_ok=True)


def _free(folder: Path) -> str:
    free = float(shutil.disk_usage(folder).free)
    for unit in ("bytes", "kB", "MB"):
        if free < 1000:
            return f"{free:.0f} {unit}"
        free /= 1000
    return f"{free:.1f} GB"


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
