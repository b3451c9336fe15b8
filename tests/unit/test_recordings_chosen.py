"""Which games of an archive a stage takes, and what it says of those that it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("nle")

from agents.recordings.corpus import GAMES, INDEX, Corpus, Game
from agents.recordings.record import record
from envs.base import EnvError
from tests.nethack_recordings import recording
from tests.plain_job import PlainJob

DEATHS = ("quit", "killed by a newt", "ascended", "quit", "quit", "killed by a jackal, while quit", "starved")


def registered(
    folder: Path, source: str, deaths: tuple[str, ...] = DEATHS, skipped: Mapping[str, str] | None = None
) -> Path:
    """The list of an archive's games, one for each of these deaths."""
    games = (Game((f"p/{place}",), 50, 10, 20, 1, death, str(place)) for place, death in enumerate(deaths))
    folder.mkdir()
    Corpus(source, source, 1, tuple(games), skipped or {}, folder / INDEX).write(folder)
    return folder


def choosing(folder: Path, index: Path, source: str, episodes: int = 100) -> PlainJob:
    return recording(folder, source="expert", player=source, episodes=episodes, **{"@index": str(index)})


def test_a_game_that_a_person_has_quit_is_no_demonstration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = registered(tmp_path / "index", "nld-nao")
    result = record(choosing(tmp_path / "run", index, "nld-nao"))
    corpus = Corpus.open(tmp_path / "run")
    assert [game.death for game in corpus.games] == [death for death in DEATHS if death != "quit"]
    assert (result["games"], result["episodes"], result["skipped"]) == (4, 4, 0)
    assert capsys.readouterr().out == (
        "left out, for their players quit them: 3 of the 7 games of nld-nao\n"
        "4 of the 100 games that were asked for: nld-nao has no more here\n"
    )
    few = choosing(tmp_path / "few", index, "nld-nao", episodes=3)
    assert record(few)["games"] == 3, "those that were quit take nobody's place"


def test_a_game_of_a_bot_that_was_cut_off_ends_with_quit_and_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = registered(tmp_path / "index", "nld-aa")
    assert record(choosing(tmp_path / "run", index, "nld-aa", episodes=len(DEATHS)))["games"] == len(DEATHS)
    assert capsys.readouterr().out == ""


def test_an_archive_of_games_that_were_all_quit_is_one_error(tmp_path: Path) -> None:
    index = registered(tmp_path / "index", "nld-nao", deaths=("quit", "quit"))
    with pytest.raises(
        EnvError,
        match=rf"^all 2 games of nld-nao in {re.escape(str(index))} were quit by their .* register more games$",
    ):
        record(choosing(tmp_path / "run", index, "nld-nao"))


def test_a_list_without_any_game_is_not_said_to_be_of_games_that_were_quit(tmp_path: Path) -> None:
    index = registered(tmp_path / "index", "nld-aa", deaths=())
    with pytest.raises(
        EnvError, match=rf"^{re.escape(str(index / GAMES))} lists no game of nld-aa; .*register the archive"
    ):
        record(choosing(tmp_path / "run", index, "nld-aa"))


def test_what_an_archive_has_lost_is_counted_in_one_line_and_is_not_the_choice_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {f"p/{number}": "it is empty" for number in range(100, 400)}
    index = registered(tmp_path / "index", "nld-aa", skipped=lost)
    result = record(choosing(tmp_path / "run", index, "nld-aa", episodes=3))
    assert (result["games"], result["skipped"], Corpus.open(tmp_path / "run").skipped) == (3, 0, {})
    said = f"left out when nld-aa was registered: 300 of its files; {index / GAMES} names each\n"
    assert capsys.readouterr().out == said
