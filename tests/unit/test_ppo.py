"""PPO: its returns and its loss by hand, a whole update against an independent implementation, and its border."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import envs
from agents.algorithms.ppo import PPOLearner, clipped, discounted
from agents.networks import build
from envs.base import EnvError

GAME = {"view": "emma", "vocabulary": "family", "board": 7, "entities": 6, "wording": "plain", "time_penalty": 0.0}
NETWORK = {
    "name": "emma", "width": 8, "filters": 4, "hidden": 8, "encoder": "learned", "encoder_files": None, "demb": 8,
    "drnn": 4, "history": "permute", "mask_padding": True,
}  # fmt: skip
PPO = {
    "name": "ppo", "frames": 480, "num_envs": 8, "unroll": 6, "epochs": 3, "minibatches": 1, "discount": 0.8,
    "bootstrap": True, "clip": 0.1, "baseline_cost": 0.5, "entropy_cost": 0.01, "lr": 1e-3, "grad_norm": None,
    "distill_cost": 0.01, "shaping_reward": "distance", "log_every": 96,
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def a_learner(**changes: Any) -> PPOLearner:
    env = envs.make("messenger-s1-train", 8, seed=1, **GAME)
    return PPOLearner(build(env.layout, NETWORK, seed=2), env, PPO | changes, 3)


def test_returns_stop_at_the_end_of_an_episode_and_go_on_at_the_border():
    rewards = torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 0.0]])
    done = torch.tensor([[False, False], [True, False], [False, False]])
    expected = [[1 + 0.5 * 0, 0.5 * (2 + 0.5 * 0.5 * 8)], [0, 2 + 0.5 * 0.5 * 8], [4 + 0.5 * 6, 0.5 * 8]]
    torch.testing.assert_close(discounted(rewards, done, torch.tensor([6.0, 8.0]), 0.5), torch.tensor(expected))


def test_the_ratio_is_clipped_only_where_it_would_gain():
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.05])
    advantages = torch.tensor([2.0, -2.0, 2.0, -2.0, 1.0])
    kept = torch.tensor([1.1 * 2.0, 1.5 * -2.0, 0.5 * 2.0, 0.9 * -2.0, 1.05])
    torch.testing.assert_close(clipped(ratio.log(), torch.zeros(5), advantages, 0.1), -kept.mean())


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_whole_update_is_that_of_a_plain_implementation(bootstrap):
    """One unroll, three epochs of plain gradient steps: returns by loops, the loss frame by frame.

    Adam would hide an error: it divides a gradient by its size.
    """
    learner = a_learner(bootstrap=bootstrap)
    learner.optimiser = torch.optim.SGD(learner.net.parameters(), lr=0.5)
    net, start = copy.deepcopy(learner.net), {name: p.clone() for name, p in learner.net.named_parameters()}
    unroll = learner.collector.collect(learner.act)
    learner.learn(unroll)
    steps, copies = unroll.rewards.shape

    def see(t: int, i: int) -> dict[str, torch.Tensor]:
        return {name: field[t, i : i + 1] for name, field in unroll.observation.items()}

    def heads(t: int, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        rep = net.features(see(t, i)).rep
        return net.policy_head(rep)[0].log_softmax(-1), net.baseline_head(rep)[0, 0]

    returns = torch.zeros(steps, copies)
    for i in range(copies):
        later = heads(steps, i)[1].item() if bootstrap else 0.0  # before the first unroll, the scale is 0 and 1
        for t in reversed(range(steps)):
            later = unroll.rewards[t, i].item() + (0.0 if unroll.done[t, i] else 0.8 * later)
            returns[t, i] = later
    goals = (returns - returns.mean()) / (returns.flatten().std() + 1e-5)
    behaviour = torch.stack([torch.stack([heads(t, i)[0].detach() for i in range(copies)]) for t in range(steps)])

    for _ in range(3):
        total = torch.zeros(())
        for t in range(steps):
            for i in range(copies):
                log_policy, value = heads(t, i)
                action, goal = unroll.actions[t, i], goals[t, i]
                ratio = (log_policy[action] - behaviour[t, i, action]).exp()
                advantage = (goal - value).detach()
                total = total - torch.min(ratio * advantage, ratio.clamp(0.9, 1.1) * advantage)
                total = total + 0.5 * (value - goal) ** 2 + 0.01 * (log_policy.exp() * log_policy).sum()
        net.zero_grad()
        (total / (steps * copies)).backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.5 * parameter.grad
    for name, parameter in learner.net.named_parameters():
        torch.testing.assert_close(parameter, net.get_parameter(name), rtol=1e-4, atol=1e-5, msg=name)
    assert any(not torch.equal(parameter, start[name]) for name, parameter in learner.net.named_parameters())
    assert (learner.frames, learner.updates) == (48, 3)


def test_the_optimiser_is_adam_as_it_comes():
    optimiser = a_learner().optimiser
    assert isinstance(optimiser, torch.optim.Adam)
    settings = {name: optimiser.defaults[name] for name in ("lr", "betas", "eps", "weight_decay")}
    assert settings == {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}


def test_minibatches_meet_every_frame_once_per_epoch():
    learner = a_learner(minibatches=4)
    parts = learner._parts(48)
    assert [len(part) for part in parts] == [12] * 4
    assert torch.cat(list(parts)).sort().values.tolist() == list(range(48))
    learner.iterate()
    assert (learner.frames, learner.updates) == (48, 12)


def test_a_single_frame_is_refused():
    env = envs.make("messenger-s1-train", 1, seed=1, **GAME)
    with pytest.raises(EnvError, match="one return cannot be normalised"):
        PPOLearner(build(env.layout, NETWORK, seed=2), env, PPO | {"unroll": 1}, 3)


def test_what_is_recorded_once_per_unroll_is_reported_as_it_was():
    """Not divided by the number of updates, which are many per unroll."""
    learner = a_learner(minibatches=4)
    learner.iterate()
    learner.record(**{"reward/shaping": torch.tensor(-1.0)})
    assert learner.report()["reward/shaping"] == -1.0


def test_minibatches_that_leave_a_rest_are_refused():
    with pytest.raises(EnvError, match=r"48 does not divide into learner.minibatches = 5"):
        a_learner(minibatches=5)


def test_at_the_border_the_value_is_put_back_to_the_scale_of_returns():
    learner = a_learner()
    nn.init.zeros_(learner.net.baseline_head[-1].weight)
    nn.init.constant_(learner.net.baseline_head[-1].bias, 2.0)
    unroll = learner.collector.collect(learner.act)
    unroll.rewards.zero_()
    unroll.done.zero_()
    unroll.rewards[0, 0] = 1.0  # returns that differ, so that they can be normalised
    learner.scale = (10.0, 3.0)
    learner.returns(unroll, None)
    plain = discounted(unroll.rewards, unroll.done, torch.full((8,), 10.0 + 3.0 * 2.0), 0.8)
    assert learner.scale == pytest.approx((plain.mean().item(), plain.std().item() + 1e-5))


def test_without_bootstrap_the_border_is_an_end():
    learner = a_learner(bootstrap=False)
    unroll = learner.collector.collect(learner.act)
    learner.scale = (10.0, 3.0)
    learner.returns(unroll, None)
    plain = discounted(unroll.rewards, unroll.done, torch.zeros(8), 0.8)
    assert learner.scale == pytest.approx((plain.mean().item(), plain.std().item() + 1e-5))
