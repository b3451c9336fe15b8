"""What is drawn at the start of an episode (env_rtfm.md §2, §4), as tables indexed by a few random numbers."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from envs.rtfm import words
from envs.rtfm.rules import CELLS, SIDE
from envs.text import Tokenizer

EMPTY_NAME, WALL_NAME = 0, 1
ITEM_NAMES = 2
MONSTER_NAMES = ITEM_NAMES + len(words.MODIFIERS) * len(words.ITEMS)
PLAYER_NAME = MONSTER_NAMES + len(words.ELEMENTS) * len(words.MONSTERS)
"""Names are numbered so that of two things in one cell the one with the larger number is shown: empty, wall, items
(modifier * 8 + noun), monsters (element * 9 + noun), the player."""


def names() -> list[str]:
    """Every name that can stand in a cell, by its number."""
    items = [f"{modifier} {noun}" for modifier in words.MODIFIERS for noun in words.ITEMS]
    monsters = [f"{element} {noun}" for element in words.ELEMENTS for noun in words.MONSTERS]
    return [words.EMPTY, words.WALL, *items, *monsters, words.PLAYER]


@cache
def roles(monsters: int, modifiers: int) -> Tensor:
    """All equally likely casts of an episode, given an assignment: int64 [casts, 11].

    4,608 casts with the 3 monster nouns and 4 modifiers of stages 1-2, 165,888 with the 9 and 8 of stages 3-4. A cast
    refers to the assignment by slots: slots 0-8 are the monster nouns sorted by team, slots 9-16 the modifiers sorted
    by element, and slot 17 is always 0. Columns:

        0-4   the part of each thing's name number that the assignment does not decide
        5-9   the slot whose entry (noun, or modifier * 8) completes each name number
        10    the target's team
    """
    k, m, nouns = monsters // 3, modifiers // 4, len(words.ITEMS)
    sizes = (3, k, 4, m, nouns, 3, m, nouns, 2, k)
    grid = torch.cartesian_prod(*(torch.arange(size) for size in sizes))
    team, member, element, good, good_noun, other, bad, bad_noun, rival, rival_member = grid.unbind(1)
    bad_element = (element + 1 + other) % 4
    rival_team = (team + 1 + rival) % 3
    zero = torch.zeros_like(team)
    return torch.stack(
        [
            zero + PLAYER_NAME,
            MONSTER_NAMES + element * len(words.MONSTERS),
            MONSTER_NAMES + bad_element * len(words.MONSTERS),  # the distractor carries the bad item's element
            ITEM_NAMES + good_noun,
            ITEM_NAMES + bad_noun,
            zero + 17,
            team * k + member,
            rival_team * k + rival_member,
            9 + element * m + good,
            9 + bad_element * m + bad,
            team,
        ],
        dim=1,
    )


def slots(teams: Tensor, modifiers: Tensor) -> tuple[Tensor, Tensor]:
    """Arrangements as slot entries: int64 [team arrangements, 9] and [modifier arrangements, 9] (the last one is 0)."""
    left = torch.zeros(len(teams), 9, dtype=torch.int64)
    left[:, : teams.shape[1]] = teams
    right = torch.zeros(len(modifiers), 9, dtype=torch.int64)
    right[:, : modifiers.shape[1]] = modifiers * len(words.ITEMS)
    return left, right


@cache
def placements(start: str, items: bool) -> Tensor:
    """int64 [placements, 5]: all equally likely starting cells of agent, target, distractor, good and bad item.

    "uniform": every way to put five things on five distinct cells (524,160), as in the original.
    "fair": a reduction; the ways in which target and distractor are equally far from the agent (in moves) and no first
        move brings it nearer to both, and likewise the two items, so that the first move already needs the text.
    """
    where = torch.cartesian_prod(*(torch.arange(CELLS, dtype=torch.uint8),) * 5)
    distinct = torch.ones(len(where), dtype=torch.bool)
    for one, other in combinations(where.unbind(1), 2):
        distinct &= one != other
    where = where[distinct].long()
    if start == "fair":
        agent = where[:, :1]
        down, right = where // SIDE - agent // SIDE, where % SIDE - agent % SIDE
        far = down.abs() + right.abs()
        for first, second in ((1, 2), (3, 4)) if items else ((1, 2),):
            apart = down[:, first].sign() * down[:, second].sign() <= 0
            apart &= right[:, first].sign() * right[:, second].sign() <= 0
            fair = (far[:, first] == far[:, second]) & apart
            where, down, right, far = where[fair], down[fair], right[fair], far[fair]
    return where


class NameTables(NamedTuple):
    """Tokens of every name, by its number; ``held`` is the inventory's text, where number 0 means nothing held."""

    tokens: Tensor
    length: Tensor
    held: Tensor
    held_length: Tensor


def name_tables(tokenizer: Tokenizer, width: int) -> NameTables:
    """tokens int64 [103, width], lengths int64 [103]."""
    every = names()
    tokens, length = tokenizer.encode(every, width)
    held, held_length = tokenizer.encode(["", *every[1:]], width)
    return NameTables(tokens, length, held, held_length)
