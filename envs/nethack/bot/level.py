"""What the bot remembers of one level of the dungeon."""

from __future__ import annotations

from collections import Counter

import numpy as np

from envs.nethack.bot.glyphs import Kind
from envs.nethack.bot.paths import CELLS, around, bits, near, waves
from envs.nethack.bot.screen import Monster, View

_GIVE_UP = 3  # failed steps onto a cell
_LINGERS = 15  # turns for which a monster out of sight is taken to stand where it was
_STRAYS = 4  # a peaceful monster is known again this near to where it stood


class Level:
    """A map that does not forget what lies below things and monsters. Sets of cells are integers, as in ``paths``."""

    def __init__(self, turn: int) -> None:
        self.arrived = turn
        self.terrain = np.full(CELLS, Kind.UNKNOWN, np.uint8)
        self.visited = 0
        self.unknown = self.doors = self.closed = self.down = 0  # doors: the closed ones too
        self.free = 0  # where the hero can walk
        self.risky = 0  # traps and boulders, where he can if he must
        self.searched = np.zeros(CELLS, np.int16)
        self.failed: Counter[int] = Counter()  # steps onto a cell that did not happen
        self.doors_tried: Counter[int] = Counter()
        self.locked: set[int] = set()
        self.peaceful: dict[int, int] = {}  # cell -> glyph
        self.shop = 0
        self.occupied: dict[int, int] = {}  # cell of a monster -> turn in which it was seen there
        self.corpses: dict[int, int] = {}  # cell of somebody killed who is good to eat -> turn of that
        self.search_at: int | None = None
        self.searches = 0

    def see(self, view: View) -> None:
        """Takes in what is on the map now."""
        kinds = view.kinds
        covered = kinds >= Kind.THING
        ground = np.where(covered | (kinds == Kind.UNKNOWN), self.terrain, kinds)
        self.terrain = np.where(covered & (ground == Kind.UNKNOWN), Kind.FLOOR, ground).astype(np.uint8)
        if self.terrain[view.me] < Kind.FLOOR and self.terrain[view.me] != Kind.TRAP:
            self.terrain[view.me] = Kind.FLOOR
        self.visited |= 1 << view.me
        self._follow_the_peaceful(view)
        self._sort_cells(view)

    def _sort_cells(self, view: View) -> None:
        self.unknown = bits(self.terrain == Kind.UNKNOWN)
        self.doors = bits((self.terrain == Kind.OPEN_DOOR) | (self.terrain == Kind.CLOSED_DOOR))
        self.closed = bits(self.terrain == Kind.CLOSED_DOOR)
        self.down = bits(self.terrain == Kind.STAIRS_DOWN)
        blocks, goods = bits(view.kinds == Kind.BLOCK), bits(view.kinds == Kind.THING) & self.shop
        hopeless = sum(1 << cell for cell, times in self.failed.items() if times >= _GIVE_UP)
        avoided = hopeless | goods | self._in_the_way(view)
        self.free = bits(self.terrain >= Kind.FLOOR) & ~(avoided | blocks) | 1 << view.me
        self.risky = (bits(self.terrain == Kind.TRAP) | blocks) & ~avoided

    def enter_shop(self, cell: int) -> None:
        """The room around a cell is a shop: the hero, who picks up what he steps on, must not step on its goods."""
        for room in waves(cell, bits(self.terrain >= Kind.FLOOR) & ~self.doors, 0):
            self.shop |= room

    @property
    def frontier(self) -> int:
        """Cells that the hero has not stood on and beside which something is unknown."""
        return around(self.unknown) & ~self.visited

    def is_peaceful(self, monster: Monster) -> bool:
        return self.peaceful.get(monster.cell) == monster.glyph

    def _in_the_way(self, view: View) -> int:
        """Cells of monsters that do not yield, and of those that were there when the hero last saw the place."""
        recent = {
            cell: turn
            for cell, turn in self.occupied.items()
            if near(cell, view.me) > 1 and view.turn - turn < _LINGERS
        }
        self.occupied = recent | {monster.cell: view.turn for monster in view.monsters if not monster.pet}
        return sum(1 << cell for cell in self.occupied)

    def _follow_the_peaceful(self, view: View) -> None:
        """Peaceful monsters walk about: each is known again in the nearest monster that looks like it."""
        here = {}
        for cell, glyph in self.peaceful.items():
            alike = [monster.cell for monster in view.monsters if monster.glyph == glyph]
            strayed, nearest = min(((near(cell, other), other) for other in alike), default=(CELLS, cell))
            here[nearest if strayed <= _STRAYS else cell] = glyph
        self.peaceful = here
