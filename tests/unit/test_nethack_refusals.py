"""What NetHack's last stages would refuse after hours of recording and pretraining is refused by the plan."""

from __future__ import annotations

import re

import pytest

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan
from benchmark.request import read_request
from benchmark.validate import Schema
from tests.toy import PROJECT


@pytest.fixture(scope="module")
def project() -> tuple[Configs, Schema]:
    configs = Configs(PROJECT / "configs")
    return configs, Schema(configs.read("schema"), "configs/schema.yaml")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "learner.batch=544 learner.num_envs=16 learner.workers=0",
            "learner.batch is 544, expected a multiple of learner.num_envs × learner.unroll (512) "
            "where learner.workers is 0",
        ),
        ("learner.unroll=1", "learner.unroll is 1, expected at least 2 where learner.name is appo"),
        ("network.channels=[1,2]", "network.channels is [1, 2], expected 3 elements where network.name is nethack"),
        ("env.options.character=mon-orc-neu-mal", "env.options.character is 'mon-orc-neu-mal', expected role-race-"),
        ("learner.batch=544 learner.num_envs=16 learner.workers=2", None),
        ("learner=vtrace learner.unroll=1", None),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    project: tuple[Configs, Schema], words: str, line: str | None
) -> None:
    configs, schema = project

    def plan() -> None:
        given = ["seeds=1", "envs=[nethack_score]", "methods=[tabula_rasa]", *words.split()]
        make_plan(configs, schema, read_request(configs, schema, "nethack", given))

    if line is None:
        plan()
        return
    with pytest.raises(BadInput, match=re.escape(line)):
        plan()
