"""Stage 1 of Messenger: three still things around the avatar, and the manual tells which one to touch (§4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import torch
from torch import Tensor

from envs.base import Expert, Observation
from envs.messenger.expert import shortest_paths
from envs.messenger.game import MessengerGame, State, Turn, avatar_look
from envs.messenger.games import FIRST_ENTITY_ID, GOAL, MESSAGE, ROLES
from envs.messenger.options import Stage1Options
from envs.messenger.views import Picture
from envs.text import Tokenizer


@dataclass(frozen=True)
class Stage1State(State):
    avatar: Tensor
    """int64 [n]: its cell."""
    spots: Tensor
    """int64 [n, 3]: the spot (0-3) of the thing of each role."""

    def right(self) -> Tensor:
        """The role of the thing to touch: int64 [n]."""
        return torch.where(self.with_message, GOAL, MESSAGE)


class MessengerStage1(MessengerGame[Stage1State]):
    """One contact is the whole episode; to be touched is the message, or the goal if the avatar has the message."""

    stage = 1
    layers = 1
    sentences = len(ROLES)
    state_type = Stage1State
    options: Stage1Options

    def __init__(
        self,
        env_id: str,
        split: str,
        options: Stage1Options,
        tokenizer: Tokenizer,
        num_envs: int,
        device: torch.device,
        seed: int,
    ) -> None:
        super().__init__(env_id, split, options, tokenizer, num_envs, device, seed)
        self._arrangements = torch.tensor(list(permutations(range(4), len(ROLES))), device=device)
        self._paths = shortest_paths(self._board.neighbours, self._board.spots)
        self._layers = torch.tensor([0] * len(ROLES) + [1], device=device)

    def expert(self) -> Expert:
        """A perfect player: knows the roles, walks a shortest path to the right thing and around the wrong ones."""

        def act(_: Observation) -> Tensor:
            state = self._current()
            target = state.spots.gather(1, state.right()[:, None]).squeeze(1)
            empty = 6 - state.spots.sum(1)  # the numbers of all four spots add up to 6
            return self._paths[target, empty, state.avatar]

        return act

    def _begun(self, rows: Tensor) -> tuple[Stage1State, Picture]:
        streams, options, count = self._streams, self.options, len(rows)
        streams.next_episode(rows)
        chance = streams.uniform(2, rows)
        part = self._part(chance[:, 0])
        fixed = part.new_tensor([len(self._arrangements), len(self._orders)]).expand(count, 2)
        draws = streams.integers(torch.cat([self._part_sizes[part][:, None], fixed], 1), 3, rows)
        entities = self._cast(part, draws[:, 0])
        still = torch.zeros_like(entities)
        state = Stage1State(
            avatar=torch.full_like(rows, self._board.centre),
            spots=self._arrangements[draws[:, 1]],
            entities=entities,
            manual=self._dealt(self._manuals.drawn(streams, rows, entities, still), draws[:, 2]),
            with_message=chance[:, 1] < options.message_probability,
            length=torch.zeros_like(rows),
            total=torch.zeros(count, device=self.device),
        )
        return state, self._picture(state)

    def _played(self, state: Stage1State, actions: Tensor) -> Turn[Stage1State]:
        avatar = self._board.neighbours[state.avatar, actions]
        contact = self._board.spots[state.spots] == avatar[:, None]
        won = contact.gather(1, state.right()[:, None]).squeeze(1)
        over = contact.any(1)
        after = replace(state, avatar=avatar)
        return Turn(after, self._picture(after), torch.where(over, won * 2.0 - 1.0, 0.0), won, over)

    def _picture(self, state: Stage1State) -> Picture:
        """Things stay drawn when they are touched."""
        cells = torch.cat([self._board.spots[state.spots], state.avatar[:, None]], 1)
        looks = torch.cat([state.entities + FIRST_ENTITY_ID, avatar_look(state.with_message)[:, None]], 1)
        return Picture.of(cells, self._layers, looks, self.layers + 1)
