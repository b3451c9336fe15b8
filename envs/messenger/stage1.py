"""Stage 1 of Messenger: three still things around the avatar, and the manual tells which one to touch (§4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError, Expert, Observation
from envs.lazy import LazyObservation
from envs.messenger.board import ACTIONS, Board
from envs.messenger.expert import shortest_paths
from envs.messenger.games import AVATAR, AVATAR_WITH_MESSAGE, FIRST_ENTITY_ID, GOAL, MESSAGE, ROLES, games, parts
from envs.messenger.layout import DEALT, layout
from envs.messenger.manuals import Manuals
from envs.messenger.options import Options
from envs.messenger.render import render
from envs.messenger.wording import STAGE_1_MOVEMENTS, text_split
from envs.streams import Streams
from envs.text import Tokenizer


class State(NamedTuple):
    """The true state of every copy. Its tensors are replaced, never written into.

    avatar: the avatar's cell, int64 [n]. spots, entities: by role (enemy, message, goal) the spot (0-3) and the entity
    of its thing, int64 [n, 3]. manual: the sentences as dealt, int64 [n, 3]. with_message: bool [n]. length: steps
    played, int64 [n]. total: the return so far, float32 [n].
    """

    avatar: Tensor
    spots: Tensor
    entities: Tensor
    manual: Tensor
    with_message: Tensor
    length: Tensor
    total: Tensor

    def right(self) -> Tensor:
        """The role of the thing to touch: int64 [n]."""
        return torch.where(self.with_message, GOAL, MESSAGE)


class MessengerStage1(BatchedEnv):
    """Copies of one split of stage 1. An observation may share memory with the next one: do not write into it."""

    def __init__(
        self,
        env_id: str,
        split: str,
        options: Options,
        tokenizer: Tokenizer,
        num_envs: int,
        device: torch.device,
        seed: int,
    ) -> None:
        self.env_id, self.num_envs, self.device, self.options = env_id, num_envs, device, options
        self.layout = layout(options, tokenizer)
        self._identity = {"env_id": env_id, "num_envs": num_envs, **vars(options), "tokenizer": tokenizer.name}
        del self._identity["tokenizer_files"]  # where they lie changes nothing
        self._streams = Streams(seed, num_envs, device)
        self._manuals = Manuals(options.wording, text_split(split), STAGE_1_MOVEMENTS, tokenizer, device)

        parted = [games(options.entities, part) for part in parts(split, options.entities)]
        self._games = torch.tensor([game for part in parted for game in part], device=device)
        self._part_sizes = torch.tensor([len(part) for part in parted], device=device)
        self._arrangements = torch.tensor(list(permutations(range(4), len(ROLES))), device=device)
        self._orders = torch.tensor(list(permutations(range(len(ROLES)))), device=device)

        self._board = Board(options.board, device)
        self._paths = shortest_paths(self._board.neighbours, self._board.spots)
        self._rows = torch.arange(num_envs, device=device)
        self._name_len = torch.tensor(2, device=device).expand(num_envs, options.board, options.board, 1)
        self._state: State | None = None
        self._texts: Observation = {}

    def reset(self) -> Observation:
        self._state = self._begun(self._rows)
        self._texts = self._written(self._state.manual)
        return self._shown(self._texts, self._state)

    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        state = self._current()
        self._check(actions)
        avatar = self._board.neighbours[state.avatar, actions]
        length = state.length + 1

        contact = self._board.spots[state.spots] == avatar[:, None]
        won = contact.gather(1, state.right()[:, None]).squeeze(1)
        touched = contact.any(1)
        truncated = ~touched & (length >= self.options.max_steps)
        done = touched | truncated
        reward = torch.where(done, won * 2.0 - 1.0, self.options.time_penalty)

        state = state._replace(avatar=avatar, length=length, total=state.total + reward)
        info = {
            "won": won,
            "episode_return": state.total,
            "episode_length": length,
            "truncated": truncated,
            "final_obs": LazyObservation(partial(self._shown, self._texts, state)),
        }
        ended = done.nonzero().squeeze(1)
        if len(ended):
            fresh = self._begun(ended)
            texts = self._written(fresh.manual)
            state = State(*(old.index_copy(0, ended, new) for old, new in zip(state, fresh, strict=True)))
            self._texts = {name: self._texts[name].index_copy(0, ended, text) for name, text in texts.items()}
        self._state = state
        return self._shown(self._texts, state), reward, done, info

    def expert(self) -> Expert:
        """A perfect player: knows the roles, walks a shortest path to the right thing and around the wrong ones."""

        def act(_: Observation) -> Tensor:
            state = self._current()
            target = state.spots.gather(1, state.right()[:, None]).squeeze(1)
            empty = 6 - state.spots.sum(1)  # the numbers of all four spots add up to 6
            return self._paths[target, empty, state.avatar]

        return act

    def describe(self, index: int = 0) -> str:
        state = self._current()
        if not 0 <= index < self.num_envs:
            raise EnvError(f"{self.env_id} has no copy {index}, expected 0 to {self.num_envs - 1}")
        head = (
            f"{self.env_id}, copy {index}, episode {int(self._streams.episode[index])}, "
            f"step {int(state.length[index])} of {self.options.max_steps}, return {float(state.total[index]):+.2f}"
        )
        cells = self._board.spots[state.spots[index]].tolist()
        board = render(
            self._board.side,
            int(state.avatar[index]),
            bool(state.with_message[index]),
            list(zip(state.entities[index].tolist(), cells, strict=True)),
            [self._manuals.sentences[sentence] for sentence in state.manual[index].tolist()],
        )
        return f"{head}\n\n{board}"

    def state_dict(self) -> dict[str, Any]:
        state = {name: part.clone() for name, part in self._current()._asdict().items()}
        return {"identity": dict(self._identity), "streams": self._streams.state_dict(), "state": state}

    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        """Raises EnvError for the state of another environment (id, options, tokenizer or number of copies)."""
        theirs = state.get("identity", {})
        for key, mine in self._identity.items():
            if theirs.get(key) != mine:
                raise EnvError(f"the saved state has {key} {theirs.get(key)!r}, this environment {mine!r}")
        self._streams.load_state_dict(state["streams"])
        self._state = State(**{name: part.to(self.device, copy=True) for name, part in state["state"].items()})
        self._texts = self._written(self._state.manual)
        return self._shown(self._texts, self._state)

    def _begun(self, rows: Tensor) -> State:
        """The first state of the next episode of some copies: eight draws each, whatever is drawn."""
        streams, options, count = self._streams, self.options, len(rows)
        streams.next_episode(rows)
        chance = streams.uniform(2, rows)
        # Two parts are the mixture of multi-combination and single-combination games.
        part = (chance[:, 0] >= options.multi_combination).long() * (len(self._part_sizes) - 1)
        fixed = part.new_tensor([len(self._arrangements), len(self._orders)]).expand(count, 2)
        draws = streams.integers(torch.cat([self._part_sizes[part][:, None], fixed], 1), 3, rows)
        entities = self._games[part * self._part_sizes[0] + draws[:, 0]]
        manual = self._manuals.indices(entities, streams.integers(self._manuals.sizes(entities), 3, rows))
        return State(
            avatar=torch.full_like(rows, self._board.centre),
            spots=self._arrangements[draws[:, 1]],
            entities=entities,
            manual=manual.gather(1, self._orders[draws[:, 2]]) if options.shuffle_manual else manual,
            with_message=chance[:, 1] < options.message_probability,
            length=torch.zeros_like(rows),
            total=torch.zeros(count, device=self.device),
        )

    def _written(self, manual: Tensor) -> Observation:
        """The text fields of manuals, int64 [n, 3]: constant while an episode lasts."""
        document, length = self._manuals.document(manual)
        texts = {"text": document, "text_len": length}
        for place, name in enumerate(DEALT):
            texts[name], texts[f"{name}_len"] = self._manuals.sentence(manual[:, place])
        return texts

    def _shown(self, texts: Observation, state: State) -> Observation:
        """The observation of a state: its manuals and the board as it lies."""
        side, avatar = self._board.side, state.avatar
        looks = torch.where(state.with_message, AVATAR_WITH_MESSAGE, AVATAR)
        grid = torch.zeros(self.num_envs, self._board.cells * 2, dtype=torch.int64, device=self.device)
        cells = torch.cat([self._board.spots[state.spots] * 2, avatar[:, None] * 2 + 1], 1)
        grid.scatter_(1, cells, torch.cat([state.entities + FIRST_ENTITY_ID, looks[:, None]], 1))
        return texts | {
            "name": grid.view(-1, side, side, 1, 2),
            "name_len": self._name_len,
            "valid": self._board.valid[avatar],
            "rel_pos": self._board.relative[avatar],
            "pos": self._board.position[avatar],
        }

    def _current(self) -> State:
        if self._state is None:
            raise EnvError(f"{self.env_id}: nothing is there before the first reset()")
        return self._state

    def _check(self, actions: Tensor) -> None:
        if actions.shape != (self.num_envs,) or actions.dtype != torch.int64:
            got = f"{actions.dtype} {list(actions.shape)}"
            raise EnvError(f"{self.env_id}: actions are {got}, expected torch.int64 [{self.num_envs}]")
        outside = (actions < 0) | (actions >= len(ACTIONS))
        if outside.any():
            valid = ", ".join(f"{number} {action}" for number, action in enumerate(ACTIONS))
            raise EnvError(f"{self.env_id}: there is no action {int(actions[outside][0])}; there are {valid}")
