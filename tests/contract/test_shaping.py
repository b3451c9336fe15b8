"""The teacher's reward: what each form pays, when it is added, and that wins are counted without it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import envs
from agents import collect, train
from agents.algorithms.rollout import Unroll
from agents.algorithms.vtrace_learner import VTraceLearner
from agents.networks import build
from agents.pretraining import dynamics
from agents.teacher import Teacher
from envs.base import EnvError
from tests.contract.test_learning import (
    GAMES,
    LEARNER,
    NETWORK,
    a_learner,
    demonstrate,
    env_params,
    load_teacher,
    policy_params,
    pretrain,
    pretrain_params,
)
from tests.plain_job import Killed, PlainJob


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=["paper", "rep"])
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    demonstrate(folder, "expert")
    pretrain(folder, folder, **pretrain_params(request.param))
    return folder


def frames(unroll: Unroll, t: int) -> dict[str, torch.Tensor]:
    return {name: field[t] for name, field in unroll.observation.items()}


def shaped(form: str, teacher: Teacher, eta: float = 0.5) -> tuple[torch.Tensor, Unroll, torch.Tensor]:
    """The teacher's share of the rewards [T, B] as the learner adds it, the unroll, and the policy's rep [T, B, d]."""
    learner = a_learner(teacher, shaping=eta, shaping_reward=form)
    unroll = learner.collector.collect(learner.act)
    with torch.no_grad():
        rep = torch.stack([learner.net.features(frames(unroll, t)).rep for t in range(6)])
    return learner.shaped(unroll, rep[:-1].flatten(0, 1), learner.targets(unroll)) - unroll.rewards, unroll, rep


def test_the_default_pays_every_step_minus_eta_times_its_own_distance(taught):
    teacher = load_teacher(taught)
    paid, unroll, rep = shaped("distance", teacher)
    for t in range(5):
        gap = (rep[t] - teacher.net.features(frames(unroll, t)).rep).square().mean(dim=1)
        torch.testing.assert_close(paid[t], -0.5 * gap)
    assert paid.std() > 0, "steps differ, or it would not be shaping"


def test_the_literal_form_shifts_every_reward_by_the_batchs_mean_distance(taught):
    teacher = load_teacher(taught)
    by_step, _, _ = shaped("distance", teacher)
    constant, _, _ = shaped("literal", teacher)
    torch.testing.assert_close(constant, by_step.mean().expand(5, 8))


def test_likelihood_pays_for_what_the_teacher_expected_minus_its_running_mean(taught):
    teacher = load_teacher(taught)
    paid, unroll, _ = shaped("likelihood", teacher)
    expected = torch.zeros(5, 8)
    table = teacher.net.name_emb.weight
    for t in range(5):
        vectors = teacher.decoder(teacher.net.features(frames(unroll, t)))
        grid = unroll.observation["name"][t + 1].flatten(1, 2).flatten(2)  # [8, 36, L]
        for copy in range(8):
            scores = []
            for cell in range(36):
                before = 1
                for token in grid[copy, cell].tolist():
                    if token == 0:
                        break
                    logits = (table[before] + vectors[copy, cell]) @ table.T
                    logits[0] = -torch.inf
                    scores.append(logits.log_softmax(0)[token])
                    before = token
            expected[t, copy] = torch.stack(scores).mean()
    expected = torch.where(unroll.done, 0.0, 0.5 * (expected - expected[~unroll.done].mean()))
    torch.testing.assert_close(paid, expected, rtol=1e-4, atol=1e-5)
    assert paid[unroll.done].eq(0).all()


def test_the_running_mean_is_over_all_steps_so_far(taught):
    teacher = load_teacher(taught)
    shaped("likelihood", teacher)
    steps, total = teacher.seen, teacher.seen_sum
    shaped("likelihood", teacher)  # the same unroll again: twice the steps, the same mean
    assert (teacher.seen, teacher.seen_sum) == (2 * steps, pytest.approx(2 * total))


def test_the_teachers_reward_is_added_before_clipping(taught):
    teacher = load_teacher(taught)
    drowned = a_learner(teacher, shaping=1e9)
    unroll = drowned.collector.collect(drowned.act)
    loss, _ = drowned.loss(unroll)
    alone = a_learner()
    unroll.rewards.fill_(-1.0)
    expected, _ = alone.loss(unroll)
    torch.testing.assert_close(loss, expected)


def test_shaping_changes_what_is_learnt_but_not_what_an_episode_is_worth(taught, tmp_path):
    """Two runs that play the same first unroll report equal wins and returns, whatever the teacher pays."""
    plain, paid = a_learner(), a_learner(load_teacher(taught), shaping=1.0)
    for learner in (plain, paid):
        learner.iterate()
    assert not torch.equal(plain.net.fc.weight, paid.net.fc.weight)
    ours, theirs = plain.report(), paid.report()
    for name in ("train/win_rate", "train/episode_return", "train/episode_length"):
        assert ours[name] == theirs[name]
    assert theirs["reward/shaping"] < 0
    assert "reward/shaping" not in ours


def test_a_shaped_run_killed_and_resumed_gives_the_unbroken_curve(taught, tmp_path):
    params = policy_params(shaping=0.1)
    params["learner"] = params["learner"] | {"shaping_reward": "likelihood"}
    unbroken = PlainJob(params, tmp_path, {"pretrain": taught})
    expected = train.train(unbroken)
    broken = PlainJob(params, tmp_path, {"pretrain": taught}, die_at=4)
    with pytest.raises(Killed):
        train.train(broken)
    broken.die_at = None
    assert train.train(broken) == expected
    assert broken.rows == unbroken.rows


def test_a_likelihood_needs_a_dynamics_model_and_a_form_its_name(taught):
    teacher = load_teacher(taught)
    with pytest.raises(
        EnvError, match="shaping_reward is 'nearness', expected distance, likelihood, literal or agreement"
    ):
        shaped("nearness", teacher)
    teacher.decoder = None
    with pytest.raises(EnvError, match="needs the decoder of a dynamics model"):
        shaped("likelihood", teacher)


def test_on_messenger_every_entity_id_of_the_next_grid_counts_the_backgrounds_too(tmp_path):
    game = {"env": env_params("messenger-s1"), "seed": 3}
    collect.collect(PlainJob(game | {"source": "expert", "episodes": 60, "terminal": False}, tmp_path))
    dynamics.train(PlainJob(pretrain_params("paper") | game, tmp_path, {"demonstrations": tmp_path}))
    env = envs.make("messenger-s1-train", 8, seed=1, **GAMES["messenger-s1"])
    teacher = Teacher(tmp_path / "teacher.pt", env.layout, NETWORK, torch.device("cpu"))
    settings = LEARNER | {"shaping_reward": "likelihood"}
    learner = VTraceLearner(build(env.layout, NETWORK, seed=2), env, settings, 3, teacher, shaping=1.0)
    unroll = learner.collector.collect(learner.act)
    paid = learner.shaped(unroll, torch.zeros(40, 12), learner.targets(unroll)) - unroll.rewards
    expected = []
    for t in range(5):
        vectors = teacher.decoder(teacher.net.features(frames(unroll, t)))
        tokens = unroll.observation["name"][t + 1].flatten(1, 2).flatten(2)  # [8, 49, 2]
        before = torch.cat([torch.ones_like(tokens[..., :1]), tokens[..., :1]], dim=-1)
        logits = (teacher.net.name_emb.weight[before] + vectors[:, :, None]) @ teacher.net.name_emb.weight.T
        expected.append(logits.log_softmax(-1).gather(-1, tokens[..., None]).mean((1, 2, 3)))
    likelihood = torch.stack(expected)
    likelihood = torch.where(unroll.done, 0.0, likelihood - likelihood[~unroll.done].mean())
    torch.testing.assert_close(paid, likelihood, rtol=1e-4, atol=1e-5)
