"""The verb `data` from a user's seat: archives are registered, listed, and used by a grid's configuration."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import run_all
from benchmark import members
from tests.nethack_archives import nld_aa, nld_nao

pytest.importorskip("nle")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    nld_nao(folder, nld_aa(folder))
    return folder


@pytest.fixture(scope="module")
def registered(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs in which both are registered; tests that change it copy it first."""
    root = tmp_path_factory.mktemp("root")
    words = ["--nld-aa", str(archives / "nld-aa"), "--nld-nao", str(archives / "nld-nao")]
    assert run_all.main(["data", "nethack", *words, "--root", str(root)]) == 0
    return root


def test_without_anything_registered_it_says_what_to_download(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all.main(["data", "nethack", "--root", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for part in ("nld-aa: not registered", "nld-aa-taster.zip", "nld-nao_xlogfiles.zip", "dungeonsdata README"):
        assert part in shown
    assert "python run_all.py data nethack --nld-nao DIR" in shown
    assert list(tmp_path.iterdir()) == []


def test_a_registration_tells_its_games_what_is_left_out_and_how_to_use_it(
    archives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(archives / "nld-aa", tmp_path / "nld-aa")
    cut = min(tmp_path.glob("nld-aa/*/*/*.bz2"))
    cut.write_bytes(cut.read_bytes()[:-20])
    assert run_all.main(["data", "nethack", "--nld-aa", str(tmp_path / "nld-aa"), "--index", str(tmp_path / "i")]) == 0
    output = capsys.readouterr()
    assert output.err.splitlines() == [
        f"nld-aa: looking through {tmp_path / 'nld-aa'}",
        "nld-aa: 6 of 6 games read",
    ]
    first, second, third = output.out.splitlines()
    assert re.fullmatch(r"nld-aa: 5 games with \d+ frames; 1 left out", first)
    assert second == f"  {cut.parent.name}/{cut.name}: its compressed data is cut off"
    assert third.endswith(f"--grid nethack nethack.player=nld-aa nethack.index={tmp_path / 'i' / 'nld-aa'}")


def test_what_is_registered_is_listed(registered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.main(["data", "nethack", "--root", str(registered)]) == 0
    shown = capsys.readouterr().out
    assert "nld-aa: 6 games with " in shown
    assert "nld-nao: 6 games with " in shown
    assert "download" not in shown


@pytest.mark.parametrize(
    ("file", "words"),
    [("games.json", "games.json is damaged"), ("ttyrecs.db", "ttyrecs.db is no index that NLE can read")],
)
def test_a_damaged_registration_is_named_and_counted(
    registered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, words: str
) -> None:
    shutil.copytree(registered, tmp_path / "root")
    (tmp_path / "root" / "nethack" / "nld-nao" / file).write_text("no such thing", encoding="utf-8")
    assert run_all.main(["data", "nethack", "--root", str(tmp_path / "root")]) == 0
    shown = capsys.readouterr().out
    assert "nld-nao: skipped: " in shown
    assert words in shown
    assert "1 of 2 registrations cannot be used; make them anew" in shown
    assert "nld-aa: 6 games" in shown


def test_an_archive_that_was_moved_is_told(archives: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(archives / "nld-aa", tmp_path / "here")
    words = ["data", "nethack", "--index", str(tmp_path / "index")]
    assert run_all.main([*words, "--nld-aa", str(tmp_path / "here")]) == 0
    (tmp_path / "here").rename(tmp_path / "there")
    assert run_all.main(words) == 0
    assert f"nld-aa: skipped: its archive is no longer in {tmp_path / 'here'}" in capsys.readouterr().out


def test_the_registered_games_are_in_the_keys_of_those_who_watch_them(
    registered: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = tmp_path / "nld-aa"
    shutil.copytree(registered / "nethack" / "nld-aa", index)

    def keys(*words: str) -> dict[str, dict[str, str]]:
        """Method -> stage -> key."""
        plan = ["plan", "--grid", "nethack", "--json", "--only", "*/*/0", "--root", str(tmp_path / "runs")]
        assert run_all.main([*plan, *words]) == 0
        cells = json.loads(capsys.readouterr().out)["cells"]
        return {cell["method"]: cell["stages"] for cell in cells}

    words = ("nethack.player=nld-aa", f"nethack.index={index}")
    here = keys(*words)
    shutil.copytree(index, tmp_path / "elsewhere")
    assert keys("nethack.player=nld-aa", f"nethack.index={tmp_path / 'elsewhere'}") == here, "wherever it lies"
    games = index / "games.json"
    games.write_text(games.read_text(encoding="utf-8").replace('"points": ', '"points": 1'), encoding="utf-8")
    others, bot = keys(*words), keys()
    assert len({keys["ldd"]["demonstrations"] for keys in (here, others, bot)}) == 3
    assert len({keys["ldd"]["policy"] for keys in (here, others, bot)}) == 3
    assert here["tabula_rasa"] == others["tabula_rasa"] == bot["tabula_rasa"], "it watches nobody"


def test_without_nle_the_remedy_is_told(
    archives: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(members, "installed", lambda name: None)
    words = ["data", "nethack", "--nld-aa", str(archives / "nld-aa"), "--root", str(tmp_path)]
    assert run_all.main(words) == 2
    shown = capsys.readouterr().err
    assert re.search(r"the package nle is not installed \(pip install .*nle\.lock\)", shown)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data"], "data needs a word: nethack"),
        (["data", "alfworld"], "data needs a word: nethack, not 'alfworld'"),
        (["data", "nethack", "--nld-aa", "/nowhere"], "--nld-aa: /nowhere is no folder; expected folders that hold"),
        (["status", "--grid", "demo", "--nld-aa", "x"], "--nld-aa is for data, and means nothing to 'status'; drop it"),
    ],
)
def test_mistakes_are_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.main(words) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"run_all: {message}")
