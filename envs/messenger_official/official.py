"""Copies of the original's environment objects as one batch (env_messenger.md §7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError, Observation
from envs.lazy import LazyObservation
from envs.messenger.board import ACTIONS, MOVES
from envs.messenger.games import AVATAR_WITH_MESSAGE, FIRST_ENTITY_ID
from envs.messenger.layout import FRAMES, emma_layout, sentence_fields
from envs.messenger.manuals import SENTENCE_LENGTH
from envs.messenger.options import FULL_BOARD
from envs.messenger.options import OPTIONS as OUR_OPTIONS
from envs.messenger.render import render
from envs.messenger.requests import require_actions, require_copy, require_identity
from envs.messenger_official.options import Options
from envs.streams import Streams
from envs.text import Tokenizer

LAYERS = {1: 1, 2: 3, 3: 5}
"""Stage -> layers of the grid for things; the avatar has one more."""
SENTENCES = {1: 3, 2: 3, 3: 6}
_PARTS = {"train": ("train_mc", "train_sc")}


class OfficialMessenger(BatchedEnv):
    """``original`` is one of the original's classes; a copy has an object of it for each part of the split.

    An observation may share memory with the next one: do not write into it.
    """

    def __init__(
        self,
        env_id: str,
        stage: int,
        split: str,
        original: Callable[..., Any],
        options: Options,
        tokenizer: Tokenizer,
        num_envs: int,
        device: torch.device,
        seed: int,
    ) -> None:
        self.env_id, self.num_envs, self.device, self.options = env_id, num_envs, device, options
        shown = OUR_OPTIONS[stage](max_steps=options.max_steps)
        self._sentences = SENTENCES[stage]
        self._fields = sentence_fields(self._sentences)
        self.layout = replace(
            emma_layout(shown, tokenizer, LAYERS[stage] + 1, self._sentences), resume="restart_episodes"
        )
        self._identity = {"env_id": env_id, "num_envs": num_envs, **vars(options), "tokenizer": tokenizer.name}
        del self._identity["tokenizer_files"]  # where they lie changes nothing
        self._tokenizer = tokenizer
        self._streams = Streams(seed, num_envs, device)
        names = _PARTS.get(split, (split.replace("-", "_"),))
        self._parts = [[original(split=name, **options.original()) for name in names] for _ in range(num_envs)]
        self._playing: list[Any] = []
        self._manuals: list[list[str]] = [[] for _ in range(num_envs)]
        self._rows = torch.arange(num_envs, device=device)
        self._valid = torch.ones(num_envs, len(ACTIONS), device=device)
        self._length = torch.zeros_like(self._rows)
        self._total = torch.zeros(num_envs, device=device)
        self._frames: Tensor
        self._texts: Observation

    def reset(self) -> Observation:
        self._playing = [parts[0] for parts in self._parts]
        self._frames, self._texts = self._begun(self._rows)
        self._length, self._total = torch.zeros_like(self._length), torch.zeros_like(self._total)
        return self._shown(self._frames, self._texts)

    def step(self, actions: Tensor) -> tuple[Observation, Tensor, Tensor, dict[str, Any]]:
        self._require_reset()
        require_actions(self, actions)
        last = self._frames[:, -1].cpu().numpy()
        turns = [
            _played(env, frame, action)
            for env, frame, action in zip(self._playing, last, actions.tolist(), strict=True)
        ]
        frame = torch.from_numpy(np.stack([turn[0] for turn in turns])).to(self.device)
        paid = torch.tensor([turn[1] for turn in turns], dtype=torch.float32, device=self.device)
        over = torch.tensor([turn[2] for turn in turns], dtype=torch.bool, device=self.device)

        length = self._length + 1
        won, late = over & (paid == 1), length >= self.options.max_steps
        done = over | late
        reward = torch.where(over, paid, paid + self.options.time_penalty)
        reward = torch.where(late & ~won, -1.0, reward)
        total = self._total + reward
        frames = torch.cat([self._frames[:, 1:], frame[:, None]], 1)
        info = {
            "won": won,
            "episode_return": total,
            "episode_length": length,
            "truncated": late & ~over,
            "final_obs": LazyObservation(partial(self._shown, frames, self._texts)),
        }
        ended = done.nonzero().squeeze(1)
        if len(ended):
            fresh, texts = self._begun(ended)
            frames = frames.index_copy(0, ended, fresh)
            self._texts = {name: old.index_copy(0, ended, texts[name]) for name, old in self._texts.items()}
        self._frames, self._length, self._total = frames, length.masked_fill(done, 0), total.masked_fill(done, 0.0)
        return self._shown(self._frames, self._texts), reward, done, info

    def expert(self) -> NoReturn:
        raise EnvError(f"{self.env_id}: the original has no expert; collect with demos=random or demos=checkpoint@p")

    def describe(self, index: int = 0) -> str:
        self._require_reset()
        require_copy(self, index)
        head = (
            f"{self.env_id}, copy {index}, episode {int(self._streams.episode[index])}, "
            f"step {int(self._length[index])} of {self.options.max_steps}, return {float(self._total[index]):+.2f}"
        )
        cells = self._frames[index, -1].flatten(0, 1).long()
        things = [(int(cells[cell, layer]) - FIRST_ENTITY_ID, cell) for cell, layer in cells[:, :-1].nonzero().tolist()]
        avatar = int(cells[:, -1].argmax())
        with_message = int(cells[avatar, -1]) == AVATAR_WITH_MESSAGE
        return f"{head}\n\n{render(FULL_BOARD, avatar, with_message, things, self._manuals[index])}"

    def state_dict(self) -> dict[str, Any]:
        return {"identity": dict(self._identity), "streams": self._streams.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> Observation:
        """Starts the next episode in every copy: the original's games cannot be saved.

        Raises EnvError for the state of another environment (id, options, tokenizer or number of copies).
        """
        require_identity(self._identity, state)
        self._streams.load_state_dict(state["streams"])
        return self.reset()

    def _begun(self, rows: Tensor) -> tuple[Tensor, Observation]:
        """The next episode of some copies (int64 [n]): frames uint8 [n, 3, 10, 10, layers] and its text fields."""
        self._streams.next_episode(rows)
        second = (self._streams.uniform(1, rows).squeeze(1) >= self.options.multi_combination).tolist()
        orders = self._streams.uniform(self._sentences, rows).argsort(1).tolist()
        frames, sentences = [], []
        for row, take_second, order in zip(rows.tolist(), second, orders, strict=True):
            self._playing[row] = self._parts[row][-1 if take_second else 0]
            observation, manual = self._playing[row].reset()
            if len(manual) != self._sentences:
                raise EnvError(f"{self.env_id}: a manual has {len(manual)} sentences, expected {self._sentences}")
            self._manuals[row] = [manual[place] for place in order] if self.options.shuffle_manual else list(manual)
            frames.append(_frame(observation))
            sentences += self._manuals[row]
        ids, length = self._tokenizer.encode(sentences, SENTENCE_LENGTH)
        ids, length = ids.view(len(rows), -1, SENTENCE_LENGTH), length.view(len(rows), -1, 1)
        texts: Observation = {}
        for place, name in enumerate(self._fields):
            texts[name], texts[f"{name}_len"] = ids[:, place].to(self.device), length[:, place].to(self.device)
        first = torch.from_numpy(np.stack(frames)).to(self.device)
        return first[:, None].repeat(1, FRAMES, 1, 1, 1), texts

    def _shown(self, frames: Tensor, texts: Observation) -> Observation:
        return {"frames": frames, **texts, "valid": self._valid}

    def _require_reset(self) -> None:
        if not self._playing:
            raise EnvError(f"{self.env_id}: nothing is there before the first reset()")


def _frame(observation: Mapping[str, np.ndarray]) -> np.ndarray:
    """The original's observation as uint8 [10, 10, layers], the avatar's last."""
    return np.concatenate([observation["entities"], observation["avatar"]], -1).astype(np.uint8)


def _played(env: Any, last: np.ndarray, action: int) -> tuple[np.ndarray, float, bool]:
    """One step of one copy: the new frame, the original's reward and whether it ended."""
    observation, reward, done, _ = env.step(action)
    # Stage 1 shows no last frame: things stand still, and the avatar made its step.
    frame = _walked(last, action) if observation is None else _frame(observation)
    return frame, float(reward), bool(done)


def _walked(frame: np.ndarray, action: int) -> np.ndarray:
    """The frame after a step of the avatar, which the border blocks."""
    after = frame.copy()
    row, column = np.argwhere(frame[..., -1])[0]
    place = np.clip((row + MOVES[action][0], column + MOVES[action][1]), 0, FULL_BOARD - 1)
    after[row, column, -1] = 0
    after[place[0], place[1], -1] = frame[row, column, -1]
    return after
