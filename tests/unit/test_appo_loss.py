"""One update of APPO against the equations of methods.md 2.3, in plain PyTorch, on a batch of another policy's."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

pytest.importorskip("sample_factory")
pytest.importorskip("nle")

from tests.appo_runs import NETHACK, STEPS, UNROLLS, alone, batch_of, layout_of, task, teacher

LAMBDA, ETA, LR, FRAMES, BEFORE = 0.7, 0.6, 0.01, 400, 100
CONSTANTS = {
    "discount": 0.9, "reward_clip": 0.8, "clip": 0.15, "value_clip": 0.05, "baseline_cost": 0.3,
    "entropy_cost": 0.05, "adam_eps": 0.02, "grad_norm": 0.2, "lr": LR,
}  # fmt: skip
"""Nobody's defaults, and each of them matters for the batch below."""
Pair = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def update(tmp_path_factory) -> dict[str, Any]:
    """A learner's policy before an update, its teacher, the batch, and what the learner made of them."""
    folder, layout = tmp_path_factory.mktemp("loss"), layout_of("nethack-score")
    given = task(
        folder, layout, distill=LAMBDA, shaping=ETA, lr=LR, frames=FRAMES, teacher=teacher(folder, layout, NETHACK)
    )
    torch.save(torch.load(given.start, weights_only=True) | {"frames": BEFORE}, given.start)
    learner = alone(given, folder, batch=UNROLLS * STEPS, **CONSTANTS)
    batch = batch_of(learner, layout)
    net, draw = learner.actor_critic.net, torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 0.15 * torch.randn(parameter.shape, generator=draw)
    found = {"net": copy.deepcopy(net), "teacher": learner.actor_critic.teacher.net, "batch": copy.deepcopy(batch)}
    learner.train(batch)
    terms = {name: values[0] for name, values in learner._terms.items()}
    return found | {"after": net, "terms": terms}


def watched(net, batch, states, obs) -> torch.Tensor:
    """Representations [UNROLLS, STEPS, D] of frames that are looked at one at a time, from ``states`` on."""
    reps, starts = [], torch.zeros(1, UNROLLS, dtype=torch.bool)
    for step in range(STEPS):
        features, states = net.sequence({name: field[:, step][None] for name, field in obs.items()}, starts, states)
        reps.append(features.rep)
        starts = batch["dones"][:, step].bool()[None]
    return torch.stack(reps, 1)


def v_trace(rewards, ends, values, last, ratio, discount) -> Pair:
    """Targets of the values and advantages, [UNROLLS, STEPS] (methods.md 2.1, thresholds 1): one frame at a time."""
    targets, advantages = torch.zeros(UNROLLS, STEPS), torch.zeros(UNROLLS, STEPS)
    for unroll in range(UNROLLS):
        value_after = target_after = float(last[unroll])
        for step in reversed(range(STEPS)):
            here = unroll, step
            gamma = 0.0 if ends[here] else discount
            reward, value, weight = float(rewards[here]), float(values[here]), min(1.0, float(ratio[here]))
            advantages[here] = weight * (reward + gamma * target_after - value)
            delta = weight * (reward + gamma * value_after - value)
            target_after = value + delta + gamma * weight * (target_after - value_after)
            targets[here], value_after = target_after, value
    return targets, advantages


@pytest.fixture(scope="module")
def expected(update) -> dict[str, Any]:
    """The loss's terms, whose gradient is then in ``update["net"]``; how much of it is kept; which limits are met."""
    net, batch, c = update["net"], update["batch"], CONSTANTS
    policys, teachers = batch["rnn_states"].chunk(2, -1)
    obs = dict(batch["obs"].items())
    rep = watched(net, batch, policys[:, 0], obs)
    with torch.no_grad():
        target = watched(update["teacher"], batch, teachers[:, 0], obs)
        border = {name: field[:, STEPS][None] for name, field in obs.items()}
        last = net.sequence(border, torch.zeros(1, UNROLLS, dtype=torch.bool), policys[:, STEPS])[0].rep
        last = net.baseline(last)
    distance = (rep - target).square().mean(-1)
    logits = net.policy(rep.flatten(0, 1), obs["valid"][:, :STEPS].flatten(0, 1)).view(UNROLLS, STEPS, -1)
    log_policy, values = logits.log_softmax(-1), net.baseline(rep.flatten(0, 1)).view(UNROLLS, STEPS)
    actions = batch["actions"].long().view(UNROLLS, STEPS, 1)
    ratio = (log_policy.gather(-1, actions)[..., 0] - batch["log_prob_actions"].view(UNROLLS, STEPS)).exp()

    summed = batch["rewards"] - ETA * distance.detach()
    rewards = summed.clamp(-c["reward_clip"], c["reward_clip"])
    targets, advantages = v_trace(rewards, batch["dones"], values, last, ratio, c["discount"])
    advantages = (advantages - advantages.mean()) / max(1e-3, float(advantages.std()))
    clipped = ratio.clamp(1 / (1 + c["clip"]), 1 + c["clip"])
    behaviours = batch["values"][:, :STEPS]
    near = behaviours + (values - behaviours).clamp(-c["value_clip"], c["value_clip"])
    terms = {
        "loss/policy": -torch.min(ratio * advantages, clipped * advantages).mean(),
        "loss/baseline": c["baseline_cost"] * torch.max((targets - values) ** 2, (targets - near) ** 2).mean(),
        "loss/entropy": c["entropy_cost"] * (log_policy.exp() * log_policy).sum(-1).mean(),
        "loss/distill": LAMBDA * distance.mean(),
    }
    sum(terms.values()).backward()
    norm = float(torch.stack([parameter.grad.square().sum() for parameter in net.parameters()]).sum().sqrt())
    return {
        "terms": {name: term.item() for name, term in terms.items()}
        | {"reward/shaping": -ETA * distance.mean().item()},
        "scale": min(1.0, c["grad_norm"] / norm),
        "matters": {
            "ratio": (ratio < 1 / (1 + c["clip"])).any() and (ratio > 1 + c["clip"]).any(),
            "value": ((targets - near) ** 2 > (targets - values) ** 2).any(),
            "reward": (summed.abs() > c["reward_clip"]).any() and (batch["rewards"].abs() > c["reward_clip"]).any(),
            "norm": norm > c["grad_norm"],
            "restarts": batch["dones"][:, :-1].any(),
        },
    }


def test_the_batch_is_one_in_which_every_limit_is_met(expected):
    assert all(expected["matters"].values()), expected["matters"]


def test_every_term_of_the_loss_is_the_equations(update, expected):
    assert update["terms"] == pytest.approx(expected["terms"], rel=1e-4, abs=1e-6)


def test_the_step_is_adams_on_the_clipped_gradient_at_the_rate_that_is_due(update, expected):
    """Adam's first step is g / (|g| + ε), at the rate of the frames learnt from so far."""
    rate = LR * (1 - BEFORE / FRAMES)
    after = dict(update["after"].named_parameters())
    for name, before in update["net"].named_parameters():
        gradient = before.grad * expected["scale"]
        step = rate * gradient / (gradient.abs() + CONSTANTS["adam_eps"])
        torch.testing.assert_close(
            before - after[name], step, rtol=2e-3, atol=1e-6, msg=lambda text, at=name: at + text
        )
