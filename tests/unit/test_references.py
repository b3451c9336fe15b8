"""The fixed ends of every environment's scale: of the very games that are played, and in no stage's key."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from benchmark.configs import Configs
from benchmark.grid import make_plan
from benchmark.perf import references
from benchmark.perf.references import matter, settings, stored
from benchmark.request import read_request
from benchmark.spec import Plan
from benchmark.validate import Schema
from tests.toy import PROJECT

torch.set_num_threads(1)  # tests run side by side


@pytest.fixture(scope="module")
def configs() -> Configs:
    return Configs(PROJECT / "configs")


def plan(configs: Configs, *words: str) -> Plan:
    schema = Schema(configs.read("schema"), "configs/schema.yaml")
    return make_plan(configs, schema, read_request(configs, schema, "demo", ["methods=[ldd]", "seeds=1", *words]))


def test_every_setting_that_can_be_played_has_a_reference_of_its_own(configs: Configs) -> None:
    """Who changes an option of a preset that a win depends on has to measure again."""
    found = list(settings(configs))
    assert {preset for _, preset, _ in found} == {None, "demo", "smoke"}
    assert {name for name, _, _ in found} >= {"rtfm_s1", "rtfm_s4", "messenger_s1", "messenger_s1_emma", "messenger_s3"}
    for name, preset, section in found:
        random, expert = stored(section, "random"), stored(section, "expert")
        assert random is not None and expert is not None, (name, preset)
        assert 0 < random < expert <= 1, (name, preset)


def test_what_a_game_looks_like_decides_no_win(configs: Configs) -> None:
    section = next(section for _, _, section in settings(configs, "messenger_s2"))
    told_otherwise = {**section, "options": {**section["options"], "wording": "plain", "time_penalty": -0.5}}
    shorter = {**section, "options": {**section["options"], "max_steps": 10}}
    assert stored(told_otherwise, "random") == stored(section, "random")
    assert stored(shorter, "random") is None
    assert matter({"wording": "plain", "board": 7}) == {"board": 7}


def test_a_reference_is_in_the_plan_and_in_no_key(configs: Configs) -> None:
    before = plan(configs)
    after = plan(configs, "env.references.random.win_rate=0.321")
    assert list(before.stages) == list(after.stages)
    changed = {name: facts["references"]["random"]["win_rate"] for name, facts in after.environments.items()}
    assert changed == {"messenger-s1": 0.321, "rtfm-s1": 0.321}
    kept: Mapping[str, Any] = before.environments["rtfm-s1"]["references"]
    assert kept["options"] == {"max_steps": 80, "items": False, "goal": "monster", "start": "fair"}


def test_a_preset_reference_is_no_setting_that_differs_from_the_paper(configs: Configs) -> None:
    changes = plan(configs).settings["changes"]["rtfm-s1"]
    assert "env.options.start" in changes
    assert not [key for key in changes if "references" in key]


def test_the_script_measures_what_is_stored(
    configs: Configs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A few games only; the stored numbers are of 50,000, and a wrong one is told apart from them all the same."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(sys, "argv", ["references", "--episodes", "600", "--only", "messenger_s1_emma"])
    assert references.main() == 0
    assert "all references are right" in capsys.readouterr().out
    monkeypatch.setattr(references, "stored", lambda section, player: 0.9 if player == "random" else 1.0)
    assert references.main() == 1
    assert "NOT the 0.9 that is stored" in capsys.readouterr().out
