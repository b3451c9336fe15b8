"""A lesson on screens whose files are damaged or gone: each is counted, and the true cause is told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("nle", reason="needs the package nle (make test installs it)")

from agents.pretraining.screens.windows import ScreenLesson, read
from agents.recordings.corpus import HASHED, TTYRECS, Corpus, share
from agents.recordings.record import record
from agents.recordings.register import register
from envs.base import EnvError
from tests.nethack_archives import nld_aa
from tests.nethack_recordings import recorded, recording
from tests.plain_job import PlainJob

VALIDATION = 0.5


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with four games, the last two of which are held out."""
    folder = tmp_path_factory.mktemp("recordings")
    recorded(folder, episodes=4, max_steps=30)
    return folder


@pytest.fixture
def own(recordings: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recordings, tmp_path / "own")


def lesson(parent: Path, archive: Path | None = None, **training: Any) -> ScreenLesson:
    params = {
        "@archive": None if archive is None else str(archive),
        "env": {"id": "nethack-score", "name": "nethack-score", "options": {"processes": 0}},
        "training": {"batch": 2, "length": 9, "validation": VALIDATION, "held_out_windows": 100} | training,
        "seed": 3,
    }
    return read(PlainJob(params, parent, {"demonstrations": parent}), "demonstrations", "order")


def files(folder: Path, part: Any) -> list[Path]:
    corpus = Corpus.open(folder)
    return [folder / "corpus" / TTYRECS / game.files[0] for game in corpus.part(part, VALIDATION)]


def skipped(lesson: ScreenLesson) -> int:
    fit: Any = SimpleNamespace(update=0, facts=dict)
    job = PlainJob({}, Path())
    number: int = lesson.facts(job, fit)["skipped"]
    assert job.repeatable == (number == 0), "with all files it would be another teacher"
    return number


def test_files_of_both_parts_that_cannot_be_read_are_counted(own: Path) -> None:
    whole = lesson(own)
    whole.fitted.next()
    assert skipped(whole) == 0
    for part in ("fitted", "held_out"):
        damaged = files(own, part)[0]
        damaged.write_bytes(damaged.read_bytes()[:100])
    worse = lesson(own)
    assert skipped(worse) == 1, "the held-out one; nobody has looked at the others yet"
    for _ in range(20):
        worse.fitted.next()
    assert skipped(worse) == 2


def test_a_fit_that_is_continued_counts_what_it_met_before(own: Path) -> None:
    first = files(own, "fitted")[0]
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    unbroken = lesson(own)
    for _ in range(20):
        unbroken.fitted.next()
    state = unbroken.fitted.state_dict()
    first.write_bytes(whole)
    continued = lesson(own)
    assert skipped(continued) == 0
    continued.fitted.load_state_dict(state)
    continued.fitted.next()
    assert skipped(continued) == skipped(unbroken) == 1
    assert continued.fitted.skipped == unbroken.fitted.skipped


def test_a_damaged_index_that_both_parts_meet_is_one_file(own: Path) -> None:
    (own / "corpus" / "ttyrecs.db").write_bytes(b"")
    assert skipped(lesson(own)) == 1


def test_held_out_files_that_are_gone_are_told_and_not_the_number_of_episodes(own: Path) -> None:
    for path in files(own, "held_out"):
        path.unlink()
    place = own / "corpus" / TTYRECS
    with pytest.raises(
        EnvError, match=rf"nle\.0000002\S+: No such file.*; put the files back into {re.escape(str(place))}, or"
    ) as told:
        lesson(own)
    assert "demonstrations.episodes" not in str(told.value) and "\n" not in str(told.value)


def test_held_out_games_of_a_frame_each_need_more_episodes(own: Path) -> None:
    with pytest.raises(EnvError, match=r"show no frame with a next one: raise demonstrations\.episodes$"):
        lesson(own, length=1)


def test_an_archive_that_was_moved_is_missed_where_it_was(tmp_path: Path) -> None:
    archive = nld_aa(tmp_path, runs=1, games=4)
    register("nld-aa", archive, tmp_path / "index", lambda done, total: None)
    job = recording(tmp_path / "run", source="expert", player="nld-aa", **{"@index": str(tmp_path / "index")})
    record(job)
    shutil.move(archive, tmp_path / "elsewhere")
    said = rf"No such file or directory; put the files back into {re.escape(str(archive))}, or .*register the archive"
    one_is_fitted = max(share(HASHED["nld-aa"](game)) for game in Corpus.open(job.folder).games)
    with pytest.raises(EnvError, match=said):
        lesson(job.folder, validation=one_is_fitted)


def test_an_archive_that_was_moved_and_registered_anew_is_read_where_it_is(tmp_path: Path) -> None:
    """The chosen games are the same ones, so nobody has to choose them again."""
    archive = nld_aa(tmp_path, runs=2, games=2)
    register("nld-aa", archive, tmp_path / "before", lambda done, total: None)
    job = recording(tmp_path / "run", source="expert", player="nld-aa", **{"@index": str(tmp_path / "before")})
    record(job)
    one_is_fitted = max(share(HASHED["nld-aa"](game)) for game in Corpus.open(job.folder).games)
    here = lesson(job.folder, validation=one_is_fitted).fitted.next()
    shutil.rmtree(tmp_path / "before")
    register("nld-aa", archive.rename(tmp_path / "elsewhere"), tmp_path / "after", lambda done, total: None)
    there = lesson(job.folder, archive=tmp_path / "after", validation=one_is_fitted).fitted.next()
    assert all(here.observation[name].equal(field) for name, field in there.observation.items())
    with pytest.raises(EnvError, match="before"):
        lesson(job.folder, validation=one_is_fitted)
