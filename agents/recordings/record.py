"""Stage target: demonstrations of NetHack, as ttyrecs: games that are played here, or some of an official archive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from agents.job import Job
from agents.networks.cpu import tune_process
from agents.recordings.corpus import FOLDER, GAMES, HASHED, INDEX, REMEDY, TTYRECS, Corpus, Game, share
from agents.recordings.index import write_index
from agents.recordings.playing import AT_ONCE, EPISODES, Episode, play
from agents.recordings.survey import survey
from envs.base import EnvError

RECORDED, SCRATCH, PEOPLE, QUIT = "recorded", "playing", "nld-nao", "quit"


def record(job: Job) -> dict[str, Any]:
    """Publish a corpus of ``episodes`` games in the run folder's ``corpus``.

    source: expert, random or checkpoint (see ``player``). player: who the expert is: bot or autoascend, whose games are
    played and recorded here; nld-aa or nld-nao, of whose registered games (``index``) at most ``episodes`` are chosen,
    of nld-nao none that its player has quit (methods.md 3). Batches of games are played straight into the corpus and
    stay there when they are whole, so that an interrupted stage continues after the last one; its games.json comes
    last. A game in which the player failed, or whose ttyrec is not whole, is skipped: log and corpus name it with the
    reason. What the registration of an archive has skipped is only counted in the log.

    Returns means over the corpus' games (score, turns, depth, win_rate, episode_return, episode_length), how many games
    and frames there are, how many episodes were played and files skipped, and ``corpus_sha256``. Raises EnvError where
    all were skipped; the next attempt plays them again only where not one ttyrec was kept.
    """
    tune_process()
    params = job.params
    chosen = params["source"] == "expert" and params["player"] in HASHED
    corpus, episodes = _chosen(job) if chosen else _played(job)
    for file, why in corpus.skipped.items():
        print(f"skipped {file}: {why}")
    if not corpus.games:
        raise EnvError(_nothing(corpus, episodes))
    means = _means(corpus, [episodes[game.files[0]] for game in corpus.games if episodes])
    job.log(corpus.frames, **means)
    counts = {"frames": corpus.frames, "games": len(corpus.games), "skipped": len(corpus.skipped)}
    return means | counts | {"episodes": len(episodes) or len(corpus.games), "corpus_sha256": corpus.sha256}


def _played(job: Job) -> tuple[Corpus, dict[str, Episode]]:
    """Play what has not been played, check every ttyrec, and publish; the episodes by the names of their files."""
    total, folder = job.params["episodes"], job.folder / FOLDER
    scratch, ttyrecs = folder / SCRATCH, folder / TTYRECS
    ttyrecs.mkdir(parents=True, exist_ok=True)
    played: dict[str, Episode] = {}
    for batch in range(-(-total // AT_ONCE)):
        place, before = ttyrecs / f"{batch:05d}", len(played)
        if not place.is_dir():
            play(job, batch, place, scratch, lambda ended: job.progress(before + ended, total))  # noqa: B023
        episodes = json.loads((place / EPISODES).read_text(encoding="utf-8"))
        played |= {f"{place.name}/{episode['name']}": episode for episode in episodes}
    shutil.rmtree(scratch, ignore_errors=True)  # of an attempt that was killed
    job.publish(f"{FOLDER}/{INDEX}", lambda path: write_index(path, ttyrecs, RECORDED))
    found = survey(folder / INDEX, RECORDED, RECORDED, lambda _done, _of: job.progress(total, total))
    known = found.skipped.keys() | {file for game in found.games for file in game.files}
    lost = {file: episode["missing"] or "NLE's index has no row for it" for file, episode in played.items()}
    skipped = {**found.skipped, **{file: why for file, why in lost.items() if file not in known}}
    corpus = replace(found, skipped=dict(sorted(skipped.items())))
    nobody_kept_any = not _kept(played)
    if corpus.games or nobody_kept_any:
        _publish(job, corpus)  # which also asks whether the run folder is still this attempt's
    if nobody_kept_any:  # another attempt, with what was wrong put right, shall play them again
        ttyrecs.rename(scratch)  # in one step: half a batch would never be played again
        shutil.rmtree(folder)
    return corpus, played


def _kept(episodes: Mapping[str, Episode]) -> list[str]:
    """The files that were whole when they were recorded."""
    return [file for file, episode in episodes.items() if episode["missing"] is None]


def _nothing(corpus: Corpus, episodes: Mapping[str, Episode]) -> str:
    """Why there is no game, and what to do where files were kept that cannot be read now."""
    kept = _kept(episodes)
    file = next(iter(kept or corpus.skipped))
    said = f"all {len(corpus.skipped)} games were skipped, such as {file}: {corpus.skipped[file]}"
    folder = corpus.index.with_name(TTYRECS)
    remedy = f"; make the files in {folder} readable and run again, or delete that folder to have new games played"
    return said + remedy if kept else said


def _chosen(job: Job) -> tuple[Corpus, dict[str, Episode]]:
    """Publish a list of an archive's games, drawn by the hash of seed and name; the games stay where they are."""
    source, index = job.params["player"], job.params["@index"]
    if index is None:
        raise EnvError(f"player {source} needs nethack.index, the folder that run_all.py data nethack has registered")
    archive = Corpus.open(Path(index))
    if archive.source != source:
        raise EnvError(f"{index} holds {archive.source}, but the player is {source}; name the index of {source}")
    if archive.skipped:
        listed = archive.index.with_name(GAMES)
        print(f"left out when {source} was registered: {len(archive.skipped)} of its files; {listed} names each")
    seed = job.stream("demonstration games")  # the split goes by the names alone
    drawn = sorted(_finished(archive), key=lambda game: share(f"{seed} {game.files[0]}"))[: job.params["episodes"]]
    if len(drawn) < job.params["episodes"]:
        print(f"{len(drawn)} of the {job.params['episodes']} games that were asked for: {source} has no more here")
    corpus = replace(archive, games=tuple(sorted(drawn, key=lambda game: game.files)), skipped={})
    (job.folder / FOLDER).mkdir(exist_ok=True)
    _publish(job, corpus)
    return corpus, {}


def _finished(archive: Corpus) -> list[Game]:
    """The games to choose from: as LDD's, none that a person has quit. A bot's "quit" says that it was cut off."""
    finished = [game for game in archive.games if archive.source != PEOPLE or game.death != QUIT]
    if not archive.games:
        raise EnvError(f"{archive.index.with_name(GAMES)} lists no game of {archive.source}; {REMEDY}")
    if not finished:
        raise EnvError(
            f"all {len(archive.games)} games of {archive.source} in {archive.index.parent} were quit by their players, "
            "and such games are no demonstrations; register more games"
        )
    if quit := len(archive.games) - len(finished):
        print(f"left out, for their players quit them: {quit} of the {len(archive.games)} games of {archive.source}")
    return finished


def _publish(job: Job, corpus: Corpus) -> None:
    job.publish(f"{FOLDER}/{GAMES}", corpus.write_games)


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
