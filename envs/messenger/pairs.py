"""Boards with the avatar and two things of Messenger, solved: what the planner of stages 2 and 3 looks up.

With a contact after k steps worth γ^k, three kinds of tables say what can be had from each position:

    V₀  reaching the target on a board without anything else,
    Vᵢ  reaching it where the lethal thing i is the only other one: it may not be touched before nor at the same time,
    S   the probability to escape two lethal chasers for a while: one never catches the faster avatar, two corner it.

Points are the places of the upper left pixel of a thing: a lattice of 2 · side - 1 a side, numbered row by row.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from envs.messenger.board import MOVES, Board
from envs.messenger.engine import CHASER, FLEEING, IMMOVABLE, OUTCOMES, Engine, touching

DISCOUNT = 0.98
"""γ, what a step of delay leaves of a contact's worth: it costs little beside a death, but the way is not lost."""
LOOKAHEAD = 8
"""Steps by which the tables of pairs look ahead. Beyond them Vᵢ sees no lethal thing (it is V₀) and S no chaser."""
NOTHING = 3
"""The type of a thing that is not there or harmless: it has one place and touches nobody."""
_TYPES = range(4)


class Tables(NamedTuple):
    """What a planner looks up. Of cells that are each other's mirror images only one has values stored, as a pose.

    neighbours: int64 [cells, 5], the cell after each action. pose: int64 [cells], that of the cell's mirror image.
    turn: int64 [cells, points], where that mirroring brings a point. place: int64 [types,
    points], number of a point among those where a thing of the type may be; size: int64 [types], how many these are.
    landing: int64 [types, points, 4], where the four moves lead; chance: float32 [types, cells, points, 4], their
    probabilities given the avatar's cell. value: float32, all V one after the other, each [poses, places of the target,
    places of the other]; start: int64 [types, types], where that of (target, other) begins. survival: float32 [poses,
    points, points], S.
    """

    neighbours: Tensor
    pose: Tensor
    turn: Tensor
    place: Tensor
    size: Tensor
    landing: Tensor
    chance: Tensor
    value: Tensor
    start: Tensor
    survival: Tensor

    def to(self, device: torch.device) -> Tables:
        """The same on a device."""
        return Tables(*(table.to(device) for table in self))


@cache
def solve(side: int, cells: tuple[tuple[int, int], ...]) -> Tables:
    """The tables of a board size and of the cells, (row, column), that things start in; made once per process."""
    model = _Model(side, cells)
    size = torch.tensor([len(points) for points in model.points])
    start = torch.zeros(len(_TYPES), len(_TYPES), dtype=torch.int64)
    values: list[Tensor] = []
    for goal in (CHASER, FLEEING, IMMOVABLE):
        alone = model.reach(goal)
        for other in _TYPES:
            start[goal, other] = sum(value.numel() for value in values)
            values.append(alone if other == NOTHING else model.reach_unharmed(goal, other, alone))
    return Tables(
        neighbours=model.neighbours,
        pose=model.pose,
        turn=model.turn,
        place=model.place,
        size=size,
        landing=model.landing,
        chance=model.chance,
        value=torch.cat([value.flatten() for value in values]),
        start=start,
        survival=model.escape(),
    )


def number(width: int, position: Tensor) -> Tensor:
    """The points at positions: int64 [..., 2] -> [...]."""
    return position[..., 0] * width + position[..., 1]


def _chance(engine: Engine, movement: int, avatar: Tensor, position: Tensor, landing: Tensor) -> Tensor:
    """How likely a thing takes each way: float32 [cells, points, 4].

    avatar: int64 [cells, 2]. position: int64 [points, 2]. landing: int64 [points, 4, 2], where the four ways lead.
    """
    shape = (len(avatar), len(position), OUTCOMES)
    things = position[None, :, None].expand(*shape, 2).flatten(1, 2)
    outcomes = torch.arange(OUTCOMES).expand(shape).flatten(1)
    moved = engine.moved(things, torch.full_like(outcomes, movement), avatar, outcomes).view(*shape, 2)
    leads = (moved[:, :, :, None] == landing[:, None]).all(-1).float().mean(2)
    # Ways that lead to the same point, such as those lost at the border, share its probability.
    alike = (landing[:, :, None] == landing[:, None]).all(-1).sum(-1)
    return leads / alike


