"""Small corpora of real games of NetHack, played by the random player and recorded by the stage that does so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from agents.recordings.corpus import Corpus
from agents.recordings.record import record
from tests.plain_job import PlainJob


def recording(folder: Path, episodes: int = 7, max_steps: int = 60, **changed: Any) -> PlainJob:
    """The job of a stage that records so many games, of at most so many steps each."""
    params = {
        "env": {"id": "nethack", "name": "nethack-challenge", "options": {"max_steps": max_steps, "processes": 0}},
        "source": "random",
        "player": "bot",
        "episodes": episodes,
        "random_actions": 0.0,
        "@index": None,
        "learner_env": "nethack-score",
        "seed": 3,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return PlainJob(params | changed, folder)


def recorded(folder: Path, episodes: int = 7, max_steps: int = 60) -> Corpus:
    job = recording(folder, episodes, max_steps)
    record(job)
    return Corpus.open(job.folder)


def frames_by_nle(corpus: Corpus) -> list[dict[str, np.ndarray]]:
    """Every game as nle.dataset itself reads it: field -> [frames, ...]."""
    from nle.dataset import TtyrecDataset

    dataset = TtyrecDataset(corpus.dataset, dbfilename=str(corpus.index), shuffle=False)
    games = {}
    for number in dataset._gameids:
        parts = dataset.get_ttyrec(number, 1000)
        whole = {name: np.concatenate([part[name][0] for part in parts]) for name in parts[0]}
        real = whole.pop("gameids") != 0
        games[dataset.get_paths(number)[0]] = {name: field[real] for name, field in whole.items()}
    return [games[game.files[0]] for game in corpus.games]
