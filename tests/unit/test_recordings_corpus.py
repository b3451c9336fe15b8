"""A corpus of recorded games: what is in a ttyrec, which games are held out, and what makes two corpora the same."""

from __future__ import annotations

import bz2
import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("nle")

from agents.recordings.corpus import GAMES, Corpus, Game
from agents.recordings.index import read_index
from agents.recordings.verify import Unreadable, content
from envs.base import EnvError
from tests.nethack_recordings import frames_by_nle, recorded


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return recorded(tmp_path_factory.mktemp("run"), episodes=4, max_steps=30)


def games(*files: str) -> tuple[Game, ...]:
    return tuple(Game((file,), 50, 10, 20, 1, "quit", f"sha of {file}") for file in files)


def of(source: str, *files: str) -> Corpus:
    return Corpus(source, source, 1, games(*files), {}, Path("ttyrecs.db"))


def held_out(corpus: Corpus, validation: float = 0.3) -> set[str]:
    return {game.files[0] for game in corpus.part("held_out", validation)}


# ttyrecs


def record(channel: int, text: bytes, second: int = 0) -> bytes:
    return struct.pack("<3iB", second, 0, len(text), channel) + text


SCREEN, KEY, SCORE = (0, b"a screen"), (1, b"h"), (2, b"\0\0\0\0")


def ttyrec(folder: Path, *records: tuple[int, bytes], second: int = 0, more: bytes = b"") -> Path:
    path = folder / "game.ttyrec3.bz2"
    path.write_bytes(bz2.compress(b"".join(record(*each, second) for each in records) + more))
    return path


def test_as_many_frames_are_counted_as_nle_reads(corpus: Corpus) -> None:
    assert [game.frames for game in corpus.games] == [len(game["done"]) for game in frames_by_nle(corpus)]


def test_a_frame_is_shown_where_a_key_is_pressed(tmp_path: Path) -> None:
    assert content(ttyrec(tmp_path, SCREEN, KEY, SCREEN, SCREEN, KEY, SCORE), 3).frames == 2


def test_what_is_seen_and_pressed_is_the_identity_and_when_is_not(tmp_path: Path) -> None:
    def identity(*records: tuple[int, bytes], second: int = 0) -> str:
        return content(ttyrec(tmp_path, *records, second=second), 3).sha256

    first = identity(SCREEN, KEY, SCORE)
    assert identity(SCREEN, KEY, SCORE, second=7) == first
    assert identity(SCREEN, KEY, (0, b"Cannot open file /somebody/1234.logfile"), SCORE) == first
    assert identity(SCREEN, (1, b"j"), SCORE) != first
    assert identity((0, b"A screen"), KEY, SCORE) != first


@pytest.mark.parametrize(
    ("content_of_file", "reason"),
    [
        (b"", "it is empty"),
        (b"no bzip2", "its compressed data is damaged"),
        (bz2.compress(record(*SCREEN) * 9 + record(*KEY))[:-9], "its compressed data is cut off"),
        (bz2.compress(record(*SCREEN) + record(*KEY) + b"1234"), "its last record is cut off"),
        (bz2.compress(record(*KEY) + record(*SCREEN)[:-1]), "a record is damaged"),
        (bz2.compress(record(*KEY) + record(0, b"") + record(*KEY)), "a record is damaged"),
        (bz2.compress(record(*SCREEN) * 3), "it shows no frame"),
    ],
)
def test_a_ttyrec_that_is_not_whole_is_refused(tmp_path: Path, content_of_file: bytes, reason: str) -> None:
    path = tmp_path / "game.ttyrec3.bz2"
    path.write_bytes(content_of_file)
    with pytest.raises(Unreadable, match=f"^{reason}$"):
        content(path, 3)


# the split


def test_of_games_recorded_here_the_last_are_held_out() -> None:
    corpus = of("recorded", *(f"00000/{number}" for number in range(10)))
    assert held_out(corpus) == {"00000/7", "00000/8", "00000/9"}
    assert [game.files[0][-1] for game in corpus.part("fitted", 0.3)] == list("0123456")


def test_players_of_nld_nao_are_in_one_part_whoever_else_plays() -> None:
    few = [f"player{number}/{day}" for number in range(40) for day in ("Monday", "Tuesday")]
    many = [*few, *(f"other{number}/Monday" for number in range(40))]
    mine = held_out(of("nld-nao", *few))
    assert {file.replace("Monday", "Tuesday") for file in mine} == {file for file in mine if "Tuesday" in file}
    assert mine == {file for file in held_out(of("nld-nao", *many)) if file in few}
    assert 0.1 < len(mine) / len(few) < 0.5
    assert held_out(of("nld-nao", *(file.replace("player", "PLAYER") for file in few))) == {
        file.replace("player", "PLAYER") for file in mine
    }


def test_games_of_nld_aa_are_split_by_their_names_wherever_the_archive_lies() -> None:
    files = [f"20220414_{run}/nle.1.{game}.ttyrec3.bz2" for run in range(9) for game in range(9)]
    mine = held_out(of("nld-aa", *files))
    assert {f"nle_data/{file}" for file in mine} == held_out(of("nld-aa", *(f"nle_data/{file}" for file in files)))
    assert len({file.split("/")[0] for file in mine}) > 1
    assert held_out(of("nld-aa", *files), 0.1) < mine


@pytest.mark.parametrize("part", ["fitted", "held_out"])
def test_an_empty_part_names_the_remedy(part: str) -> None:
    with pytest.raises(EnvError, match=rf"0 games of recorded leave none for the part {part} .*raise demonstrations\."):
        of("recorded").part(part, 0.15)  # type: ignore[arg-type]


# games.json


def test_a_corpus_is_read_as_it_was_written_and_moves_with_its_folder(corpus: Corpus, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    replace(corpus, skipped={"00000/lost": "it is empty"}).write(moved)
    read = Corpus.open(moved)
    assert (read.games, read.skipped, read.index) == (corpus.games, {"00000/lost": "it is empty"}, corpus.index)
    assert (read.sha256, read.frames) == (corpus.sha256, sum(game.frames for game in corpus.games))
    assert Corpus.open(corpus.index).games == Corpus.open(corpus.index.parent.parent).games == corpus.games


def test_the_identity_is_of_the_games_and_their_order() -> None:
    one, two = of("recorded", "a", "b"), of("recorded", "b", "a")
    assert one.sha256 == replace(one, index=Path("elsewhere"), skipped={"c": "gone"}).sha256
    assert one.sha256 != two.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, r"games.json: No such file or directory; record the games"),
        ("no JSON", r"games.json is damaged; record the games"),
        ({"format": 7}, r"games.json has format 7, expected 1; record"),
        ({"games": [{"files": ["a"]}]}, r"games.json is damaged"),
        ([], r"games.json is damaged"),
    ],
)
def test_a_damaged_list_of_games_is_named_with_the_remedy(
    corpus: Corpus, tmp_path: Path, change: object, said: str
) -> None:
    corpus.write(tmp_path)
    file = tmp_path / GAMES
    if change is None:
        file.unlink()
    elif isinstance(change, dict):
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    else:
        file.write_text(str(change))
    with pytest.raises(EnvError, match=said):
        Corpus.open(tmp_path)


def test_an_index_that_does_not_know_the_dataset_is_named(corpus: Corpus) -> None:
    with pytest.raises(EnvError, match=r"ttyrecs.db is no readable index of nld-aa"):
        read_index(corpus.index, "nld-aa")
    with pytest.raises(EnvError, match=r"there is no index of NetHack games .*nowhere.db"):
        read_index(corpus.index.with_name("nowhere.db"), "recorded")
