"""The content of an environment's data files is part of its keys, wherever they lie."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.data_files import DataFiles
from benchmark.errors import BadInput
from tests.toy import Toy


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that tells when it is imported, with a file in it."""
    folder = tmp_path / "site" / "ldd_toy_package"
    (folder / "texts").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "texts" / "train.json").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return "ldd_toy_package"


def test_a_file_is_named_as_it_is_written_but_an_absolute_one_by_its_name(tmp_path: Path, package: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "games.json").write_text("[1]")
    (tmp_path / "human.json").write_text("[2]")
    files = DataFiles(tmp_path)
    inside = f"package:{package}/texts/train.json"
    assert files.digests(["data/games.json", str(tmp_path / "human.json"), inside], "here") == {
        "data/games.json": sha256("[1]"),
        "human.json": sha256("[2]"),
        inside: sha256("{}"),
    }
    assert package not in sys.modules
    assert files.digests(None, "here") == files.digests([], "here") == {}


def test_the_same_content_elsewhere_is_the_same_entry(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "human.json").write_text("[2]")
    files, (one, other) = DataFiles(tmp_path), (str(tmp_path / place / "human.json") for place in ("a", "b"))
    assert files.digests([one], "here") == files.digests([other], "here")
    with pytest.raises(BadInput, match=r"^here: env\.data names two files human\.json, which keys cannot tell apart; "):
        files.digests([one, other], "here")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["data/none.json"], "here: env.data names data/none.json, which is not in /"),
        (["/nowhere/none.json"], "here: env.data names /nowhere/none.json, which is no file"),
        (["data"], "here: env.data names data, which is not in /"),
        (
            ["package:no_such_one/a.json"],
            "here: env.data names package:no_such_one/a.json, but there is no package no_such_one; install it",
        ),
        (
            ["package:a.b/c.json"],
            "here: env.data names package:a.b/c.json, but there is no package a.b; install it",
        ),
        (
            ["package:ldd_toy_package/texts/test.json"],
            "here: env.data names package:ldd_toy_package/texts/test.json, which is not in the package ldd_toy_package",
        ),
        ("data/games.json", "here: env.data is 'data/games.json', expected a list of files"),
        ([1], "here: env.data is [1], expected a list of files"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, package: str, entries: Any, message: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match="^" + re.escape(message)) as error:
        DataFiles(tmp_path).digests(entries, "here")
    assert "\n" not in str(error.value)


def test_options_can_choose_the_files(toy: Toy) -> None:
    """Only those of the chosen wording must be there, and count."""
    toy.write(
        "env/north",
        "# @package _global_\ndefaults: [/learner: slow]\n"
        "env: {id: north, label: North, size: 4, wording: full, data: '${env.data_of.${env.wording}}', "
        "data_of: {full: [data/north.json], human: [/nowhere/human.json]}}\n",
    )
    assert [s.params["data_sha256"] for s in toy.plan("one").stages.values()] == [
        {"data/north.json": sha256("[1, 2, 3]")}
    ] * 2
    with pytest.raises(BadInput, match=r"configs/env/north\.yaml: env\.data names /nowhere/human\.json, which is no"):
        toy.plan("one", "env.wording=human")
    given = toy.plan("one", "env.data=[data/north.json]", "env.wording=human")
    assert all("data_sha256" in stage.params for stage in given.stages.values())
