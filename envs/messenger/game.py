"""What the stages of Messenger share: episodes one after the other, manuals, history, and how a game is saved."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError, Observation
from envs.lazy import LazyObservation
from envs.messenger.board import Board
from envs.messenger.games import AVATAR, AVATAR_WITH_MESSAGE, FIRST_ENTITY_ID, games, parts
from envs.messenger.manuals import Manuals
from envs.messenger.options import Options
from envs.messenger.render import render
from envs.messenger.requests import require_actions, require_copy, require_identity
from envs.messenger.views import EmmaView, Picture, SilgView, View
from envs.streams import Streams
from envs.text import Tokenizer


@dataclass(frozen=True)
class State:
    """The part of the true state that every stage has. Its tensors are replaced, never written into."""

    entities: Tensor
    """int64 [n, 3]: the entity of enemy, message and goal."""
    manual: Tensor
    """int64 [n, sentences]: the sentences as dealt."""
    with_message: Tensor
    """bool [n]"""
    length: Tensor
    """int64 [n]: steps played."""
    total: Tensor
    """float32 [n]: the return so far."""

    def put(self, rows: Tensor, other: Self) -> Self:
        """A copy with other rows in the places ``rows`` (int64)."""
        new = vars(other)
        return replace(self, **{name: old.index_copy(0, rows, new[name]) for name, old in vars(self).items()})


def avatar_look(with_message: Tensor) -> Tensor:
    """The avatar's id: bool [n] -> int64 [n]."""
    return torch.where(with_message, AVATAR_WITH_MESSAGE, AVATAR)


S = TypeVar("S", bound=State)


class Turn(NamedTuple, Generic[S]):
    """What a step does before episodes are counted and cut.

    state: after the step; its length and total are still those before. picture: one frame. reward: float32 [n].
    won, over: bool [n].
    """

    state: S
    picture: Picture
    reward: Tensor
    won: Tensor
    over: Tensor


class MessengerGame(BatchedEnv, Generic[S]):
    """Copies of one split of one stage. An observation may share memory with the next one: do not write into it."""

    stage: ClassVar[int]
    layers: ClassVar[int]
    """Of the grid, for things; the avatar has one more."""
    sentences: ClassVar[int]
    """Of a manual."""
    state_type: type[S]

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
        self._identity = {"env_id": env_id, "num_envs": num_envs, **vars(options), "tokenizer": tokenizer.name}
        for folder in ("tokenizer_files", "data_dir"):
            del self._identity[folder]  # where files lie changes nothing
        self._streams = Streams(seed, num_envs, device)
        self._manuals = Manuals(options.wording, options.data_dir, split, self.stage, tokenizer, device)
        self._board = Board(options.board, device)

        parted = [games(options.entities, part) for part in parts(split, options.entities)]
        self._games = torch.tensor([game for part in parted for game in part], device=device)
        self._part_sizes = torch.tensor([len(part) for part in parted], device=device)
        self._orders = torch.tensor(list(permutations(range(self.sentences))), device=device)

        depth = self.layers + 1
        self._view: View
        if options.view == "silg":
            self._view = SilgView(options, tokenizer, self._board, depth, num_envs)
        else:
            self._view = EmmaView(options, tokenizer, self._board, depth, self.sentences, num_envs)
        self.layout = self._view.layout
        self._rows = torch.arange(num_envs, device=device)
        self._state: S | None = None
        self._seen: Picture
        self._texts: Observation

    @abstractmethod
    def _begun(self, rows: Tensor) -> tuple[S, Picture]:
        """The next episode of some copies (int64 [n]): its first state and frame."""

    @abstractmethod
    def _played(self, state: S, actions: Tensor) -> Turn[S]:
        """One step of all copies; the actions are valid."""

    def reset(self) -> Observation:
        state, picture = self._begun(self._rows)
        self._state, self._seen = state, picture.repeated(self.layout.history)
        self._texts = self._view.texts(self._manuals, state.manual)
        return self._view.observation(self._texts, self._seen)

    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        before = self._current()
        require_actions(self, actions)
        turn = self._played(before, actions)
        length = before.length + 1
        late = length >= self.options.max_steps
        done = turn.over | late
        reward = torch.where(turn.over, turn.reward, turn.reward + self.options.time_penalty)
        reward = torch.where(late & ~turn.won, -1.0, reward)

        state = replace(turn.state, length=length, total=before.total + reward)
        seen = turn.picture.after(self._seen)
        info = {
            "won": turn.won,
            "episode_return": state.total,
            "episode_length": length,
            "truncated": late & ~turn.over,
            "final_obs": LazyObservation(partial(self._view.observation, self._texts, seen)),
        }
        ended = done.nonzero().squeeze(1)
        if len(ended):
            fresh, picture = self._begun(ended)
            state, seen = state.put(ended, fresh), seen.put(ended, picture.repeated(self.layout.history))
            texts = self._view.texts(self._manuals, fresh.manual)
            self._texts = {name: self._texts[name].index_copy(0, ended, text) for name, text in texts.items()}
        self._state, self._seen = state, seen
        return self._view.observation(self._texts, seen), reward, done, info

    def describe(self, index: int = 0) -> str:
        state = self._current()
        require_copy(self, index)
        head = (
            f"{self.env_id}, copy {index}, episode {int(self._streams.episode[index])}, "
            f"step {int(state.length[index])} of {self.options.max_steps}, return {float(state.total[index]):+.2f}"
        )
        *cells, avatar = (self._seen.places[index, -1] // (self.layers + 1)).tolist()
        looks = self._seen.looks[index, -1].tolist()
        board = render(
            self._board.side,
            avatar,
            bool(state.with_message[index]),
            [(look - FIRST_ENTITY_ID, cell) for look, cell in zip(looks, cells, strict=False) if look],
            [self._manuals.sentences[sentence] for sentence in state.manual[index].tolist()],
        )
        return f"{head}\n\n{board}"

    def state_dict(self) -> dict[str, Any]:
        state = {name: part.clone() for name, part in vars(self._current()).items()}
        seen = {name: part.clone() for name, part in self._seen._asdict().items()}
        return {"identity": dict(self._identity), "streams": self._streams.state_dict(), "state": state, "seen": seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        """Raises EnvError for the state of another environment (id, options, tokenizer or number of copies)."""
        require_identity(self._identity, state)
        self._streams.load_state_dict(state["streams"])

        def here(saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.to(self.device, copy=True) for name, tensor in saved.items()}

        self._state, self._seen = self.state_type(**here(state["state"])), Picture(**here(state["seen"]))
        self._texts = self._view.texts(self._manuals, self._state.manual)
        return self._view.observation(self._texts, self._seen)

    def _part(self, chance: Tensor) -> Tensor:
        """Which part of the games a number in [0, 1) draws; two parts mix multi- and single-combination games."""
        return (chance >= self.options.multi_combination).long() * (len(self._part_sizes) - 1)

    def _cast(self, part: Tensor, number: Tensor) -> Tensor:
        """Game ``number`` of a part: the entities of its roles, int64 [n, 3]."""
        return self._games[part * self._part_sizes[0] + number]

    def _dealt(self, manual: Tensor, order: Tensor) -> Tensor:
        """Sentences in the order of the roles, int64 [n, sentences] -> in the order in which they are shown."""
        return manual.gather(1, self._orders[order]) if self.options.shuffle_manual else manual

    def _current(self) -> S:
        if self._state is None:
            raise EnvError(f"{self.env_id}: nothing is there before the first reset()")
        return self._state
