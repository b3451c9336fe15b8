"""Games without a demonstration: who failed, or what NLE lost, is named, and all other games are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nle")

from agents.recordings import playing, record
from agents.recordings.corpus import TTYRECS, Corpus
from envs.base import EnvError
from envs.nethack import autoascend
from envs.nethack.players import PlayerFailed
from tests.nethack_players import ALL, SOME, let_play
from tests.nethack_recordings import recording


@pytest.fixture(autouse=True)
def four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (playing, record):
        monkeypatch.setattr(module, "AT_ONCE", 4)


def test_a_game_that_nle_lost_is_named_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = playing._keep

    def losing(folder: Path, ttyrec: Path) -> Any:
        if folder.name == "2":
            next(folder.glob("*.xlogfile")).unlink()
        return keep(folder, ttyrec)

    monkeypatch.setattr(playing, "_keep", losing)
    result = record.record(recording(tmp_path, episodes=4))
    said = "NLE left 1 ttyrecs and 0 lines in the xlogfile"
    assert (result["games"], result["skipped"], result["episodes"]) == (3, 1, 4)
    assert Corpus.open(tmp_path).skipped == {"00000/nle.0000002.ttyrec3.bz2": said}
    assert f"skipped 00000/nle.0000002.ttyrec3.bz2: {said}" in capsys.readouterr().out


def test_a_game_in_which_the_player_failed_is_skipped_and_all_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results: list[dict[str, Any]] = []

    def corpus(name: str, processes: int, one_in: int) -> Corpus:
        env = {"id": "nethack", "name": "nethack-challenge", "options": {"max_steps": 30, "processes": processes}}
        let_play(monkeypatch, PlayerFailed("the player is tired"), one_in)
        job = recording(tmp_path / name, episodes=6, env=env, source="expert")
        results.append(record.record(job))
        assert record.record(job) == results[-1]  # another attempt tells the same
        return Corpus.open(tmp_path / name)

    whole, here = corpus("whole", 0, one_in=1 << 70), corpus("here", 0, SOME)
    said = capsys.readouterr().out.splitlines()
    there = corpus("there", 2, SOME)
    assert (here.games, here.skipped) == (there.games, there.skipped) and results[1] == results[2]
    assert 0 < len(here.games) < 6
    assert here.games == tuple(game for game in whole.games if game.files[0] not in here.skipped)
    assert set(here.skipped.values()) == {"the player is tired"}
    assert said == [f"skipped {file}: the player is tired" for file in here.skipped] * 2
    ttyrecs = tmp_path / "here" / "corpus" / TTYRECS
    assert sorted(str(path.relative_to(ttyrecs)) for path in ttyrecs.rglob("*.bz2")) == [
        game.files[0] for game in here.games
    ]
    assert (results[1]["skipped"], results[1]["episodes"]) == (len(here.skipped), 6)
    assert results[1]["episode_length"] == 30  # of the games that are there


def test_a_player_that_fails_in_every_game_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_play(monkeypatch, PlayerFailed("the player is tired"), ALL)
    with pytest.raises(
        EnvError, match=r"^all 5 games were skipped, such as 00000/nle\.0000000\S+: the player is tired$"
    ):
        record.record(recording(tmp_path, episodes=5, source="expert"))


def test_a_player_whose_packages_are_missing_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envs.nethack.autoascend.PACKAGES", ("no_such_package",))
    autoascend._adapter.cache_clear()
    with pytest.raises(EnvError, match=r"^player='autoascend' needs no_such_package"):
        record.record(recording(tmp_path, source="expert", player="autoascend"))


def test_a_stage_without_any_game_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "_keep", lambda folder, ttyrec: (b"", "NLE left nothing"))
    with pytest.raises(
        EnvError, match=r"^all 2 games were skipped, such as 00000/nle\.0000000\.ttyrec3\.bz2: NLE left nothing$"
    ):
        record.record(recording(tmp_path, episodes=2))
    assert not list(tmp_path.iterdir())  # so another attempt plays them again
