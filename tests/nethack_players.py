"""A scripted player's game by itself, and players that do not last: they search for a while, and some then fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from nle import nethack
from numpy.typing import NDArray

from envs.nethack.game import Game, Screens, Setup
from envs.nethack.players import Bot, Player

SEARCH: int = nethack.ACTIONS.index(nethack.Command.SEARCH)
ALL, SOME = 1, 2
"""So many players, of which one fails."""


def played(
    bot: Bot, reads: tuple[str, ...], seed: int, steps: int, autopickup: bool = True
) -> tuple[list[int], NDArray[np.int64]]:
    """The game of a seed, of at most so many steps: what a bot presses, and the numbers that it saw last.

    reads: NLE's observations that it reads.
    """
    game = Game(Setup("nethack-challenge", "mon-hum-neu-mal", steps, -0.001, 10_000, reads, autopickup))
    screens, keys, done = game.start(seed, seed, seed), list[int](), False
    while not done:
        last = screens["blstats"].copy()
        keys.append(bot.act(screens))
        turn = game.play(keys[-1])
        screens, done = turn.screens, turn.done
    game.close()
    return keys, last


def let_play(monkeypatch: pytest.MonkeyPatch, error: Exception, one_in: int, after: int = 7) -> None:
    """Who demonstrates NetHack searches; one player in so many, by its seed, raises the error instead of more keys."""

    class Searcher:
        def __init__(self, seed: int) -> None:
            self.left = after if seed % one_in == 0 else -1

        def act(self, screens: Screens) -> int:
            if self.left == 0:
                raise error
            self.left -= 1
            return SEARCH

    searcher: Callable[[int], Searcher] = Searcher
    monkeypatch.setattr("envs.nethack.env.player", lambda _name: Player(searcher, ()))
