"""Tiny archives of real games in the layouts of the NetHack Learning Dataset: NLD-AA as of NLE, NLD-NAO as of alt.org.

    archive = nld_aa(tmp_path)          # tmp_path/nld-aa/nle_data/<run>/nle.<process>.<game>.ttyrec3.bz2 and xlogfile
    archive = nld_nao(tmp_path)         # tmp_path/nld-nao/<player>/<date>.<time>.ttyrec.bz2, xlogfile.1, blacklist.txt

The games of NLD-NAO are those of NLD-AA, as version 1 stores them (without keys and scores), played by other people.
"""

from __future__ import annotations

import bz2
import os
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

PLAYERS = ("Ada", "bob", "Emil")
_START = datetime(2019, 7, 25, 22, 3, 29, tzinfo=UTC)
_HEADER = struct.Struct("<iii")  # seconds, microseconds, length; version 3 adds a byte: screen, key or score


def nld_aa(folder: Path, runs: int = 2, games: int = 3, steps: int = 40) -> Path:
    """An archive of `runs` folders with so many games each; returns what a user gives to --nld-aa."""
    for run in range(runs):
        play(folder / "nld-aa" / "nle_data" / f"20220414-11263{run}_sdfd83ns", games, steps, seed=run)
    return folder / "nld-aa" / "nle_data"


def play(folder: Path, games: int, steps: int, seed: int) -> None:
    """Games of a player who searches and walks, recorded by NLE and ended by a quit, so that each has its row."""
    from nle import nethack
    from nle.env.tasks import NetHackScore

    folder.mkdir(parents=True)
    env = NetHackScore(savedir=str(folder), save_ttyrec_every=1, max_episode_steps=steps, fix_moon_phase=True)
    rng = np.random.default_rng(seed)
    keys = [index for index, key in enumerate(env.actions) if key in list(nethack.CompassDirection)]
    for game in range(games):
        env.seed(100 * seed + game, game, reseed=False)
        env.reset()
        over = False
        while not over:
            _, _, terminated, truncated, _ = env.step(int(rng.choice(keys)))
            over = terminated or truncated
    env.close()
    _as_if_played_by(4711, folder)


def _as_if_played_by(process: int, folder: Path) -> None:
    """NLE names its files after its own process; by their names games are split and chosen."""
    here, there = f"nle.{os.getpid()}.", f"nle.{process}."
    for path in list(folder.iterdir()):
        if path.suffix == ".xlogfile":
            path.write_text(path.read_text(encoding="ascii").replace(here, there), encoding="ascii")
        path.rename(path.with_name(path.name.replace(here, there)))


def nld_nao(folder: Path, source: Path, players: Sequence[str] = PLAYERS) -> Path:
    """The games of an NLD-AA as games of these players, in turn, an hour apart; the first game of all in two parts."""
    archive = folder / "nld-nao"
    rows = []
    for number, (row, recording) in enumerate(_games(source)):
        player, start = players[number % len(players)], _START + timedelta(hours=number)
        times = {"name": player, "starttime": _stamp(start), "endtime": _stamp(start + timedelta(minutes=50))}
        rows.append("\t".join(f"{key}={value}" for key, value in ({**row, **times}).items()))
        frames = list(_screens(bz2.decompress(recording.read_bytes())))
        half = len(frames) // 2
        parts = [frames[:half], frames[half:]] if number == 0 else [frames]
        for minutes, part in zip((0, 30), parts, strict=False):
            name = (start + timedelta(minutes=minutes)).strftime("%Y-%m-%d.%H:%M:%S.ttyrec.bz2")
            path = archive / player / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bz2.compress(b"".join(part)))
    half = len(rows) // 2
    (archive / "xlogfile.1").write_text("\n".join(rows[:half]) + "\n", encoding="latin-1")
    (archive / "xlogfile.2.txt").write_text("\n".join(rows[half:]).replace("\t", ":") + "\n", encoding="latin-1")
    (archive / "blacklist.txt").write_text("", encoding="latin-1")
    return archive


def _games(archive: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """The rows of an NLD-AA's xlogfiles, each with its recording."""
    for log in sorted(archive.glob("*/*.xlogfile")):
        for line in log.read_text(encoding="ascii").splitlines():
            row = dict(word.split("=", 1) for word in line.split("\t"))
            yield row, log.parent / row.pop("ttyrecname")


def _screens(recording: bytes) -> Iterator[bytes]:
    """The frames of a version 3 recording that hold a screen, as version 1 has them."""
    place = 0
    while place < len(recording):
        header = recording[place : place + _HEADER.size]
        start, length = place + _HEADER.size + 1, _HEADER.unpack(header)[2]
        if recording[start - 1] == 0:
            yield header + recording[start : start + length]
        place = start + length


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp())
