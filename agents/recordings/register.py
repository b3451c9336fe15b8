"""Registering an official archive: NLE's index of it, and beside the index the corpus of its whole games."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from nle import dataset as nld

from agents.recordings.archives import ARCHIVES, Archive, View
from agents.recordings.corpus import INDEX, Corpus
from agents.recordings.survey import survey
from envs.base import EnvError


def register(name: str, source: Path, folder: Path, progress: Callable[[int, int], None]) -> Corpus:
    """Write the index and games.json of an archive into a folder; an earlier registration there is replaced.

    name: nld-aa or nld-nao. source: the unzipped archive, which is only read, and must stay where it is. progress: see
    ``survey``. The games' files are checked one by one, so this takes as long as reading all of them once.
    Raises EnvError where there is nothing to register.
    """
    archive = ARCHIVES[name]
    root = archive.root(source).absolute()
    with tempfile.TemporaryDirectory(prefix="ldd-index-") as scratch:
        index = Path(scratch) / INDEX
        skipped = _index(archive, name, root, index)
        corpus = survey(index, name, name, progress)
        if not corpus.games:
            raise EnvError(f"{root} has no whole game: {_first(skipped | dict(corpus.skipped))}")
        known = {file for game in corpus.games for file in game.files} | corpus.skipped.keys() | skipped.keys()
        lost = dict.fromkeys(set(archive.files(root)) - known, archive.lost)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{INDEX}.part"
        temporary.write_bytes(index.read_bytes())
    temporary.replace(folder / INDEX)
    everything = skipped | dict(corpus.skipped) | lost
    corpus = replace(corpus, skipped=dict(sorted(everything.items())), index=folder / INDEX)
    corpus.write(folder)
    return corpus


def _index(archive: Archive, name: str, root: Path, index: Path) -> dict[str, str]:
    """Let NLE write its index of an archive; returns what it could not be shown, and why."""
    nld.db.create(filename=str(index))
    with tempfile.TemporaryDirectory(prefix="ldd-archive-") as links:
        view = View(root, Path(links))
        archive.show(view)
        with contextlib.redirect_stdout(io.StringIO()):
            archive.add(links, name, str(index))
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("UPDATE roots SET root = ?", (str(root),))
        connection.commit()
    return view.skipped


def _first(skipped: dict[str, str]) -> str:
    """One of the reasons, for the error."""
    return next((f"{file}: {why}" for file, why in sorted(skipped.items())), "its xlogfiles name no ttyrec")
