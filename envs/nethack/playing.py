"""Who plays an environment's copies: worker processes, or this one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from envs.base import EnvError
from envs.nethack.board import Board
from envs.nethack.copies import Copies
from envs.nethack.game import Setup
from envs.nethack.options import Options
from envs.nethack.players import Player, wants_autopickup
from envs.nethack.workers import Workers


class Plays(Protocol):
    def call(self, command: str) -> None:
        """Let all copies do what a method of ``Copies`` does. Raises EnvError where one cannot."""

    @property
    def close(self) -> Callable[[], Any]:
        """End all games, so that their recordings are whole."""


def players(env_id: str, options: Options, board: Board, bot: Player | None) -> Plays:
    """Get all copies of the board ready for ``reset``. Raises EnvError where games cannot be recorded as asked."""
    copies = len(board["action"])
    setup = Setup(
        env_id=env_id,
        character=options.character,
        max_steps=options.max_steps,
        step_penalty=options.step_penalty,
        no_progress_timeout=options.no_progress_timeout,
        keys=() if bot is None else bot.keys,
        autopickup=wants_autopickup(options.player),
    )
    folder = None if options.record_to is None else _new_folder(env_id, options.record_to)

    def build(part: range) -> Copies:
        return Copies(board, part, setup, bot, folder)

    count = process_count(options.processes, copies)
    if not count:
        return Here(env_id, build(range(copies)))
    return Workers(
        env_id, [range(*pair) for pair in pairwise(copies * number // count for number in range(count + 1))], build
    )


class Here:
    """Plays all copies in this process."""

    def __init__(self, env_id: str, copies: Copies) -> None:
        self._env_id = env_id
        self._copies: Copies | None = copies

    def call(self, command: str) -> None:
        if self._copies is None:
            raise EnvError(f"{self._env_id} is closed; make it anew")
        getattr(self._copies, command)()

    def close(self) -> None:
        if self._copies is not None:
            self._copies.close()
        self._copies = None


def process_count(wanted: int | None, copies: int) -> int:
    """Worker processes for so many copies; 0 where one process would do as well, or where none may be started."""
    if multiprocessing.current_process().daemon:
        return 0
    if wanted is not None:
        return min(wanted, copies)
    count = min(len(os.sched_getaffinity(0)), copies)
    return count if count > 1 else 0


def _new_folder(env_id: str, path: str) -> Path:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise EnvError(f"{env_id}: record_to={path} is not empty; name a new folder")
    return folder
