"""What the bot knows of its game: the screen now, the levels it has seen, and when it last prayed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from envs.nethack.bot.glyphs import BETTER_LEFT_ALONE, is_wholesome
from envs.nethack.bot.level import Level
from envs.nethack.bot.paths import KEYS, near
from envs.nethack.bot.screen import Monster, View

_DESPERATE = 20  # searches of a level
_SHOPKEEPER = re.compile(r"[Ww]elcome (again )?to [^!]+'s ")


@dataclass
class Game:
    """Tactics read it and return keys; ``aim`` is the cell that the last keys wanted to enter, open or hit."""

    rng: np.random.Generator
    levels: dict[tuple[int, int], Level] = field(default_factory=dict)
    prayed: int | None = None
    aim: int | None = None
    was: tuple[int, int] | None = None  # cell and turn when ``aim`` was set
    heard: str = ""  # the messages since the last keys
    resting: bool = False
    eats_from_floor: bool = False

    view: View = field(init=False)
    level: Level = field(init=False)

    def look(self, view: View) -> None:
        """Takes in a screen on which the game waits for a command."""
        self.view = view
        self.eats_from_floor = False
        if view.place not in self.levels:
            self.levels[view.place] = Level(view.turn)
        self.level = self.levels[view.place]
        if self.aim is not None:
            if "You kill" in self.heard and is_wholesome(int(view.glyphs[self.aim])):
                self.level.corpses[self.aim] = view.turn
            if self.was == (view.me, view.turn) or "You stop" in self.heard:
                self.level.failed[self.aim] += 1
            if "This door is locked" in self.heard:
                self.level.locked.add(self.aim)
        self.aim, self.was = None, (view.me, view.turn)
        self.level.see(view)
        if _SHOPKEEPER.search(self.heard):
            self.level.enter_shop(view.me)
            self.level.see(view)

    @property
    def threats(self) -> list[Monster]:
        """Hostile monsters in view, the nearest first.

        Those that are better left alone are among them once searching has not helped: they may block a passage.
        """
        hostile = [one for one in self.view.monsters if not (one.pet or self.level.is_peaceful(one))]
        if self.level.searches < _DESPERATE:
            hostile = [one for one in hostile if one.name not in BETTER_LEFT_ALONE]
        return sorted(hostile, key=lambda one: near(one.cell, self.view.me))

    def step_to(self, cell: int) -> str:
        """The key of a step onto a neighbouring cell."""
        self.aim = cell
        return KEYS[cell - self.view.me]
