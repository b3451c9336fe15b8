"""From an index of nle.dataset to a corpus: every ttyrec is read once, and games that are not whole are left out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agents.recordings.corpus import Corpus, Game
from agents.recordings.index import Index, read_index
from agents.recordings.verify import Unreadable, content

AT_ONCE = 1024
"""Games that are handed to the threads together."""


def survey(index: Path, dataset: str, source: str, progress: Callable[[int, int], None]) -> Corpus:
    """The corpus of a dataset in an index, its games in the order of their files' names; it is not written yet.

    progress: called with the number of games read and of all games. Raises EnvError where the index cannot be read.
    """
    known = read_index(index, dataset, rows=True)
    games: list[Game] = []
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for begin in range(0, len(known.numbers), AT_ONCE):
            chosen = known.numbers[begin : begin + AT_ONCE]
            for game, broken in pool.map(lambda number: _examine(known, number), chosen):
                games += [game] if game else []
                skipped |= broken
            progress(begin + len(chosen), len(known.numbers))
    games.sort(key=lambda game: game.files)
    return Corpus(source, dataset, known.version, tuple(games), dict(sorted(skipped.items())), index)


def _examine(known: Index, number: int) -> tuple[Game | None, dict[str, str]]:
    """A game of the index, or None and why its files are left out."""
    files = tuple(known.dataset.get_paths(number))
    contents, broken = [], {}
    for file in files:
        try:
            contents.append(content(known.root / file, known.version))
        except Unreadable as error:
            broken[file] = str(error)
    if broken:
        return None, {file: broken.get(file, "another part of its game is not whole") for file in files}
    sha = contents[0].sha256
    if len(files) > 1:
        sha = hashlib.sha256("\n".join(part.sha256 for part in contents).encode()).hexdigest()
    row = known.dataset.get_meta(number)
    frames = sum(part.frames for part in contents)
    return Game(files, frames, row["points"], row["turns"], row["maxlvl"], row["death"], sha), {}
