"""APPO's settings: what does not go together is refused in one line, before any process is started."""

from __future__ import annotations

import math
from types import SimpleNamespace

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


def test_sample_factory_is_told_every_setting_by_its_own_name(tmp_path):
    from sample_factory.cfg.arguments import parse_sf_args

    parser, _ = parse_sf_args(["--env=ldd"])
    defaults = vars(parser.parse_args(["--env=ldd"]))
    odd = {
        "num_envs": 12, "workers": 3, "unroll": 7, "batch": 84, "epochs": 5, "discount": 0.83, "reward_scale": 0.7,
        "reward_clip": 2.5, "vtrace": True, "clip": 0.35, "value_clip": 0.45, "normalise_returns": False,
        "baseline_cost": 0.55, "entropy_cost": 0.065, "lr": 0.075, "adam_eps": 0.085, "grad_norm": 0.95,
    }  # fmt: skip
    told = {
        "num_workers": 3, "num_envs_per_worker": 2, "worker_num_splits": 2, "serial_mode": False, "rollout": 7,
        "recurrence": 7, "batch_size": 84, "num_epochs": 5, "gamma": 0.83, "reward_scale": 0.7, "reward_clip": math.inf,
        "with_vtrace": True, "ppo_clip_ratio": 0.35, "ppo_clip_value": 0.45, "normalize_returns": False,
        "value_loss_coeff": 0.55, "exploration_loss_coeff": 0.065, "learning_rate": 0.075, "adam_eps": 0.085,
        "max_grad_norm": 0.95,
    }  # fmt: skip
    task, net = SimpleNamespace(seed=1, teacher=None), SimpleNamespace(state_size=16)
    cfg = configuration(SETTINGS | odd, task, net, tmp_path, "cpu")
    assert {name: cfg[name] for name in told} == told
    assert cfg.learner_reward_clip == 2.5 and cfg.task is task
    same = {"num_envs_per_worker", "worker_num_splits", "serial_mode"}
    assert {name for name in told if told[name] == defaults[name]} == same, "the others would be missed"
    assert configuration(SETTINGS | {"grad_norm": None}, task, net, tmp_path, "cpu").max_grad_norm == 0, "none at all"
    serial = configuration(SETTINGS | {"workers": 0, "normalise_returns": True}, task, net, tmp_path, "cuda")
    assert serial.serial_mode and serial.num_envs_per_worker == serial.worker_num_splits == 1
    assert serial.normalize_returns and (cfg.device, serial.device) == ("cpu", "gpu")


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
