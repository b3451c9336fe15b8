"""The expert: an exact dynamic programme over the true state.

A state is (situation, agent cell, target cell, distractor cell). The situation is what lies where and what is held:

    0-255    nothing held, good item in cell s // 16, bad item in cell s % 16
    256-271  the good item held, the bad one in cell s - 256
    272-287  the bad item held, the good one in cell s - 272
    288      the good item held, the bad one destroyed (or the game has no items)
    289      the bad item held, the good one destroyed: the game is lost

Meeting the distractor loses in every case, so does meeting the target without the good item; killing the target wins if
the distractor does not come to the agent's cell in the same turn. The monsters' moves depend on positions before the
turn only and are independent, so with M the move matrix of a monster for the agent's cell, and W the value over the
monsters' new cells, one turn's expectation is M W M^T.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from envs.rtfm import rules
from envs.rtfm.deal import placements
from envs.rtfm.rules import CELLS

TURNS = 81
"""Horizon: the original's step limit (env_rtfm.md §10, §13)."""
_TURN_COST = 1e-5
"""Of two ways to win equally often take the shorter one, and end a lost game soon. It costs less than .0001 of wins."""
_CORNER_EDGE_CENTRE = (0, 1, 5)
"""Every other agent cell is one of these seen in a mirror, so only these need to be computed."""
_GOOD_HELD, _BAD_HELD, _GOOD_ALONE, _BAD_ALONE, _SITUATIONS = 256, 272, 288, 289, 290


class Plan(NamedTuple):
    """actions: uint8 [290 * 16 * 16 * 16], the best action in every state."""

    actions: Tensor

    def to(self, device: torch.device) -> Plan:
        return Plan(self.actions.to(device))

    def act(self, cells: Tensor, hands: Tensor) -> Tensor:
        """cells int64 [n, 5] (16 = not on the board) and hands int64 [n] of running episodes -> actions int64 [n]."""
        index = situations(cells, hands)
        for thing in (rules.AGENT, rules.TARGET, rules.DISTRACTOR):
            index = index * CELLS + cells[:, thing]
        return self.actions.index_select(0, index).long()


def situations(cells: Tensor, hands: Tensor) -> Tensor:
    """The situation of every row: int64 [n]."""
    good, bad = cells[:, rules.GOOD], cells[:, rules.BAD]
    with_good = torch.where(bad < CELLS, _GOOD_HELD + bad, _GOOD_ALONE)
    with_bad = torch.where(good < CELLS, _BAD_HELD + good, _BAD_ALONE)
    return torch.where(hands == 0, good * CELLS + bad, torch.where(hands == 1, with_good, with_bad))


@cache
def plan(monsters_move: bool) -> Plan:
    """The policy with the highest probability to win within 81 turns, up to the turn cost; computed once a process.

    Single precision and a stop when nothing changes any more make it a matter of a second.
    """
    model = _Model(monsters_move, turn_cost=_TURN_COST, dtype=torch.float32)
    return Plan(model.greedy(model.value(TURNS - 1, Tensor.amax, tolerance=_TURN_COST / 10)).flatten())


@cache
def win_probability(monsters_move: bool) -> float:
    """The highest probability of a win within 81 turns, over the uniform start distribution (§13)."""
    return _over_starts(_Model(monsters_move).value(TURNS, Tensor.amax))


@cache
def random_player(monsters_move: bool) -> tuple[float, float]:
    """Exact win probability and mean length, within 81 turns, of a player uniform over the valid actions."""
    won = _Model(monsters_move).value(TURNS, Tensor.mean)
    length = _Model(monsters_move, prize=0.0, turn_cost=1.0).value(TURNS, Tensor.mean)
    return _over_starts(won), -_over_starts(length)


def _over_starts(value: Tensor) -> float:
    agent, target, distractor, good, bad = placements("uniform", True).unbind(1)
    return float(value[good * CELLS + bad, agent, target, distractor].mean())


