"""The rules of one turn as lookup tables (env_rtfm.md §6-§10).

Cells are numbered row * 4 + column in the 4x4 interior of the 6x6 board; 16 stands for "nowhere".
Things are ordered agent, target, distractor, good item, bad item in every table and tensor of this package.
Hands: 0 nothing, 1 the good item (it beats the target's element), 2 the bad one (it beats the distractor's).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

ACTIONS = ("stay", "up", "down", "left", "right")
AGENT, TARGET, DISTRACTOR, GOOD, BAD = range(5)
SIDE, CELLS = 4, 16
NOWHERE = CELLS
OUTCOMES = 150
"""Equally likely outcomes that express the monster policy exactly: .6 towards the agent (1 or 2 directions) and .4 over
staying and the 2 to 4 directions without a wall, so all probabilities are multiples of 1/150."""
_DIRECTIONS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def _neighbour(cell: int, action: int) -> int | None:
    row, column = cell // SIDE + _DIRECTIONS[action][0], cell % SIDE + _DIRECTIONS[action][1]
    return row * SIDE + column if 0 <= row < SIDE and 0 <= column < SIDE else None


@cache
def moves() -> Tensor:
    """int64 [5, 16]: where an action leads; a wall leaves the agent where it is."""
    return torch.tensor([[_or(_neighbour(cell, action), cell) for cell in range(CELLS)] for action in range(5)])


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


@cache
def valid() -> Tensor:
    """float32 [17, 5]: 0 for a step into the wall; all ones once the agent is nowhere."""
    rows = [[float(_neighbour(cell, action) is not None) for action in range(5)] for cell in range(CELLS)]
    return torch.tensor([*rows, [1.0] * 5])


def _distance2(a: int, b: int) -> int:
    """Squared Euclidean distance: monsters compare Euclidean distances."""
    return (a // SIDE - b // SIDE) ** 2 + (a % SIDE - b % SIDE) ** 2


@cache
def chase() -> Tensor:
    """int64 [16 agent cells, 16 monster cells, 150]: equally likely destinations of a moving monster."""
    return torch.tensor([[_destinations(agent, monster) for monster in range(CELLS)] for agent in range(CELLS)])


def _destinations(agent: int, monster: int) -> list[int]:
    around = [cell for action in range(1, 5) if (cell := _neighbour(monster, action)) is not None]
    nearer = [cell for cell in around if _distance2(agent, cell) < _distance2(agent, monster)] or [monster]
    anywhere = [monster, *around]
    hunting = OUTCOMES * 6 // 10
    return [cell for cell in nearer for _ in range(hunting // len(nearer))] + [
        cell for cell in anywhere for _ in range((OUTCOMES - hunting) // len(anywhere))
    ]


class Turn(NamedTuple):
    """What a turn leads to, by its code: hands * 128 + (does the distractor come first) * 64 + contacts.

    Contacts are bits: the agent steps onto the target (1), the distractor (2), the good item (4), the bad item (8), by
    their positions before the turn; the target (16), the distractor (32) moves onto the agent's new cell.
    """

    gone: Tensor
    """bool [384, 5]: agent, monsters or items that leave the board in this turn."""
    hands: Tensor
    """int64 [384]: what the agent holds afterwards."""
    over: Tensor
    """bool [384]: somebody died."""
    won: Tensor
    """bool [384]: the target is dead and the agent alive at the end of the turn."""


@cache
def turns() -> Turn:
    """The table of all turns; s1's monsters never move, so there the last two contacts repeat the first two."""
    results = [
        _play(code // 128, bool(code // 64 % 2), [bool(code >> bit & 1) for bit in range(6)]) for code in range(3 * 128)
    ]
    gone = torch.tensor([result[0] for result in results])
    hands = torch.tensor([result[1] for result in results])
    return Turn(gone, hands, gone[:, :GOOD].any(dim=1), gone[:, TARGET] & ~gone[:, AGENT])


def _play(hands: int, distractor_first: bool, contact: list[bool]) -> tuple[list[bool], int]:
    on_target, on_distractor, on_good, on_bad, target_comes, distractor_comes = contact
    gone = [False] * 5
    if on_good:
        hands, gone[GOOD] = 1, True
    if on_bad:
        hands, gone[BAD] = 2, True

    def fight(monster: int) -> None:
        if not gone[monster] and not gone[AGENT]:
            beaten = hands == (1 if monster == TARGET else 2)
            gone[monster if beaten else AGENT] = True

    order = (DISTRACTOR, TARGET) if distractor_first else (TARGET, DISTRACTOR)
    for monster in order:
        if (monster == TARGET and on_target) or (monster == DISTRACTOR and on_distractor):
            fight(monster)
    for monster in order:
        if (monster == TARGET and target_comes) or (monster == DISTRACTOR and distractor_comes):
            fight(monster)
    return gone, hands