class _Model:
    """The boards with the avatar and two things: how these move, what they touch, and the best that can come of it."""

    def __init__(self, side: int, cells: tuple[tuple[int, int], ...]) -> None:
        board = Board(side, torch.device("cpu"))
        self.neighbours = board.neighbours
        width = 2 * side - 1
        every, line = torch.arange(width * width), torch.arange(width)
        position, avatar = torch.cartesian_prod(line, line), board.position * 2
        avatar_point = number(width, avatar)

        lattice = every.view(width, width)
        turned = [lattice.rot90(quarter) for quarter in range(4)]
        mirrors = torch.stack([image.flatten() for square in turned for image in (square, square.T)])
        image, mirror = mirrors[:, avatar_point].min(0)
        stored, self.pose = image.unique(return_inverse=True)
        self.turn = mirrors[mirror]
        self.stored = torch.searchsorted(avatar_point, stored).tolist()
        """The cell that each pose is stored for."""

        starts = number(width, torch.tensor(cells) * 2)
        self.points = [every, every, mirrors[:, starts].unique(), every[:1]]
        """By type the points where such a thing may be."""
        places = [torch.searchsorted(points, every).clamp(max=len(points) - 1) for points in self.points]
        self.place = torch.stack(places)

        ways = (position[:, None] + torch.tensor(MOVES[:4])).clamp(0, width - 1)
        still = position[:, None].expand_as(ways)
        landing = [ways, ways, still, still]
        movements = [CHASER, FLEEING, IMMOVABLE, IMMOVABLE]
        engine = Engine(side, position.device)
        self.landing = number(width, torch.stack(landing))
        self.chance = torch.stack(
            [_chance(engine, movement, avatar, position, to) for movement, to in zip(movements, landing, strict=True)]
        )
        near = touching(avatar, position.expand(len(avatar), -1, -1))[self.stored]
        self._touching = [near[:, points] & (kind != NOTHING) for kind, points in enumerate(self.points)]

    def reach(self, goal: int) -> Tensor:
        """V₀ of a target's type: float32 [poses, places, 1]."""
        value = torch.zeros(len(self.stored), len(self.points[goal]), 1)
        while True:
            better = self._solved(value, goal, NOTHING, prize=1, discount=DISCOUNT)
            if torch.allclose(better, value, rtol=0, atol=1e-6):
                return better
            value = better

    def reach_unharmed(self, goal: int, other: int, alone: Tensor) -> Tensor:
        """Vᵢ of a target's and a lethal thing's type, given V₀: float32 [poses, places, places of the other]."""
        return self._solved(alone.expand(-1, -1, len(self.points[other])), goal, other, prize=1, discount=DISCOUNT)

    def escape(self) -> Tensor:
        """S: float32 [poses, points, points]."""
        points = len(self.points[CHASER])
        return self._solved(torch.ones(len(self.stored), points, points), CHASER, CHASER, prize=0, discount=1)

    def _solved(self, value: Tensor, first: int, second: int, prize: float, discount: float) -> Tensor:
        """The best expectation over LOOKAHEAD steps, where ``value`` is what follows them: shaped as ``value`` is.

        A contact ends the game. That with the second thing is worth nothing, else that with the first the prize.
        value: float32 [poses, places of the first type, places of the second].
        """
        won, lost = self._touching[first][:, :, None], self._touching[second][:, None]
        value = value.masked_fill(won, prize).masked_fill(lost, 0)
        for _ in range(LOOKAHEAD):
            best = torch.zeros_like(value)
            for pose, cell in enumerate(self.stored):
                for after in self.neighbours[cell].unique().tolist():
                    expected = self._expected(value[self.pose[after]], cell, after, first).T.contiguous()
                    expected = self._expected(expected, cell, after, second).T
                    torch.maximum(best[pose], expected, out=best[pose])
            value = (best * discount).masked_fill(won, prize).masked_fill(lost, 0)
        return value

    def _expected(self, value: Tensor, cell: int, after: int, kind: int) -> Tensor:
        """The expectation over a thing's move: of float32 [places, m] after it, by the places before it.

        cell, after: the avatar's cell before and after its own move. kind: the thing's type.
        """
        points = self.points[kind]
        places = self.place[kind][self.turn[after][self.landing[kind][points]]]
        return embedding_bag(places, value, mode="sum", per_sample_weights=self.chance[kind, cell, points])