class _Model:
    """The game as seen by the planner: expectations over one turn, for all states at once."""

    def __init__(
        self, monsters_move: bool, prize: float = 1.0, turn_cost: float = 0.0, dtype: torch.dtype = torch.float64
    ) -> None:
        self._turn_cost = turn_cost
        self._motion = _monster_motion(monsters_move).to(dtype)
        self._next = torch.stack([_after_step(cell) for cell in range(CELLS)])
        armed = torch.zeros(_SITUATIONS, dtype=dtype)
        armed[_GOOD_HELD:_BAD_HELD] = armed[_GOOD_ALONE] = prize
        self._armed = armed[self._next]
        self._alike = _alike()

    def value(self, turns: int, over_choices: Callable[..., Tensor], tolerance: float = 0.0) -> Tensor:
        """Expected prize for a win within ``turns`` less the turn costs: [290, 16, 16, 16].

        ``over_choices`` reduces dimension 0, the valid actions: Tensor.amax for the best one, Tensor.mean for any.
        Ends early where one more turn changes no value by more than ``tolerance``.
        """
        value = torch.zeros(_SITUATIONS, CELLS, CELLS, CELLS, dtype=self._armed.dtype)
        for _ in range(turns):
            before, arrived = value.clone(), self._arrived(value)
            for agent in _CORNER_EDGE_CENTRE:
                value[:, agent] = over_choices(self._choices(arrived, agent)[0], dim=0) - self._turn_cost
            value = value.take(self._alike)
            if float((value - before).abs().max()) <= tolerance:
                break
        return value

    def greedy(self, value: Tensor) -> Tensor:
        """The best actions where ``value`` is what follows: uint8 [290, 16, 16, 16]."""
        arrived = self._arrived(value)
        actions = torch.zeros(value.shape, dtype=torch.uint8)
        for agent in range(CELLS):
            choices, names = self._choices(arrived, agent)
            actions[:, agent] = names[choices.argmax(dim=0)]
        return actions

    def _arrived(self, value: Tensor) -> Tensor:
        """What follows once agent and monsters have reached their new cells: [agent cell, 290, 16, 16]."""
        every = torch.arange(CELLS)
        arrived = value[self._next, every[:, None]]
        arrived[every, :, every, :] = self._armed[:, :, None].expand(-1, -1, CELLS)
        arrived[every, :, :, every] = 0
        return arrived

    def _choices(self, arrived: Tensor, agent: int) -> tuple[Tensor, Tensor]:
        """What follows from each choice of an agent on cell ``agent``: [choices, 290, 16, 16], and their actions.

        A step into the wall is left out: it is no better than staying.
        """
        cells = rules.moves()[:, agent]
        actions = torch.tensor([action for action in range(len(cells)) if action == 0 or cells[action] != agent])
        motion = self._motion[agent]
        after = motion @ (arrived[cells[actions]] @ motion.T)
        for choice, cell in zip(after, cells[actions].tolist(), strict=True):
            # A target that stood there died before it could move, but the distractor still moves.
            choice[:, cell, :] = self._armed[cell][:, None] * (1 - motion[:, cell])
            choice[:, :, cell] = 0
        return after, actions.to(torch.uint8)


def _alike() -> Tensor:
    """int64 [290, 16, 16, 16]: a state of the same value with the agent in one of the three cells, as a flat index."""
    board = torch.arange(CELLS).view(rules.SIDE, rules.SIDE)
    turned = [board.rot90(quarter) for quarter in range(4)]
    symmetries = [image.flatten() for side in turned for image in (side, side.T)]
    alike = torch.empty(CELLS, _SITUATIONS, CELLS, CELLS, dtype=torch.int64)
    for agent in range(CELLS):
        image = next(image for image in symmetries if int(image[agent]) in _CORNER_EDGE_CENTRE)
        nothing = (image[:, None] * CELLS + image).flatten()
        situation = torch.cat([nothing, _GOOD_HELD + image, _BAD_HELD + image, torch.tensor([_GOOD_ALONE, _BAD_ALONE])])
        agent_and_target = (situation[:, None] * CELLS + image[agent]) * CELLS + image
        alike[agent] = agent_and_target[:, :, None] * CELLS + image
    return alike.transpose(0, 1).contiguous()


def _monster_motion(monsters_move: bool) -> Tensor:
    """float64 [agent cell, cell, new cell]: probabilities of a monster's move."""
    if not monsters_move:
        return torch.eye(CELLS, dtype=torch.float64).repeat(CELLS, 1, 1)
    return one_hot(rules.chase(), CELLS).double().mean(dim=2)


def _after_step(cell: int) -> Tensor:
    """int64 [290]: the situation after the agent has stepped on ``cell`` and picked up what lies there."""
    here = torch.arange(CELLS) == cell
    good, bad = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
    nothing = torch.where(bad == cell, _BAD_HELD + good, good * CELLS + bad)
    nothing = torch.where(good == cell, _GOOD_HELD + bad, nothing)
    return torch.cat(
        [
            nothing.flatten(),
            torch.where(here, _BAD_ALONE, _GOOD_HELD + torch.arange(CELLS)),
            torch.where(here, _GOOD_ALONE, _BAD_HELD + torch.arange(CELLS)),
            torch.tensor([_GOOD_ALONE, _BAD_ALONE]),
        ]
    )
