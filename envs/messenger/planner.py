"""The expert of stages 2 and 3: solutions of every pair of things, joined at every step (§5, §11).

It knows the true state. The whole game is too large for an exact dynamic programme, but whatever the avatar does the
things move independently of each other, and the boards of ``envs.messenger.pairs`` are solved exactly. In its terms,
an action's score is the expectation of V₀ · Πᵢ (Vᵢ / V₀) over the target's and the lethal things' next moves, times
that of S for the two nearest lethal chasers. With a single lethal thing that is optimal play, up to LOOKAHEAD.
"""

from __future__ import annotations

import torch
from torch import Tensor

from envs.messenger.engine import CHASER
from envs.messenger.pairs import NOTHING, number, solve

_GRAIN = 1e6  # scores closer than 1 / _GRAIN are a tie, so that rounding errors decide nothing


class Planner:
    """The player of one board size and layout.

    side: cells a side. layout_cells: int64 [L, 2], (row, column), the cells that things start in: immovable things
    are expected on these only. The tables (some 45 MB) are made once per process, in a few seconds, and shared.
    """

    def __init__(self, side: int, layout_cells: Tensor, device: torch.device) -> None:
        cells = tuple((row, column) for row, column in layout_cells.tolist())
        self._side = side
        self._tables = solve(side, cells).to(device)

    def act(self, avatar: Tensor, things: Tensor, movements: Tensor, lethal: Tensor, target: Tensor) -> Tensor:
        """The action of the highest score in every copy, int64 [n]; of equal ones the first.

        avatar: int64 [n, 2] and things: int64 [n, K, 2], K >= 2: upper left pixels, (row, column), the avatar's even.
        movements: int64 [n, K], movement types. lethal: bool [n, K]. target: int64 [n], the thing to reach, not a
        lethal one. All other things are ignored.
        """
        scores = self.scores(avatar, things, movements, lethal, target)
        actions = scores.shape[1]
        later = torch.arange(actions, device=scores.device)
        return ((scores * _GRAIN).round().long() * actions - later).argmax(1)

    def scores(self, avatar: Tensor, things: Tensor, movements: Tensor, lethal: Tensor, target: Tensor) -> Tensor:
        """Every action's score, from 0 (certain death) to 1 (certain contact in this step): float32 [n, 5].

        Takes what ``act`` takes.
        """
        tables, side = self._tables, self._side
        cell = (avatar[:, 0] // 2) * side + avatar[:, 1] // 2
        after = tables.neighbours[cell]
        points = number(2 * side - 1, things)
        goal_type, types = movements.gather(1, target[:, None]), torch.where(lethal, movements, NOTHING)
        goal, goal_chance = self._moved(cell, after, points.gather(1, target[:, None]), goal_type)
        place, chance = self._moved(cell, after, points, types)

        alone = tables.value[self._row(after, goal, goal_type, torch.full_like(goal_type, NOTHING))]
        pairs = self._row(after, goal, goal_type, types)[..., None] + place[:, :, :, None]
        unharmed = (tables.value[pairs] * chance[:, :, :, None]).sum(-1)
        worth = alone[:, 0] * (unharmed / alone).prod(1)  # a harmless thing has V₀ as its Vᵢ
        reached = (worth * goal_chance[:, 0]).sum(-1)

        chasing = types == CHASER
        distance = (things - avatar[:, None]).abs().sum(-1).masked_fill(~chasing, 4 * side)
        nearest = distance.argsort(stable=True, dim=1)[:, :2]
        copies = torch.arange(len(nearest), device=nearest.device)[:, None]
        escape = self._escape(after, place[copies, nearest], chance[copies, nearest])
        return torch.where(chasing[copies, nearest].all(1, keepdim=True), reached * escape, reached)

    def _moved(self, cell: Tensor, after: Tensor, points: Tensor, types: Tensor) -> tuple[Tensor, Tensor]:
        """Where things may be once they have moved: places [n, K, 5, 4] by action and outcome, chances [n, K, 1, 4].

        cell: the avatar's, int64 [n]. after: its cell after each action, int64 [n, 5]. points, types: int64 [n, K].
        """
        tables = self._tables
        landing = tables.turn[after[:, None, :, None], tables.landing[types, points][:, :, None]]
        return tables.place[types[..., None, None], landing], tables.chance[types, cell[:, None], points][:, :, None]

    def _row(self, after: Tensor, goal: Tensor, goal_type: Tensor, types: Tensor) -> Tensor:
        """Where the values of a target with each other thing begin: int64 [n, K, 5, 4], by action and target outcome.

        goal: int64 [n, 1, 5, 4], places; goal_type: int64 [n, 1]; types: int64 [n, K].
        """
        tables = self._tables
        start, goals, others = tables.start[goal_type, types], tables.size[goal_type], tables.size[types]
        row = tables.pose[after][:, None, :, None] * goals[..., None, None] + goal
        return start[..., None, None] + row * others[..., None, None]

    def _escape(self, after: Tensor, place: Tensor, chance: Tensor) -> Tensor:
        """The expectation of S for two chasers: float32 [n, 5]."""
        one, other = place[:, 0, :, :, None], place[:, 1, :, None]
        survival = self._tables.survival[self._tables.pose[after][..., None, None], one, other]
        return (survival * chance[:, 0, :, :, None] * chance[:, 1, :, None]).sum((-1, -2))
