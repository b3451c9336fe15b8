"""`data`: registering archives that a user has downloaded, and saying what is registered and what there is."""

from __future__ import annotations

import importlib
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmark.cli.asked import Asked, note
from benchmark.cli.parse import PROGRAM
from benchmark.cli.show import duration
from benchmark.errors import BadInput
from benchmark.files import unreadable, unwritable
from benchmark.members import not_installed
from benchmark.plurals import noun

_SAY_EVERY_S = 10.0
_NAMED = 5
_DOWNLOADS = {
    "nld-aa": "games of the bot AutoAscend: nld-aa-dir-aa.zip to nld-aa-dir-ap.zip, or nld-aa-taster.zip (1.6 GB)",
    "nld-nao": "games of people on alt.org: nld-nao-dir-aa.zip to nld-nao-dir-bn.zip and nld-nao_xlogfiles.zip",
}
_WHERE = "The dungeonsdata README of NLE's repository lists the files. Unzip them into one folder per archive, then:"


def data(asked: Asked) -> int:
    """Of NetHack, the only environment that can use data of a user so far. Raises BadInput."""
    options = asked.options
    place = (options.index or asked.store.root / "nethack").absolute()
    sources = {"nld-aa": options.nld_aa, "nld-nao": options.nld_nao}
    given = {name: source for name, source in sources.items() if source is not None}
    if not given:
        print("\n".join(_listed(place)))
    for name, source in given.items():
        print("\n".join(_registered(name, source, place / name)))
    return 0


def _registered(name: str, source: Path, folder: Path) -> list[str]:
    """Register one archive; returns what to say of it."""
    reason = not_installed("nle", "data")
    if reason:
        raise BadInput(f"NetHack's games are read by NLE: {reason}")
    register: Any = importlib.import_module("agents.recordings.register")
    note(f"{name}: looking through {source}")
    try:
        corpus = register.register(name, source, folder, _Progress(name))
    except register.EnvError as error:
        raise BadInput(f"--{name}: {error}") from error
    except OSError as error:
        path = Path(error.filename or folder)
        raise unwritable(path, error) if path.is_relative_to(folder) else unreadable(path, error) from error
    return _about(name, corpus, folder)


def _listed(place: Path) -> list[str]:
    """Each archive: what is registered of it, or what to download."""
    lines, damaged, absent = [], 0, []
    for name, about in _DOWNLOADS.items():
        if not (place / name).is_dir():
            lines.append(f"{name}: not registered; {about}")
            absent.append(name)
            continue
        corpora: Any = importlib.import_module("agents.recordings.corpus")
        try:
            corpus = corpora.Corpus.open(place / name)
            _require_readable(corpus.index)
            lines += _about(name, corpus, place / name)
        except (corpora.EnvError, BadInput) as error:
            lines.append(f"{name}: skipped: {error}")
            damaged += 1
    if damaged:
        lines.append(f"{damaged} of {len(_DOWNLOADS) - len(absent)} registrations cannot be used; make them anew")
    if absent:
        lines += ["", _WHERE, *(f"  {PROGRAM} data nethack --{name} DIR" for name in absent)]
    return lines


def _require_readable(index: Path) -> None:
    """Raises BadInput where an index cannot be read, or its archive is no longer where it was."""
    try:
        with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)) as database:
            (root,) = database.execute("SELECT root FROM roots WHERE (SELECT COUNT(*) FROM ttyrecs) > 0").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise BadInput(f"{index} is no index that NLE can read ({error})") from error
    if not Path(root).is_dir():
        raise BadInput(f"its archive is no longer in {root}")


def _about(name: str, corpus: Any, folder: Path) -> list[str]:
    """What is in a corpus, what was left out, and the words that make a grid use it."""
    skipped = list(corpus.skipped.items())
    games = len(corpus.games)
    lines = [f"{name}: {games:,} {noun(games, 'game')} with {corpus.frames:,} frames; {len(skipped):,} left out"]
    lines += [f"  {file}: {why}" for file, why in skipped[:_NAMED]]
    if len(skipped) > _NAMED:
        lines.append(f"  and {len(skipped) - _NAMED:,} more, all named in {folder / 'games.json'}")
    return [*lines, f"  used by: {PROGRAM} --grid nethack nethack.player={name} nethack.index={folder}"]


class _Progress:
    """Says now and then how many games of an archive have been read, and how long the others will take."""

    def __init__(self, name: str) -> None:
        self._name, self._begun = name, time.monotonic()
        self._said = self._begun

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= _SAY_EVERY_S or done == total:
            self._said = now
            left = (now - self._begun) / done * (total - done)
            more = f", {duration(left)} left" if done < total else ""
            note(f"{self._name}: {done:,} of {total:,} {noun(total, 'game')} read{more}")
