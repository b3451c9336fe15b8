"""Scripted players of NetHack that do not last: they search for a while, and some of them then fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nle import nethack

from envs.nethack.game import Screens
from envs.nethack.players import Player

SEARCH: int = nethack.ACTIONS.index(nethack.Command.SEARCH)
ALL, SOME = 1, 2
"""So many players, of which one fails."""


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
