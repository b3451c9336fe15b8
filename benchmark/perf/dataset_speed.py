"""Recorded games of NetHack: how fast they are played and recorded, checked, and read as windows.

    python -m benchmark.perf.dataset_speed [FOLDER] [--games 32] [--batch 12] [--frames 200000]

FOLDER: a corpus, or a run folder that has one; without, so many games of the bot are recorded first. "CPU" counts this
process' own time, all threads together, "wall" is what a clock shows. "NLE alone" is nle.dataset.TtyrecDataset, whose
lanes wait for each other and hold padding, without a check of the files; only real frames are counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from agents.recordings.corpus import Corpus
from agents.recordings.index import read_index
from agents.recordings.record import record
from agents.recordings.stream import LENGTH, WindowStream
from agents.recordings.verify import content
from tests.plain_job import PlainJob


def report(what: str, counts: Iterator[int]) -> None:
    """Print how many frames a second come; ``counts``: frames, part by part."""
    wall, cpu, frames = time.perf_counter(), time.process_time(), sum(counts)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:44} {frames:>9} {frames / wall:>15.0f} {frames / cpu:>15.0f}")


def recorded(folder: Path, games: int) -> Iterator[int]:
    """Let the bot play; yields the frames that were recorded, once."""
    params = {
        "env": {"id": "nethack", "name": "nethack-challenge", "options": {"max_steps": 10_000}},
        "source": "expert",
        "player": "bot",
        "episodes": games,
        "seed": 0,
    }
    yield int(record(PlainJob(params, folder))["frames"])


def by_nle(corpus: Corpus, batch: int) -> Iterator[int]:
    """Real frames of each batch of NLE's own dataset."""
    dataset = read_index(corpus.index, corpus.dataset).dataset
    dataset.batch_size, dataset.seq_length, dataset.shuffle = batch, LENGTH, False
    for found in dataset:
        yield int((found["gameids"] != 0).sum())


def until(frames: int, counts: Callable[[], int]) -> Iterator[int]:
    seen = 0
    while seen < frames:
        seen += (count := counts())
        yield count


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.dataset_speed")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER")
    parser.add_argument("--games", type=int, default=32)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--frames", type=int, default=200_000, help="read for each figure")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(f"{'':44} {'frames':>9} {'per s (wall)':>15} {'per s (CPU)':>15}")
        folder = given.folder
        if folder is None:
            folder = Path(scratch)
            report("played by the bot, recorded and checked", recorded(folder, given.games))
        corpus = Corpus.open(folder)
        files = [
            (corpus.root or read_index(corpus.index, corpus.dataset).root) / f for g in corpus.games for f in g.files
        ]
        report("checked", (content(file, corpus.version).frames for file in files))
        stream = WindowStream(corpus, "fitted", given.batch)
        for time_of_reading in ("windows, files checked on the way", "windows, later"):
            report(time_of_reading, until(given.frames, lambda: int(stream.next().real.sum())))
        report(
            "held-out windows, each once",
            (int(window.real.sum()) for window in WindowStream(corpus, "held_out", given.batch).once()),
        )
        report("NLE alone", islice(by_nle(corpus, given.batch), given.frames // (given.batch * LENGTH)))
        size = sum(file.stat().st_size for file in files)
        print(f"{len(corpus.games)} games, {corpus.frames} frames, {size / corpus.frames:.1f} bytes a frame on disk")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
