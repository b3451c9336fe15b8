"""The player: answers questions, finishes what it began, and else takes the first tactic that has something to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.nethack.bot import explore, fight, survive
from envs.nethack.bot.game import Game
from envs.nethack.bot.keys import ESCAPE, INDEX, RETURN
from envs.nethack.bot.paths import STEPS
from envs.nethack.bot.screen import View, read

TACTICS = (
    survive.pray,
    survive.quaff,
    fight.attack,
    survive.eat_corpse,
    survive.eat,
    fight.approach,
    survive.rest,
    explore.descend,
    explore.collect,
    explore.explore,
    explore.open_doors,
    explore.take_risks,
    explore.descend_anyway,
    explore.search,
)
"""In order of urgency."""

_YES = ("Are you sure you want to pray",)
_FROM_FLOOR = ("eat it", "eat one")
_STUCK = 30  # keys without a turn, after which something else is tried


class Bot:
    """One game of NetHack. ``act`` is a function of the seed and of the observations so far."""

    def __init__(self, seed: int) -> None:
        self._game = Game(np.random.default_rng(seed))
        self._keys: deque[str] = deque()
        self._turn, self._idle = -1, 0

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """The next key, an index into ``nle.nethack.ACTIONS``. observation: NLE's, with at least ``KEYS``."""
        return INDEX[self._key(read(observation))]

    def _key(self, view: View) -> str:
        self._idle = self._idle + 1 if view.turn == self._turn else 0
        self._turn = view.turn
        if view.waits:
            self._game.heard += view.text
            return RETURN if self._idle < _STUCK else ESCAPE
        if view.asks_for_text:
            return ESCAPE
        if view.asks:
            return self._answer(view.text)
        if self._keys:
            return self._keys.popleft()
        return self._decide(view)

    def _answer(self, question: str) -> str:
        if "Really attack" in question:
            game = self._game
            if game.aim is not None:
                game.level.peaceful[game.aim] = int(game.view.glyphs[game.aim])
            return ESCAPE
        if any(known in question for known in _YES):
            return "y"
        if any(known in question for known in _FROM_FLOOR):
            return "y" if self._game.eats_from_floor else "n"
        return self._keys.popleft() if self._keys else ESCAPE

    def _decide(self, view: View) -> str:
        game = self._game
        game.heard += view.text
        game.look(view)
        game.heard = ""
        keys = next(filter(None, (tactic(game) for tactic in TACTICS)), "s")
        if self._idle > _STUCK:
            self._idle = 0
            keys = str(game.rng.choice(list(STEPS))) + "s"
        self._keys.extend(keys)
        return self._keys.popleft()
