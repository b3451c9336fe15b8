"""APPO's settings: what does not go together is refused in one line, before any process is started."""

from __future__ import annotations

import pytest

pytest.importorskip("sample_factory")

from agents.appo.settings import check, configuration, splits
from agents.networks import build
from envs.base import EnvError
from tests.appo_runs import NETHACK, SETTINGS, layout_of, task


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers": 3}, r"learner.num_envs = 4 does not divide among learner.workers = 3"),
        ({"batch": 42}, r"learner.batch = 42 does not consist of unrolls of learner.unroll = 5"),
        ({"unroll": 1}, r"2 at least"),
        ({"batch": 30}, r"learner.batch = 30 must be a multiple of learner.num_envs × learner.unroll = 20"),
        ({"normalise_returns": True}, r"learner.vtrace and learner.normalise_returns"),
        ({"shaping_reward": "likelihood"}, r"'likelihood', expected distance or literal"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, words):
    with pytest.raises(EnvError, match=words):
        check(SETTINGS | changes, shaping=0.1)


def test_a_form_of_the_teachers_reward_is_asked_for_only_where_it_pays():
    check(SETTINGS | {"shaping_reward": "likelihood"}, shaping=0.0)


@pytest.mark.parametrize(("num_envs", "workers", "expected"), [(8, 0, 1), (8, 2, 2), (6, 2, 1), (2, 2, 1)])
def test_a_process_plays_two_groups_in_turn_where_they_are_equal(num_envs, workers, expected):
    assert splits({"num_envs": num_envs, "workers": workers}) == expected


def test_sample_factory_is_told_what_would_spoil_a_run_by_default(tmp_path):
    layout = layout_of("nethack-score")
    net = build(layout, NETHACK, seed=0)
    cfg = configuration(SETTINGS | {"workers": 2}, task(tmp_path, layout), net, tmp_path, "cpu")
    assert not cfg.normalize_input, "characters are no numbers"
    assert not cfg.decorrelate_envs_on_one_worker, "random steps at the start are counted by nobody"
    assert not cfg.set_workers_cpu_affinity, "two runs on a machine would share a core and leave the others idle"
    assert not cfg.use_env_info_cache
    assert cfg.async_rl and cfg.rnn_size == net.state_size and cfg.recurrence == cfg.rollout == 5
    taught = configuration(SETTINGS, task(tmp_path, layout, teacher=tmp_path / "teacher.pt"), net, tmp_path, "cpu")
    assert taught.rnn_num_layers == 2, "actors carry the teacher's state beside the policy's"
    assert taught.serial_mode and not taught.async_rl
