"""Stages 2 and 3 of Messenger: things chase, flee or stay, and the message is brought to the goal (§5-6)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import ClassVar

import torch
from torch import Tensor

from envs.base import Expert, Observation
from envs.messenger.engine import OUTCOMES, Engine, contacts, lethal, touching
from envs.messenger.game import MessengerGame, State, Turn, avatar_look
from envs.messenger.games import FIRST_ENTITY_ID, GOAL, MESSAGE, ROLES
from envs.messenger.options import Stage2Options
from envs.messenger.planner import Planner
from envs.messenger.views import Picture
from envs.messenger.wording import MOVEMENTS
from envs.text import Tokenizer

PICK_UP = 0.5
Cell = tuple[int, int]
"""(row, column)"""
TRAINED = tuple(permutations(range(len(MOVEMENTS))))
"""Who moves how: by role, places in MOVEMENTS. In training, each movement occurs once."""


@dataclass(frozen=True)
class MovingState(State):
    """Things are enemy, message, goal and in stage 3 the decoys of message and goal; positions as the engine's."""

    avatar: Tensor
    """int64 [n, 2]"""
    things: Tensor
    """int64 [n, things, 2]"""
    movements: Tensor
    """int64 [n, things]: places in MOVEMENTS."""
    layers: Tensor
    """int64 [n, things]: on which layer of the grid a thing is shown."""


class MessengerMoving(MessengerGame[MovingState]):
    """What stages 2 and 3 share; ``layers`` is the number of things."""

    state_type = MovingState
    options: Stage2Options
    cast: ClassVar[tuple[int, ...]]
    """The role whose entity each thing looks like."""

    def __init__(
        self,
        env_id: str,
        split: str,
        options: Stage2Options,
        tokenizer: Tokenizer,
        num_envs: int,
        device: torch.device,
        seed: int,
    ) -> None:
        super().__init__(env_id, split, options, tokenizer, num_envs, device, seed)
        cells = self.cells(options.board)
        self._cells = torch.tensor(cells, device=device)
        self._engine = Engine(options.board, device)
        self._variants = torch.tensor(self.variants(split), device=device)
        self._layouts = torch.tensor(list(permutations(cells)), device=device) * 2
        self._layer_orders = torch.tensor(list(permutations(range(self.layers))), device=device)
        self._looks_like = torch.tensor(self.cast, device=device)
        self._powers = OUTCOMES ** torch.arange(self.layers, device=device)

    @staticmethod
    @abstractmethod
    def variants(split: str) -> list[tuple[int, ...]]:
        """Every way in which the things of a split may move: places in MOVEMENTS, thing by thing."""

    @staticmethod
    @abstractmethod
    def cells(board: int) -> list[Cell]:
        """Where things and avatar start, one each."""

    def expert(self) -> Expert:
        """Plans with the true roles, movements and positions (envs.messenger.planner)."""
        planner = Planner(self._board.side, self._cells, self.device)

        def act(_: Observation) -> Tensor:
            state = self._current()
            target = torch.where(state.with_message, GOAL, MESSAGE)
            deadly = lethal(self.layers, state.with_message)
            return planner.act(state.avatar, state.things, state.movements, deadly, target)

        return act

    def _begun(self, rows: Tensor) -> tuple[MovingState, Picture]:
        streams, count = self._streams, len(rows)
        streams.next_episode(rows)
        part = self._part(streams.uniform(1, rows)[:, 0])
        tables = (self._variants, self._layouts, self._layer_orders, self._orders)
        fixed = part.new_tensor([len(table) for table in tables]).expand(count, len(tables))
        high = torch.cat([self._part_sizes[part][:, None], fixed], 1)
        game, variant, layout, layers, order = streams.integers(high, 1 + len(tables), rows).unbind(1)
        entities, movements, positions = self._cast(part, game), self._variants[variant], self._layouts[layout]
        state = MovingState(
            avatar=positions[:, -1],
            things=positions[:, :-1],
            movements=movements,
            layers=self._layer_orders[layers],
            entities=entities,
            manual=self._dealt(self._manuals.drawn(streams, rows, entities, movements), order),
            with_message=torch.zeros_like(rows, dtype=torch.bool),
            length=torch.zeros_like(rows),
            total=torch.zeros(count, device=self.device),
        )
        nothing = state.with_message
        return state, self._picture(state, dead=nothing, message_gone=nothing, goal_gone=nothing)

    def _played(self, state: MovingState, actions: Tensor) -> Turn[MovingState]:
        number = self._streams.integers(OUTCOMES**self.layers * len(self._layer_orders))
        outcomes = number // self._powers % OUTCOMES
        things = self._engine.moved(state.things, state.movements, state.avatar, outcomes)
        avatar = self._engine.walk(state.avatar, actions)
        touched = touching(avatar, things)
        met = contacts(touched, state.with_message)
        dead = met.lost > 0
        with_message = state.with_message | met.picked
        layers = state.layers
        if self.options.shuffle_layers:
            layers = self._layer_orders[number[:, 0] // OUTCOMES**self.layers]

        after = replace(state, avatar=avatar, things=things, with_message=with_message, layers=layers)
        # A dying avatar takes the message away, too.
        picture = self._picture(after, dead, with_message | touched[:, MESSAGE], met.won)
        reward = met.won + PICK_UP * met.picked - met.lost
        return Turn(after, picture, reward, met.won, dead | met.won)

    def _picture(self, state: MovingState, dead: Tensor, message_gone: Tensor, goal_gone: Tensor) -> Picture:
        """A thing half-way between cells is shown in the left or upper one."""
        depth = self.layers + 1
        things, avatar = self._board.cell(state.things // 2), self._board.cell(state.avatar // 2)
        looks = state.entities[:, self._looks_like] + FIRST_ENTITY_ID
        looks[:, MESSAGE].masked_fill_(message_gone, 0)
        looks[:, GOAL].masked_fill_(goal_gone, 0)
        own = torch.stack([avatar, avatar_look(state.with_message)], 1).masked_fill_(dead[:, None], 0)
        layers = torch.cat([state.layers, torch.full_like(own[:, :1], self.layers)], 1)
        return Picture.of(torch.cat([things, own[:, :1]], 1), layers, torch.cat([looks, own[:, 1:]], 1), depth)


class MessengerStage2(MessengerMoving):
    """Three things, each on a layer of its own."""

    stage = 2
    layers = 3
    sentences = len(ROLES)
    cast = (0, 1, 2)

    @staticmethod
    def variants(split: str) -> list[tuple[int, ...]]:
        """Only test has all combinations of movements, test-se those of training."""
        return list(product(range(len(MOVEMENTS)), repeat=3) if split == "test" else TRAINED)

    @staticmethod
    def cells(board: int) -> list[Cell]:
        low, high = board // 5, board - 1 - board // 5
        return list(product((low, high), (low, high)))


class MessengerStage3(MessengerMoving):
    """A second message and a second goal kill: only their movement tells them from the real ones."""

    stage = 3
    layers = 5
    sentences = 6
    cast = (0, 1, 2, MESSAGE, GOAL)

    @staticmethod
    def variants(split: str) -> list[tuple[int, ...]]:
        """A decoy moves otherwise than what it imitates and otherwise than the other decoy."""
        kinds = range(len(MOVEMENTS))
        return [
            (*roles, message, goal)
            for roles in TRAINED
            for message, goal in product(kinds, kinds)
            if message != roles[MESSAGE] and goal != roles[GOAL] and message != goal
        ]

    @staticmethod
    def cells(board: int) -> list[Cell]:
        return [(1, 2), (1, 8), (6, 1), (6, 9), (4, 5), (9, 5)]
