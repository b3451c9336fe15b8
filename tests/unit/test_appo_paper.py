"""NetHack as in the paper: the constants of methods.md 1.5, 2.3, 4 and 10, from the configuration to Sample Factory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmark.configs import Configs
from benchmark.grid import make_plan
from benchmark.request import read_request
from benchmark.validate import Schema
from tests.toy import PROJECT

FRAMES = 10**9


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    """The params of one run's stages, by kind."""
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), "configs/schema.yaml")
    words = ["seeds=1", "envs=[nethack_challenge_monk]", "methods=[ldd]"]
    plan = make_plan(configs, schema, read_request(configs, schema, "paper", words))
    return {stage.kind: stage.params for stage in plan.stages.values()}


def test_the_game_is_the_challenge_with_a_human_monk(stages):
    options = {"character": "mon-hum-neu-mal", "max_steps": 100_000, "step_penalty": -0.001, "no_progress_timeout": 150}
    for kind in ("policy", "evaluate"):
        assert stages[kind]["env"]["name"] == "nethack-challenge"
        assert stages[kind]["env"]["options"] == options


def test_the_network_has_its_sizes(stages):
    sizes = {"name": "nethack", "channels": [32, 64, 128], "screen": 512, "text": 128, "core": 512}
    assert stages["policy"]["network"] == stages["pretrain"]["network"] == sizes


def test_the_learner_has_its_constants(stages):
    learner = stages["policy"]["learner"]
    constants = {
        "name": "appo", "frames": FRAMES, "num_envs": 2 * 256, "unroll": 32, "batch": 128 * 32, "epochs": 1,
        "discount": 0.999, "reward_scale": 0.1, "reward_clip": 10, "vtrace": True, "clip": 0.1, "value_clip": 1,
        "normalise_returns": False, "baseline_cost": 0.25 * 0.5, "entropy_cost": 0.001, "lr": 1e-4,
        "adam_eps": 1e-6, "grad_norm": 4,
    }  # fmt: skip
    assert {name: learner[name] for name in constants} == constants
    assert stages["policy"]["until"] == 1


def test_the_method_starts_from_the_teacher_and_keeps_near_it(stages):
    policy = stages["policy"]
    assert policy["initialise"] and policy["shaping"] == 0
    assert policy["distill"] * policy["learner"]["distill_cost"] == 1


def test_the_teacher_learns_from_windows_of_33_frames(stages):
    constants = {"length": 33, "predicted": 1, "batch": 12, "lr": 2e-5, "updates": 10**7, "validate_every": 8000}
    training = stages["pretrain"]["training"]
    assert {name: training[name] for name in constants} == constants
    assert training["held_out_windows"] == 200 * training["batch"]


def test_policies_are_tested_by_their_own_probabilities(stages):
    for tested in (stages["evaluate"], stages["policy"]["curve"]):
        assert tested["sampled"] and tested["random_actions"] == 0


def test_sample_factory_hears_them_all(stages, tmp_path):
    pytest.importorskip("sample_factory")
    from agents.appo.settings import check, configuration

    settings: dict[str, Any] = stages["policy"]["learner"]
    check(settings, shaping=0.0)
    task, net = SimpleNamespace(seed=1, teacher=tmp_path), SimpleNamespace(state_size=2 * 512)
    cfg = configuration(settings, task, net, tmp_path, "cuda")
    told = {
        "rollout": 32, "recurrence": 32, "batch_size": 4096, "num_batches_per_epoch": 1, "num_epochs": 1,
        "gamma": 0.999, "reward_scale": 0.1, "learner_reward_clip": 10, "value_bootstrap": False,
        "normalize_returns": False, "normalize_input": False,
        "with_vtrace": True, "vtrace_rho": 1, "vtrace_c": 1, "ppo_clip_ratio": 0.1, "ppo_clip_value": 1,
        "value_loss_coeff": 0.125, "exploration_loss": "entropy", "exploration_loss_coeff": 0.001, "kl_loss_coeff": 0,
        "optimizer": "adam", "learning_rate": 1e-4, "lr_schedule": "constant",
        "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_eps": 1e-6, "max_grad_norm": 4, "device": "gpu",
    }  # fmt: skip
    assert {name: cfg[name] for name in told} == told
    assert cfg.num_workers * cfg.num_envs_per_worker * (512 // 16) == 512 and cfg.worker_num_splits == 2
