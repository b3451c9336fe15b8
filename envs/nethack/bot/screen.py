"""One observation of NLE as the bot sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from nle import nethack
from numpy.typing import NDArray

from envs.nethack.bot.glyphs import INVISIBLE, KIND, Kind, is_pet, is_swallowing, species
from envs.nethack.bot.paths import CELLS, COLUMNS, ROWS, STRIDE

KEYS = ("glyphs", "blstats", "misc", "tty_chars", "inv_letters", "inv_oclasses", "inv_strs")
"""The entries of NLE's observation that the bot reads."""

_TOP_LINES = 2  # a long message wraps into the map's first row, which is always empty
_SATIATED, _HUNGRY, _WEAK = 0, 2, 3
_OUT_OF_ORDER = nethack.BL_MASK_BLIND | nethack.BL_MASK_CONF | nethack.BL_MASK_STUN | nethack.BL_MASK_HALLU


@dataclass(frozen=True)
class Monster:
    """Somebody on the map. difficulty: NetHack's own, about the level of a hero who can take it on."""

    cell: int
    glyph: int
    name: str
    difficulty: int
    pet: bool


@dataclass(frozen=True)
class View:
    """What is on the screen. Cells are numbered as in ``paths``."""

    glyphs: NDArray[np.int16]  # [CELLS]
    kinds: NDArray[np.uint8]  # [CELLS]
    me: int
    place: tuple[int, int]  # dungeon branch, level within it
    depth: int
    hp: int
    max_hp: int
    experience: int  # level
    turn: int
    hunger: int
    condition: int
    text: str
    asks: bool  # for one key
    asks_for_text: bool
    waits: bool  # for the key that shows the next message
    monsters: tuple[Monster, ...]
    items: Mapping[str, tuple[int, str]]  # letter -> object class, description

    @property
    def health(self) -> float:
        return self.hp / max(1, self.max_hp)

    @property
    def satiated(self) -> bool:
        return self.hunger == _SATIATED

    @property
    def hungry(self) -> bool:
        return self.hunger >= _HUNGRY

    @property
    def weak(self) -> bool:
        return self.hunger >= _WEAK

    @property
    def dazed(self) -> bool:
        """Blind, confused, stunned or hallucinating."""
        return bool(self.condition & _OUT_OF_ORDER)

    @property
    def swallowed(self) -> bool:
        return bool(self.me >= STRIDE and is_swallowing(int(self.glyphs[self.me - STRIDE])))

    def letters(self, kind: int, word: str = "") -> list[str]:
        """Letters of the carried items of an object class whose description holds a word."""
        return [letter for letter, (of, name) in self.items.items() if of == kind and word in name]


def read(observation: Mapping[str, NDArray[Any]]) -> View:
    """Reads NLE's observation, of which it needs ``KEYS``; nothing of it is kept, since NLE uses its arrays again."""
    stats = observation["blstats"]
    asks, asks_for_text, waits = (bool(flag) for flag in observation["misc"])
    glyphs = np.zeros((ROWS, STRIDE), np.int16)
    glyphs[:, :COLUMNS] = observation["glyphs"]
    glyphs[:, COLUMNS] = nethack.GLYPH_CMAP_OFF
    flat = glyphs.reshape(CELLS)
    kinds = KIND[flat]
    me = int(stats[nethack.NLE_BL_Y]) * STRIDE + int(stats[nethack.NLE_BL_X])
    lines = (bytes(line).decode("latin-1").strip() for line in observation["tty_chars"][:_TOP_LINES])
    return View(
        glyphs=flat,
        kinds=kinds,
        me=me,
        place=(int(stats[nethack.NLE_BL_DNUM]), int(stats[nethack.NLE_BL_DLEVEL])),
        depth=int(stats[nethack.NLE_BL_DEPTH]),
        hp=int(stats[nethack.NLE_BL_HP]),
        max_hp=int(stats[nethack.NLE_BL_HPMAX]),
        experience=int(stats[nethack.NLE_BL_XP]),
        turn=int(stats[nethack.NLE_BL_TIME]),
        hunger=int(stats[nethack.NLE_BL_HUNGER]),
        condition=int(stats[nethack.NLE_BL_CONDITION]),
        text=" ".join(lines).strip(),
        asks=asks,
        asks_for_text=asks_for_text,
        waits=waits,
        monsters=tuple(_monster(cell, int(flat[cell])) for cell in np.flatnonzero(kinds == Kind.MONSTER) if cell != me),
        items=_items(observation),
    )


def _monster(cell: np.intp, glyph: int) -> Monster:
    kind = species(glyph)
    if kind is None:
        return Monster(int(cell), glyph, "unseen" if glyph == INVISIBLE else "", 1, False)
    return Monster(int(cell), glyph, kind.mname, kind.difficulty, is_pet(glyph))


def _items(observation: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, str]]:
    letters = observation["inv_letters"]
    carried = int(np.count_nonzero(letters))
    names = (bytes(name).split(b"\0", 1)[0].decode("latin-1") for name in observation["inv_strs"][:carried])
    classes = observation["inv_oclasses"][:carried].tolist()
    return {chr(letter): (of, name) for letter, of, name in zip(letters[:carried], classes, names, strict=True)}
