"""Recordings outlive whatever happens while the harness's job publishes them: no finished batch is played again."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nle")

from agents.recordings import playing, record
from agents.recordings.corpus import Corpus
from benchmark import files
from benchmark.job import StageJob, Stopped
from benchmark.lease import Claim
from benchmark.spec import Resources, Stage
from benchmark.store import RunStore
from envs.base import EnvError
from tests.nethack_recordings import recording

Attempt = Callable[[], StageJob]


class PowerCut(BaseException):
    """The process is gone."""


@pytest.fixture
def attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """Begins the next attempt at a stage that records three games, two at once, as the harness does."""
    for module in (playing, record):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    store = RunStore(tmp_path / "runs")
    stage = Stage("demonstrations", "agents.recordings.record.record", recording(tmp_path, 3, 30).params)
    store.register(stage)
    claims: list[Claim] = []

    def begin() -> StageJob:
        for earlier in claims:
            earlier.release()
        claim = Claim.acquire(store.claims(stage.key))
        assert claim is not None
        claims.append(claim)
        store.tidy(stage.key)
        return StageJob(store, stage, Resources(), claim, threading.Event())

    return begin


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches that are played, as they are."""
    batches: list[int] = []
    play = record.play

    def noted(job: Any, batch: int, *others: Any) -> None:
        batches.append(batch)
        play(job, batch, *others)

    monkeypatch.setattr(record, "play", noted)
    return batches


def breaks(patch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    """Let a step of writing files raise this where it is about the list of games."""
    works = getattr(files, step)

    def broken(path: Path, *others: Any) -> Any:
        if path.parent.name == "corpus" and path.suffix == ".json":
            raise error
        return works(path, *others)

    patch.setattr(files, step, broken)


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_stage_that_is_killed_while_it_publishes_plays_nothing_again(
    attempt: Attempt, played: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = attempt()
    with monkeypatch.context() as power, pytest.raises(PowerCut):
        breaks(power, "_put", PowerCut())
        power.setattr(Path, "unlink", lambda path, missing_ok=False: None)  # who is killed cleans nothing up
        record.record(job)
    left = everything(job.folder)
    assert [name for name in left if ".tmp" in name] and "corpus/games.json" not in left
    result = record.record(attempt())
    assert (played, result["games"]) == ([0, 1], 3)
    assert Corpus.open(job.folder).sha256 == result["corpus_sha256"]
    assert not [name for name in everything(job.folder) if ".tmp" in name]


@pytest.mark.parametrize("step", ["_flush", "_fill"])
def test_a_full_disk_is_told_as_such_and_costs_no_game(
    attempt: Attempt, played: list[int], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    job = attempt()
    with monkeypatch.context() as disk, pytest.raises(files.Unwritable) as told:
        breaks(disk, step, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        record.record(job)
    where = f"cannot write {job.folder / 'corpus' / 'games.json'}: No space left on device; "
    assert str(told.value).startswith(where) and "free some space there" in str(told.value)
    before = everything(job.folder)
    assert not [name for name in before if ".tmp" in name]
    assert record.record(attempt())["games"] == 3
    assert played == [0, 1]
    assert before | {"corpus/games.json"} <= everything(job.folder)


def test_files_that_cannot_be_read_for_a_moment_cost_no_game(
    attempt: Attempt, played: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, read = attempt(), Path.read_bytes

    def stale(path: Path) -> bytes:
        if path.suffix == ".bz2":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return read(path)

    with monkeypatch.context() as network, pytest.raises(EnvError) as told:
        network.setattr(Path, "read_bytes", stale)
        record.record(job)
    place = job.folder / "corpus" / "ttyrecs"
    assert str(told.value) == (
        "all 3 games were skipped, such as 00000/nle.0000000.ttyrec3.bz2: Stale file handle; make the files in "
        f"{place} readable and run again, or delete that folder to have new games played"
    )
    assert "corpus/games.json" not in everything(job.folder)
    assert record.record(attempt())["games"] == 3
    assert played == [0, 1]


def lost(job: StageJob, monkeypatch: pytest.MonkeyPatch) -> StageJob:
    """A job whose stage another process has taken over."""
    monkeypatch.setattr(job._claim, "beat", lambda: False)
    return job


def test_who_has_lost_the_stage_publishes_nothing(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    job = lost(attempt(), monkeypatch)
    with pytest.raises(Stopped):
        record.record(job)
    assert not {"corpus/games.json", "corpus/ttyrecs.db"} & everything(job.folder)


def test_who_has_lost_the_stage_leaves_the_index_that_others_read(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.record(attempt())
    job = lost(attempt(), monkeypatch)
    index = job.folder / "corpus" / "ttyrecs.db"
    before = index.stat()
    with pytest.raises(Stopped):
        record.record(job)
    assert (index.stat().st_ino, index.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_who_has_lost_the_stage_deletes_nothing(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_keep", lambda folder, ttyrec: (b"", "NLE left nothing"))
    job, survey = attempt(), record.survey

    def surveyed(*given: Any) -> Corpus:
        lost(job, monkeypatch)
        return survey(*given)

    monkeypatch.setattr(record, "survey", surveyed)
    with pytest.raises(Stopped):
        record.record(job)
    assert "corpus/ttyrecs/00000/episodes.json" in everything(job.folder)
