"""What the copies of a game and the environment tell each other: arrays with one row per copy, in shared memory."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

Board = dict[str, npt.NDArray[Any]]
"""Name -> array [copies, ...]; the names and their meaning are those of ``FIELDS``."""

ROWS, COLUMNS = 24, 80
SCREEN = ("tty_chars", "tty_colors", "tty_cursor")
SEEDS = ("core", "disp", "lgen", "player")
"""A game's random numbers: NetHack's own, those of its display, those of its levels, and its scripted player's."""

_REASON = 240

_SCREEN: dict[str, tuple[tuple[int, ...], type]] = {
    "tty_chars": ((ROWS, COLUMNS), np.uint8),
    "tty_colors": ((ROWS, COLUMNS), np.uint8),
    "tty_cursor": ((2,), np.uint8),
}
FIELDS: dict[str, tuple[tuple[int, ...], type]] = {
    # written by the environment
    "action": ((), np.int64),
    "seeds": ((len(SEEDS),), np.int64),  # of the next game
    "more": ((), np.bool_),  # is there a next game?
    # written by the copies: now, the screen, and the step that led here
    **_SCREEN,
    "idle": ((), np.bool_),  # no game is left to play
    "advice": ((), np.int64),  # the scripted player's action
    "reward": ((), np.float64),
    "done": ((), np.bool_),
    "won": ((), np.bool_),
    "truncated": ((), np.bool_),
    "total": ((), np.float64),  # the episode's rewards until here
    "length": ((), np.int64),  # its steps until here
    "score": ((), np.float64),
    "depth": ((), np.int64),
    "turns": ((), np.int64),
    # of the episode that has just ended: why its player gave up (UTF-8, zeros behind it), and its last screen
    "failed": ((_REASON,), np.uint8),
    **{f"final_{name}": field for name, field in _SCREEN.items()},
}


def new_board(copies: int) -> Board:
    """All fields, zero, in anonymous memory that processes forked from this one share."""
    sizes = {name: copies * int(np.prod(shape)) * np.dtype(dtype).itemsize for name, (shape, dtype) in FIELDS.items()}
    aligned = {name: -(-size // 64) * 64 for name, size in sizes.items()}
    memory = mmap.mmap(-1, sum(aligned.values()))
    board, offset = {}, 0
    for name, (shape, dtype) in FIELDS.items():
        board[name] = np.ndarray((copies, *shape), dtype, memory, offset)
        offset += aligned[name]
    return board


def write_reason(board: Board, row: int, reason: str) -> None:
    """Why the player of the episode that has just ended gave up, cut where it is too long; empty: it did not."""
    text = reason.encode()[:_REASON]
    board["failed"][row] = np.frombuffer(text.ljust(_REASON, b"\0"), np.uint8)


def reasons(board: Board) -> list[str]:
    """What was written for each copy."""
    return [bytes(text).rstrip(b"\0").decode(errors="ignore") for text in board["failed"]]
