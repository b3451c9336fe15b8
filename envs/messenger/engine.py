"""The engine of stages 2 and 3: things of two by two half cells that move half a cell a step (§5).

Positions are (row, column) of a thing's upper left half cell; a board of ``side`` cells has twice as many half cells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from envs.messenger.board import MOVES
from envs.messenger.games import GOAL, MESSAGE
from envs.messenger.wording import MOVEMENTS

CHASER, FLEEING, IMMOVABLE = range(len(MOVEMENTS))
OUTCOMES = 12
"""Equally likely outcomes of a thing's move: a choice among one to four directions divides twelve without remainder."""


class Contacts(NamedTuple):
    """What the contacts of a step do, in every copy.

    lost: how much the avatar's death costs, int64 [n]; 0 = it lives. picked: the avatar takes the message. won: it
    brings the message to the goal. Both bool [n].
    """

    lost: Tensor
    picked: Tensor
    won: Tensor


class Engine:
    """The rules on a board of ``side`` cells a side."""

    def __init__(self, side: int, device: torch.device) -> None:
        self._last = 2 * side - 2
        self._actions = torch.tensor(MOVES, device=device) * 2
        self._steps = torch.tensor(_steps(), device=device)
        self._weights = torch.tensor([9 * OUTCOMES, 3 * OUTCOMES, OUTCOMES, 1], device=device)

    def walk(self, avatar: Tensor, actions: Tensor) -> Tensor:
        """The avatar's next position, int64 [n, 2]: a cell further, unless the border blocks."""
        return (avatar + self._actions[actions]).clamp_(0, self._last)

    def moved(self, things: Tensor, movements: Tensor, avatar: Tensor, outcomes: Tensor) -> Tensor:
        """The next positions of things, int64 [n, things, 2]; a move off the board is lost.

        movements: places in MOVEMENTS, int64 [n, things]. avatar: where it is before its own move, int64 [n, 2].
        outcomes: int64 [n, things], uniform below OUTCOMES.
        """
        way = (avatar[:, None] - things).sign_().add_(1)
        case = (torch.cat([movements[..., None], way, outcomes[..., None]], -1) * self._weights).sum(-1)
        return (things + self._steps[case]).clamp_(0, self._last)


def touching(avatar: Tensor, things: Tensor) -> Tensor:
    """Whose blocks overlap the avatar's: positions int64 [n, 2] and [n, things, 2] -> bool [n, things]."""
    return ((things - avatar[:, None]).abs() <= 1).all(-1)


def lethal(things: int, with_message: Tensor) -> Tensor:
    """Which of the things - enemy, message, goal, decoys - kill on contact: bool [n, things]."""
    kills = torch.ones(len(with_message), things, dtype=torch.bool, device=with_message.device)
    kills[:, MESSAGE] = False
    kills[:, GOAL] = ~with_message
    return kills


def contacts(touched: Tensor, with_message: Tensor) -> Contacts:
    """What an avatar with or without the message (bool [n]) meets in the things it touches (bool [n, things]).

    Enemy and decoys cost 1 each, even together. What comes after them, an avatar that they kill no longer meets: the
    goal without the message, which costs 1 as well, the message, and the goal that is won. That such a goal costs no
    further 1 is our reading of "-2, even -3": else -2 would end 2.3 % of random episodes, and not some 1 %.
    """
    message, goal = touched[:, MESSAGE], touched[:, GOAL]
    killed = touched.sum(1) - message.long() - goal.long()
    lost = torch.maximum(killed, (goal & ~with_message).long())
    alive = lost == 0
    return Contacts(lost, alive & message & ~with_message, alive & goal & with_message)


def _steps() -> list[tuple[int, int]]:
    """The move of every case: movement, direction of the avatar (two signs, + 1) and outcome, the last fastest."""
    directions = MOVES[:4]
    steps = []
    for movement in range(len(MOVEMENTS)):
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                nearer = [way for way in directions if way in ((down, 0), (0, right)) and way != (0, 0)]
                further = [way for way in directions if way not in nearer]
                choice = {CHASER: nearer or directions, FLEEING: further, IMMOVABLE: [(0, 0)]}[movement]
                steps += [choice[outcome % len(choice)] for outcome in range(OUTCOMES)]
    return steps
