"""Is a ttyrec whole, how many frames does it show, and what is in it?

NLE's own converter takes a damaged file for a short one, without a word; so every file is checked here first.
A ttyrec is one bzip2 stream of records: seconds, microseconds and length (int32 each), from version 2 on a channel
(0: what the terminal prints, 1: the key that was pressed, 2: the score), and the content.
"""

from __future__ import annotations

import bz2
import hashlib
import struct
from pathlib import Path
from typing import NamedTuple

OUTPUT, KEY = 0, 1
"""Channels. Up to version 1 there is only output, each record of which is a frame; later, each key follows a frame."""


class Unreadable(Exception):
    """A ttyrec that is not whole; says why, in few words, without the file's name."""


class Content(NamedTuple):
    """frames: how many NLE's converter reads. sha256: of all records up to the last frame, without their times.

    What follows, such as the name of a file that NetHack cannot open, nobody sees, and no repeat reproduces.
    """

    frames: int
    sha256: str


def content(path: Path, version: int) -> Content:
    """What a ttyrec of this version holds. Raises Unreadable."""
    raw = _decompressed(path)
    head = struct.Struct("<3i" if version < 2 else "<3iB")
    maker = OUTPUT if version < 2 else KEY
    seen: list[bytes] = []
    shown: list[int] = []  # how much has been seen when a frame is shown
    position = 0
    while position < len(raw):
        if position + head.size > len(raw):
            raise Unreadable("its last record is cut off")
        _, _, length, *channel = head.unpack_from(raw, position)
        begin, position = position + head.size, position + head.size + length
        if length <= 0 or position > len(raw):
            raise Unreadable("a record is damaged")
        seen += (bytes(channel), raw[begin:position])
        if (channel or [OUTPUT]) == [maker] and position < len(raw):  # NLE's converter gives the very last record away
            shown.append(len(seen))
    if not shown:
        raise Unreadable("it shows no frame")
    return Content(len(shown), hashlib.sha256(b"".join(seen[: shown[-1]])).hexdigest())


def _decompressed(path: Path) -> bytes:
    try:
        compressed = path.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or type(error).__name__) from error
    stream = bz2.BZ2Decompressor()
    try:
        raw = stream.decompress(compressed)
    except OSError as error:
        raise Unreadable("its compressed data is damaged") from error
    if not stream.eof:
        raise Unreadable("its compressed data is cut off" if compressed else "it is empty")
    return raw
