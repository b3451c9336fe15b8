"""The two ways in which a game is shown: SILG's grid with joined texts, and EMMA's last three frames (§7, §9)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from envs.base import Layout, Observation
from envs.messenger.board import ACTIONS, Board
from envs.messenger.layout import DEALT, FRAMES, emma_layout, sentence_fields, silg_layout
from envs.messenger.manuals import Manuals
from envs.messenger.options import Options
from envs.text import Tokenizer


class Picture(NamedTuple):
    """What is to be seen, frame by frame, the newest last; the avatar is the last of the things.

    places: int64 [n, frames, things], cell x layers + layer. looks: int64 [n, frames, things], the id that stands
    there; 0 = the thing is gone. A gone avatar has the place of cell 0.
    """

    places: Tensor
    looks: Tensor

    @classmethod
    def of(cls, cells: Tensor, layers: Tensor, looks: Tensor, depth: int) -> Picture:
        """One frame of things at ``cells`` on ``layers`` (of ``depth``) with ``looks``: int64 [n, things] each."""
        return cls((cells * depth + layers)[:, None], looks[:, None])

    def after(self, earlier: Picture) -> Picture:
        """This frame as the newest of as many as ``earlier`` has."""
        return Picture(*(torch.cat([old[:, 1:], new], 1) for old, new in zip(earlier, self, strict=True)))

    def repeated(self, frames: int) -> Picture:
        return Picture(*(part.expand(-1, frames, -1) for part in self))

    def put(self, rows: Tensor, other: Picture) -> Picture:
        """A copy with other rows in the places ``rows`` (int64)."""
        return Picture(*(old.index_copy(0, rows, new) for old, new in zip(self, other, strict=True)))


class View(ABC):
    """layout: what its observations are; ``layout.history`` is the number of frames that it shows."""

    layout: Layout

    @abstractmethod
    def texts(self, manuals: Manuals, manual: Tensor) -> Observation:
        """The text fields of manuals as dealt (int64 [n, sentences]): constant while an episode lasts."""

    @abstractmethod
    def observation(self, texts: Observation, picture: Picture) -> Observation:
        """All fields; ``texts`` and ``picture`` of all copies."""


class SilgView(View):
    def __init__(self, options: Options, tokenizer: Tokenizer, board: Board, depth: int, num_envs: int) -> None:
        self._depth, self._board = depth, board
        self.layout = silg_layout(options, tokenizer, depth)
        ids = torch.tensor(depth, device=board.position.device)
        self._name_len = ids.expand(num_envs, board.side, board.side, 1)

    def texts(self, manuals: Manuals, manual: Tensor) -> Observation:
        document, length = manuals.document(manual)
        texts = {"text": document, "text_len": length}
        for place, name in enumerate(DEALT):
            texts[name], texts[f"{name}_len"] = manuals.sentence(manual[:, place])
        return texts

    def observation(self, texts: Observation, picture: Picture) -> Observation:
        side, places = self._board.side, picture.places[:, -1]
        avatar = places[:, -1] // self._depth
        grid = places.new_zeros(len(places), self._board.cells * self._depth)
        grid.scatter_(1, places, picture.looks[:, -1])
        return texts | {
            "name": grid.view(-1, side, side, 1, self._depth),
            "name_len": self._name_len,
            "valid": self._board.valid[avatar],
            "rel_pos": self._board.relative[avatar],
            "pos": self._board.position[avatar],
        }


class EmmaView(View):
    def __init__(
        self, options: Options, tokenizer: Tokenizer, board: Board, depth: int, sentences: int, num_envs: int
    ) -> None:
        self._depth, self._board, self._fields = depth, board, sentence_fields(sentences)
        self.layout = emma_layout(options, tokenizer, depth, sentences)
        self._valid = torch.ones(num_envs, len(ACTIONS), device=board.position.device)

    def texts(self, manuals: Manuals, manual: Tensor) -> Observation:
        texts: Observation = {}
        for place, name in enumerate(self._fields):
            texts[name], texts[f"{name}_len"] = manuals.sentence(manual[:, place])
        return texts

    def observation(self, texts: Observation, picture: Picture) -> Observation:
        side, places = self._board.side, picture.places
        frames = places.new_zeros(len(places), FRAMES, self._board.cells * self._depth, dtype=torch.uint8)
        frames.scatter_(2, places, picture.looks.to(torch.uint8))
        return texts | {
            "frames": frames.view(-1, FRAMES, side, side, self._depth),
            "valid": self._valid,
        }
