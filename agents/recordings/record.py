"""Stage target: demonstrations of NetHack, as ttyrecs: games that are played here, or some of an official archive."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from agents.job import Job
from agents.networks.cpu import tune_process
from agents.recordings.corpus import FOLDER, HASHED, INDEX, TTYRECS, Corpus, share
from agents.recordings.index import write_index
from agents.recordings.playing import AT_ONCE, EPISODES, Episode, play
from agents.recordings.survey import survey
from envs.base import EnvError

RECORDED, SCRATCH = "recorded", "playing"


def record(job: Job) -> dict[str, Any]:
    """Publish a corpus of ``episodes`` games in the run folder's ``corpus``.

    source: expert, random or checkpoint (see ``player``). player: who the expert is: bot or autoascend, whose games are
    played and recorded here; nld-aa or nld-nao, of whose registered games (``index``) at most ``episodes`` are chosen.
    Finished batches of games stay in the run folder, so that an interrupted stage continues after the last one. A game
    in which the player failed, or whose ttyrec is not whole, is skipped: log and corpus name it with the reason.

    Returns means over the corpus' games (score, turns, depth, win_rate, episode_return, episode_length), how many games
    and frames there are, how many episodes were played and files skipped, and ``corpus_sha256``. Raises EnvError where
    all were skipped.
    """
    tune_process()
    params = job.params
    chosen = params["source"] == "expert" and params["player"] in HASHED
    corpus, episodes = _chosen(job) if chosen else _played(job)
    for file, why in corpus.skipped.items():
        print(f"skipped {file}: {why}")
    if not corpus.games:
        first = next((f"{file}: {why}" for file, why in corpus.skipped.items()), "")
        raise EnvError(f"all {len(corpus.skipped)} games were skipped, such as {first}")
    means = _means(corpus, [episodes[game.files[0]] for game in corpus.games if episodes])
    job.log(corpus.frames, **means)
    counts = {"frames": corpus.frames, "games": len(corpus.games), "skipped": len(corpus.skipped)}
    return means | counts | {"episodes": len(episodes) or len(corpus.games), "corpus_sha256": corpus.sha256}


def _played(job: Job) -> tuple[Corpus, dict[str, Episode]]:
    """Play what has not been played, check every ttyrec, and publish; the episodes by the names of their files."""
    total, work = job.params["episodes"], job.folder / f"{FOLDER}.part"
    if (job.folder / FOLDER).is_dir():  # by an attempt that ended before it could hand in its result
        (job.folder / FOLDER).rename(work)
    ttyrecs = work / TTYRECS
    ttyrecs.mkdir(parents=True, exist_ok=True)
    played: dict[str, Episode] = {}
    for batch in range(-(-total // AT_ONCE)):
        folder, before = ttyrecs / f"{batch:05d}", len(played)
        if not folder.is_dir():
            play(job, batch, folder, work / SCRATCH, lambda ended: job.progress(before + ended, total))  # noqa: B023
        episodes = json.loads((folder / EPISODES).read_text(encoding="utf-8"))
        played |= {f"{folder.name}/{episode['name']}": episode for episode in episodes}
    shutil.rmtree(work / SCRATCH, ignore_errors=True)  # of an attempt that was killed
    write_index(work / INDEX, ttyrecs, RECORDED, final_root=job.folder / FOLDER / TTYRECS)
    found = survey(work / INDEX, RECORDED, RECORDED, lambda _done, _of: job.progress(total, total), ttyrecs)
    known = found.skipped.keys() | {file for game in found.games for file in game.files}
    lost = {file: episode["missing"] or "NLE's index has no row for it" for file, episode in played.items()}
    skipped = {**found.skipped, **{file: why for file, why in lost.items() if file not in known}}
    corpus = replace(found, skipped=dict(sorted(skipped.items())))
    if corpus.games:
        corpus.write(work)
        _publish(job, work)
    else:
        shutil.rmtree(work)  # another attempt, with what was wrong put right, shall play them again
    return corpus, played


def _chosen(job: Job) -> tuple[Corpus, dict[str, Episode]]:
    """Publish a list of an archive's games, drawn by the hash of seed and name; the games stay where they are."""
    source, index = job.params["player"], job.params["@index"]
    if index is None:
        raise EnvError(f"player {source} needs nethack.index, the folder that run_all.py data nethack has registered")
    archive = Corpus.open(Path(index))
    if archive.source != source:
        raise EnvError(f"{index} holds {archive.source}, but the player is {source}; name the index of {source}")
    seed = job.stream("demonstration games")  # the split goes by the names alone
    drawn = sorted(archive.games, key=lambda game: share(f"{seed} {game.files[0]}"))[: job.params["episodes"]]
    corpus = replace(archive, games=tuple(sorted(drawn, key=lambda game: game.files)))
    work = job.folder / f"{FOLDER}.part"
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(job.folder / FOLDER, ignore_errors=True)
    work.mkdir()
    corpus.write(work)
    _publish(job, work)
    return corpus, {}


def _publish(job: Job, work: Path) -> None:
    def move(path: Path) -> None:
        work.rename(path)

    job.publish(FOLDER, move)


def _means(corpus: Corpus, episodes: list[Episode]) -> dict[str, float]:
    """Over the games, and over their episodes where they were played; an archive's tell no more than their points."""
    games = corpus.games
    return {
        "score": fmean(game.points for game in games),
        "turns": fmean(game.turns for game in games),
        "depth": fmean(game.depth for game in games),
        "win_rate": fmean(game.death == "ascended" for game in games),
        "episode_return": fmean([episode["episode_return"] for episode in episodes] or [game.points for game in games]),
        "episode_length": fmean([episode["episode_length"] for episode in episodes] or [game.frames for game in games]),
    }
