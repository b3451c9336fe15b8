"""What NLE's glyphs mean to the bot: the kind of every map symbol, and facts about the monsters of NetHack 3.6."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from nle import nethack
from numpy.typing import NDArray


class Kind(IntEnum):
    """What stands on a cell. From FLOOR on the hero can stand there too."""

    UNKNOWN = 0
    WALL = 1
    CLOSED_DOOR = 2
    TRAP = 3
    FLOOR = 4
    OPEN_DOOR = 5
    STAIRS_UP = 6
    STAIRS_DOWN = 7
    # What covers the ground of a cell and may move or be moved.
    THING = 16
    BLOCK = 17
    MONSTER = 18


_MAP_SYMBOLS = {
    Kind.WALL: ("wall", "iron bars", "tree", "water", "molten lava", "raised drawbridge"),
    Kind.CLOSED_DOOR: ("closed door",),
    Kind.OPEN_DOOR: ("open door",),
    Kind.STAIRS_UP: ("staircase up", "ladder up"),
    Kind.STAIRS_DOWN: ("staircase down", "ladder down", "hole", "trap door"),
    Kind.FLOOR: (
        *("doorway", "floor of a room", "dark part of a room", "corridor", "lit corridor", "altar", "grave"),
        *("opulent throne", "sink", "fountain", "ice", "lowered drawbridge", "squeaky board"),
    ),
}
_OPEN_AIR = ("air", "cloud")
_SYMBOLS, _TRAPS = 96, range(42, 65)
_POISON_OR_ACID = 0x1800_0000  # M1_POIS | M1_ACID of NetHack's monflag.h
_UNWHOLESOME_CLASSES = "@dfcZMVWL"  # humans, dogs, cats, cockatrices, the undead
_UNWHOLESOME = ("green slime", "bat", "giant bat", "vampire bat", "lizard", "stalker", "leprechaun", "chameleon")
_GOLD, _BOULDER = 410, 447

GOLD = nethack.GLYPH_OBJ_OFF + _GOLD
INVISIBLE = nethack.GLYPH_INVISIBLE

BETTER_LEFT_ALONE = frozenset({
    "floating eye", "blue jelly", "spotted jelly", "gas spore", "acid blob", "Oracle", "shopkeeper",
    "brown mold", "yellow mold", "green mold", "red mold", "long worm tail",
})  # fmt: skip
"""Monsters that hurt who touches them, or that are better left alone, and that hurt nobody who does not."""


def _kinds() -> NDArray[np.uint8]:
    """Glyph -> Kind, uint8 [MAX_GLYPH + 1]. Effects such as zaps and explosions tell nothing: UNKNOWN."""
    kinds = np.full(nethack.MAX_GLYPH + 1, Kind.UNKNOWN, np.uint8)
    by_name = {name: kind for kind, names in _MAP_SYMBOLS.items() for name in names}
    for symbol in range(1, _SYMBOLS):
        name = nethack.symdef.from_idx(symbol).explanation
        kind = by_name.get(name, Kind.TRAP if symbol in _TRAPS else Kind.FLOOR if name in _OPEN_AIR else Kind.UNKNOWN)
        kinds[nethack.GLYPH_CMAP_OFF + symbol] = kind
    kinds[nethack.GLYPH_BODY_OFF : nethack.GLYPH_CMAP_OFF] = Kind.THING
    kinds[nethack.GLYPH_STATUE_OFF : nethack.MAX_GLYPH] = Kind.BLOCK
    kinds[nethack.GLYPH_OBJ_OFF + _BOULDER] = Kind.BLOCK
    kinds[: nethack.GLYPH_BODY_OFF] = Kind.MONSTER
    kinds[nethack.GLYPH_RIDDEN_OFF : nethack.GLYPH_OBJ_OFF] = Kind.MONSTER
    return kinds


KIND = _kinds()


def is_pet(glyph: int) -> bool:
    return nethack.GLYPH_PET_OFF <= glyph < nethack.GLYPH_INVIS_OFF


def is_swallowing(glyph: int) -> bool:
    return nethack.glyph_is_swallow(glyph)


def is_wholesome(glyph: int) -> bool:
    """Whether a glyph is the corpse of a monster that a human can eat without harm while it is fresh."""
    if not nethack.GLYPH_BODY_OFF <= glyph < nethack.GLYPH_RIDDEN_OFF:
        return False
    monster = nethack.permonst(glyph - nethack.GLYPH_BODY_OFF)
    symbol = nethack.class_sym.from_mlet(monster.mlet).sym
    return not (symbol in _UNWHOLESOME_CLASSES or monster.mname in _UNWHOLESOME or monster.mflags1 & _POISON_OR_ACID)


def species(glyph: int) -> nethack.permonst | None:
    """The monster that a glyph shows, pets and ridden ones too; None for an unseen one or for no monster."""
    if nethack.glyph_is_monster(glyph):
        return nethack.permonst(nethack.glyph_to_mon(glyph))
    return None
