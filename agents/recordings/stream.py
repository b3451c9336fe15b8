"""Windows of consecutive frames from a corpus: many games at once for training, each window once for validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.recordings.corpus import REMEDY, Corpus, Part
from agents.recordings.reader import Frames, Lane, Opened, Reader
from envs.base import EnvError, Observation

LENGTH = 33
"""Frames of a window: 32 that are seen and one that is to be predicted (methods.md 3)."""


class Window(NamedTuple):
    """A batch of windows, frame-major.

    observation: tty_chars, tty_colors uint8 [L, B, 24, 80] and tty_cursor uint8 [L, B, 2] (row, column), as recorded.
    starts: bool [L, B], the first frame of a game. real: bool [L, B], False: padding after the last frame of a lane.
    keys: int64 [L, B], the key that was pressed at each frame; 0 where the recording has none (NLD-NAO).
    """

    observation: Observation
    starts: Tensor
    real: Tensor
    keys: Tensor


class WindowStream:
    """Endless windows of one part of a corpus, and the way through all of them once.

    ``batch`` lanes each read one game after the other: a window may hold a game's end and the next one's beginning, and
    no lane ever waits. The next game comes from one shuffled order of all games of the part, for each pass anew.

    size: windows of a batch. windows: how many there are. skipped: file -> why it could not be read.
    """

    def __init__(
        self,
        corpus: Corpus,
        part: Part,
        batch: int,
        length: int = LENGTH,
        seed: int = 0,
        validation: float = 0.15,
    ) -> None:
        """validation: the share of the games that is held out. Raises EnvError where the part has no game."""
        self.games = corpus.part(part, validation)
        self.size, self.length = batch, length
        self.windows = sum(_windows(game.frames, length) for game in self.games)
        self._corpus, self._part, self._reader = corpus, part, Reader(corpus)
        self._generator = torch.Generator().manual_seed(seed)
        self._shuffle()
        self._lanes = [self._lane() for _ in range(batch)]

    @property
    def skipped(self) -> Mapping[str, str]:
        return self._reader.skipped

    def trouble(self) -> str:
        """The first reasons why files could not be read, and what to do, for people."""
        first = ", ".join(f"{file}: {reason}" for file, reason in list(self.skipped.items())[:3])
        return f"{first}; put the files back into {self._reader.root}, or {REMEDY}"

    def next(self) -> Window:
        """The next batch, of ``size`` windows without padding. Raises EnvError when no game can be read."""
        return _stacked([lane.read(self.length) for lane in self._lanes])

    def once(self, at_most: int | None = None) -> Iterator[Window]:
        """Every window of every game once, in the games' order, whatever the state of the stream is.

        Here a window is of one game, its last one padded to the full length, and the last batch may be smaller.
        at_most: so many windows, evenly spread over all.
        """
        wanted = set(np.linspace(0, self.windows - 1, min(at_most or self.windows, self.windows)).round().tolist())
        frames: list[Frames] = []
        first = 0
        for game in self.games:
            windows = range(first, first := first + _windows(game.frames, self.length))
            last = max(wanted.intersection(windows), default=None)
            opened = None if last is None else self._reader.open(game)
            if last is None or opened is None:
                continue
            lane = Lane(self._reader.version, iter([opened, None]).__next__)
            for window in range(windows.start, last + 1):
                read = lane.read(self.length)
                frames += [read] if window in wanted else []
                if len(frames) == self.size:
                    yield _stacked(frames)
                    frames = []
        if frames:
            yield _stacked(frames)

    def state_dict(self) -> dict[str, Any]:
        return {
            "shuffled": self._before,
            "dealt": self._dealt,
            "lanes": [(lane.game.files[0] if lane.game else None, lane.frame) for lane in self._lanes],
            "skipped": dict(self._reader.skipped),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue with the batch that was next; a lane whose game cannot be read any more takes the next one.

        What was skipped before, then or here, stays in ``skipped``.
        """
        self._reader.skipped |= state.get("skipped", {})  # the first versions' states have none
        self._generator.set_state(state["shuffled"])
        self._shuffle()
        self._dealt = state["dealt"]
        known = {game.files[0]: game for game in self.games}
        self._lanes = [self._lane() for _ in range(self.size)]
        for lane, (name, frame) in zip(self._lanes, state["lanes"], strict=True):
            opened = self._reader.open(known[name]) if name in known else None
            if opened is not None:
                lane.seek(opened, frame)

    def _lane(self) -> Lane:
        return Lane(self._reader.version, self._deal)

    def _shuffle(self) -> None:
        self._before = self._generator.get_state()
        self._order, self._dealt = torch.randperm(len(self.games), generator=self._generator).tolist(), 0

    def _deal(self) -> Opened:
        """The next game of the order that can be read."""
        for _ in range(2 * len(self.games)):
            if self._dealt == len(self._order):
                self._shuffle()
            self._dealt += 1
            opened = self._reader.open(self.games[self._order[self._dealt - 1]])
            if opened is not None:
                return opened
        raise EnvError(f"none of the {len(self.games)} games of the part {self._part} can be read: {self.trouble()}")


def _windows(frames: int, length: int) -> int:
    """How many windows a game is cut into."""
    return -(-frames // length)


def _stacked(lanes: list[Frames]) -> Window:
    chars, colors, cursor, keys, starts, real = (
        torch.from_numpy(np.stack(field, 1)) for field in zip(*lanes, strict=True)
    )
    return Window({"tty_chars": chars, "tty_colors": colors, "tty_cursor": cursor}, starts, real, keys)
