"""Frames of ttyrecs, found by NLE's index and read by NLE's converter, game after game."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from nle import _pyconverter
from nle.dataset.dataset import convert_frames

from agents.recordings.corpus import INDEX, Corpus, Game
from agents.recordings.index import Index, read_index, write_index
from agents.recordings.verify import Unreadable, content
from envs.base import EnvError

ROWS, COLUMNS = 24, 80
AT_ONCE = 1024
"""Frames that are read together where nobody looks at them."""

Opened = tuple[Game, list[Path]]
"""A game and its files in playing order."""


class Reader:
    """Finds the ttyrecs of a corpus' games, in the folder ``root``.

    skipped: file -> why it could not be read; each is logged once.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.skipped: dict[str, str] = {}
        self.version = corpus.version
        self._index = self._open(corpus)
        self.root = corpus.root or self._index.root
        paths = self._index.dataset.get_paths
        self._number = {paths(number)[0]: number for number in self._index.numbers}
        self._whole: set[str] = set()

    def open(self, game: Game) -> Opened | None:
        """The game, or None where its files are not what they were when the corpus was made."""
        name = game.files[0]
        if name not in self._number:
            self._skip(name, "the index does not know it")
            return None
        files = self._index.dataset.get_paths(self._number[name])
        paths = [self.root / file for file in files]
        if name not in self._whole and not self._is_whole(game, files, paths):
            return None
        self._whole.add(name)
        return game, paths

    def _is_whole(self, game: Game, files: list[str], paths: list[Path]) -> bool:
        frames = 0
        for file, path in zip(files, paths, strict=True):
            try:
                frames += content(path, self.version).frames
            except Unreadable as error:
                self._skip(file, str(error))
                return False
        if frames != game.frames:
            self._skip(files[0], f"its game shows {frames} frames, not {game.frames} as it did")
        return frames == game.frames

    def _open(self, corpus: Corpus) -> Index:
        """The corpus' index; that of games recorded here can be made anew, where it is damaged."""
        try:
            return read_index(corpus.index, corpus.dataset)
        except EnvError as error:
            if corpus.root is None:
                raise
            self._skip(INDEX, f"{error}; the xlogfiles are read instead")
            with tempfile.TemporaryDirectory(prefix="ldd-index-") as folder:
                write_index(Path(folder) / INDEX, corpus.root, corpus.dataset)
                return read_index(Path(folder) / INDEX, corpus.dataset)

    def _skip(self, file: str, reason: str) -> None:
        if file not in self.skipped:
            self.skipped[file] = reason
            logging.getLogger(__name__).warning("skipped %s: %s", file, reason)


class Frames(NamedTuple):
    """chars, colors uint8 [L, 24, 80], cursor uint8 [L, 2], keys int64 [L], starts, real bool [L]; see ``Window``."""

    chars: np.ndarray
    colors: np.ndarray
    cursor: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    real: np.ndarray


class Lane:
    """One converter that reads the games that ``deal`` gives, without a gap; after the last one, padding.

    game: that of the last frame read, None before the first. frame: how many of its frames have been read.
    """

    def __init__(self, version: int, deal: Callable[[], Opened | None]) -> None:
        self._deal, self._converter = deal, _pyconverter.Converter(ROWS, COLUMNS, version)
        self._waiting: list[Path] = []
        self._loaded: Game | None = None
        self.game: Game | None = None
        self.frame = 0

    def seek(self, opened: Opened, frame: int) -> None:
        """Continue a new lane in a game, after so many of its frames."""
        deal, self._deal = self._deal, lambda: opened
        while self.frame < frame:
            self.read(min(AT_ONCE, frame - self.frame))
        self._deal = deal

    def read(self, length: int) -> Frames:
        """The next ``length`` frames."""
        chars = np.zeros((length, ROWS, COLUMNS), np.uint8)
        colors = np.zeros((length, ROWS, COLUMNS), np.int8)
        cursor, times = np.zeros((length, 2), np.int16), np.zeros(length, np.int64)
        keys, scores = np.zeros(length, np.uint8), np.zeros(length, np.int32)
        starts, numbers = np.zeros(length, np.uint8), np.zeros(length, np.int32)
        first = self.game is None
        if self._loaded or self._load(self._converter):
            fields = (chars, colors, cursor, times, keys, scores, starts, numbers)
            convert_frames(self._converter, *fields, self._load)
        real = numbers != 0
        starts[0] |= first and real[0]
        begun = starts.nonzero()[0]
        self.frame = int(real.sum()) - int(begun[-1]) if len(begun) else self.frame + int(real.sum())
        self.game = self._loaded
        return Frames(chars, colors.view(np.uint8), cursor.astype(np.uint8), keys.astype(np.int64), starts > 0, real)

    def _load(self, converter: _pyconverter.Converter) -> bool:
        """The next file: another part of the same game, or the first of the next; False where there is none."""
        part = converter.part + 1
        if not self._waiting:
            opened = self._deal()
            if opened is None:
                return False
            self._loaded, self._waiting, part = opened[0], list(opened[1]), 0
        converter.load_ttyrec(str(self._waiting.pop(0)), gameid=1, part=part)
        return True
