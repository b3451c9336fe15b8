"""The official archives: what lies in the layouts of NLD-AA and NLD-NAO becomes a corpus, whatever of it is damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("nle")

from agents.recordings.corpus import GAMES, Corpus
from agents.recordings.register import register
from envs.base import EnvError
from tests.nethack_archives import nld_aa, nld_nao


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both archives; tests that change one copy it first."""
    folder = tmp_path_factory.mktemp("archives")
    nld_nao(folder, nld_aa(folder))
    return folder


@pytest.fixture
def own(archives: Path, tmp_path: Path) -> Path:
    shutil.copytree(archives, tmp_path / "own")
    return tmp_path / "own"


def registered(name: str, source: Path) -> Corpus:
    return register(name, source, source.parent / "indexes" / name, lambda done, total: None)


def files(corpus: Corpus) -> list[str]:
    return [file for game in corpus.games for file in game.files]


@pytest.mark.parametrize("place", [".", "nld-aa", "nld-aa/nle_data"])
def test_nld_aa_is_registered_from_its_folder_or_one_above(archives: Path, tmp_path: Path, place: str) -> None:
    seen: list[tuple[int, int]] = []
    corpus = register("nld-aa", archives / place, tmp_path, lambda done, total: seen.append((done, total)))
    assert len(corpus.games) == 6
    assert (corpus.skipped, corpus.version, seen[-1]) == ({}, 3, (6, 6))
    assert files(corpus) == sorted(
        str(path.relative_to(archives / "nld-aa" / "nle_data")) for path in archives.glob("nld-aa/*/*/*.bz2")
    )
    assert all(game.turns > 0 and game.frames > 20 and game.death == "quit" for game in corpus.games)
    assert Corpus.open(tmp_path).games == corpus.games


def test_nld_nao_joins_the_parts_of_a_game_and_keeps_players_together(archives: Path, tmp_path: Path) -> None:
    corpus = register("nld-nao", archives / "nld-nao", tmp_path, lambda done, total: None)
    assert [game.files for game in corpus.games][:2] == [
        ("Ada/2019-07-25.22:03:29.ttyrec.bz2", "Ada/2019-07-25.22:33:29.ttyrec.bz2"),
        ("Ada/2019-07-26.01:03:29.ttyrec.bz2",),
    ]
    assert (len(corpus.games), corpus.version, corpus.skipped) == (6, 1, {})
    players = [{game.files[0].split("/")[0] for game in corpus.part(part, 0.15)} for part in ("fitted", "held_out")]
    assert players == [{"Ada", "bob"}, {"Emil"}], "by the hash of the name, whoever else is there"


def test_the_same_games_elsewhere_are_the_same_corpus(archives: Path, own: Path, tmp_path: Path) -> None:
    for name, place in (("nld-aa", "nld-aa/nle_data"), ("nld-nao", "nld-nao")):
        here = register(name, archives / place, tmp_path / "here" / name, lambda done, total: None)
        there = register(name, own / place, tmp_path / "there" / name, lambda done, total: None)
        assert here.sha256 == there.sha256
        texts = [(tmp_path / side / name / GAMES).read_bytes() for side in ("here", "there")]
        assert texts[0] == texts[1], "keys are hashed from it"


def test_a_damaged_ttyrec_is_named_and_its_game_left_out(own: Path) -> None:
    whole = registered("nld-nao", own / "nld-nao")
    cut = own / "nld-nao" / "Ada" / "2019-07-25.22:33:29.ttyrec.bz2"
    cut.write_bytes(cut.read_bytes()[:-20])
    corpus = registered("nld-nao", own / "nld-nao")
    assert corpus.skipped == {
        "Ada/2019-07-25.22:03:29.ttyrec.bz2": "another part of its game is not whole",
        "Ada/2019-07-25.22:33:29.ttyrec.bz2": "its compressed data is cut off",
    }
    assert corpus.games == whole.games[1:]
    assert corpus.sha256 != whole.sha256


def test_a_damaged_line_of_an_xlogfile_costs_only_its_game(own: Path) -> None:
    log = min(own.glob("nld-aa/*/*/*.xlogfile"))
    first, second, third = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(first.replace(b"points=", b"points=x") + second.replace(b"death=", b"\xff=") + third)
    corpus = registered("nld-aa", own / "nld-aa")
    run = log.parent.name
    assert corpus.skipped == {
        f"{run}/{log.name}, line 1": corpus.skipped[f"{run}/{log.name}, line 1"],
        f"{run}/{log.name}, line 2": "it is no text",
        f"{run}/{log.stem}.0.ttyrec3.bz2": "its xlogfile has no line for it",
        f"{run}/{log.stem}.1.ttyrec3.bz2": "its xlogfile has no line for it",
    }
    assert corpus.skipped[f"{run}/{log.name}, line 1"].startswith("its points is 'x")
    assert len(corpus.games) == 4
    log = own / "nld-nao" / "xlogfile.1"
    log.write_bytes(log.read_bytes().replace(b"turns=", b"turns=many"))
    corpus = registered("nld-nao", own / "nld-nao")
    assert len(corpus.games) == 3
    assert [why for why in corpus.skipped.values() if why.startswith("its turns is 'many")]


def test_rows_and_files_without_each_other_are_told_apart(own: Path) -> None:
    log = min(own.glob("nld-aa/*/*/*.xlogfile"))
    (log.parent / f"{log.stem}.1.ttyrec3.bz2").unlink()  # NLE may record only every k-th game
    other = max(own.glob("nld-aa/*/*/*.xlogfile"))
    other.write_bytes(b"".join(other.read_bytes().splitlines(keepends=True)[:1]))
    corpus = registered("nld-aa", own / "nld-aa")
    assert list(corpus.skipped) == [f"{other.parent.name}/{other.stem}.{game}.ttyrec3.bz2" for game in (1, 2)]
    assert len(corpus.games) == 3


def test_an_xlogfile_that_names_no_ttyrec_is_left_out(own: Path) -> None:
    log = min(own.glob("nld-aa/*/*/*.xlogfile"))
    for path in log.parent.glob("*.bz2"):
        path.unlink()
    corpus = registered("nld-aa", own / "nld-aa")
    assert corpus.skipped == {f"{log.parent.name}/{log.name}": "none of its lines is of a ttyrec beside it"}
    assert len(corpus.games) == 3


def test_the_blacklist_of_nld_nao_is_kept_to(own: Path) -> None:
    (own / "nld-nao" / "blacklist.txt").write_text("bob/2019-07-25.23:03:29.ttyrec.bz2\n", encoding="latin-1")
    corpus = registered("nld-nao", own / "nld-nao")
    assert corpus.skipped == {"bob/2019-07-25.23:03:29.ttyrec.bz2": "the blacklist has it"}
    assert len(corpus.games) == 5


def test_what_is_no_archive_is_refused_in_one_line(own: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvError, match=r"nowhere is no folder; expected folders that hold nle"):
        registered("nld-aa", tmp_path / "nowhere")
    zips = tmp_path / "zips"
    zips.mkdir()
    (zips / "nld-nao-dir-aa.zip").write_bytes(b"")
    with pytest.raises(EnvError, match=r"zips holds nothing to register; unzip its files first: expected xlogfile"):
        registered("nld-nao", zips)
    for path in own.glob("nld-aa/*/*/*.bz2"):
        path.write_bytes(b"")
    with pytest.raises(EnvError, match=r"nle_data has no whole game: .*\.0\.ttyrec3\.bz2: it is empty"):
        registered("nld-aa", own / "nld-aa")
