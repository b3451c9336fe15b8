"""V-trace against the equations themselves, written out term by term in float64 (IMPALA, section 4.1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.algorithms import vtrace


def vs_from_the_definition(log_ratio, discounts, rewards, values, bootstrap, rho_clip, c_clip):
    """vs_s = V_s + Σ_{t≥s} (Π_{i<t} γ_i c_i) δ_t, the sum form of the paper, one column at a time."""
    steps, columns = rewards.shape
    ratio = np.exp(log_ratio)
    following = np.vstack([values[1:], bootstrap])
    delta = np.minimum(rho_clip, ratio) * (rewards + discounts * following - values)
    targets = np.empty_like(values)
    for b in range(columns):
        for s in range(steps):
            total = values[s, b]
            for t in range(s, steps):
                weight = math.prod(discounts[i, b] * min(c_clip, ratio[i, b]) for i in range(s, t))
                total += weight * delta[t, b]
            targets[s, b] = total
    following_targets = np.vstack([targets[1:], bootstrap])
    advantages = np.minimum(rho_clip, ratio) * (rewards + discounts * following_targets - values)
    return targets, advantages


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(1, 7),
    columns=st.integers(1, 4),
    rho_clip=st.sampled_from([0.5, 1.0, 2.0]),
    c_clip=st.sampled_from([0.5, 1.0]),
)
def test_targets_equal_the_papers_sum(seed, steps, columns, rho_clip, c_clip):
    rng = np.random.default_rng(seed)
    log_ratio = rng.normal(size=(steps, columns))
    discounts = 0.99 * (rng.random((steps, columns)) > 0.3)
    rewards, values = rng.normal(size=(steps, columns)), rng.normal(size=(steps, columns))
    bootstrap = rng.normal(size=columns)
    ours = vtrace.vtrace(*map(torch.tensor, (log_ratio, discounts, rewards, values, bootstrap)), rho_clip, c_clip)
    targets, advantages = vs_from_the_definition(log_ratio, discounts, rewards, values, bootstrap, rho_clip, c_clip)
    np.testing.assert_allclose(ours.values.numpy(), targets, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ours.advantages.numpy(), advantages, rtol=1e-12, atol=1e-12)


def test_on_policy_targets_are_discounted_returns():
    """With π = μ and no clip in force, vs is the n-step return: here 1 + .5·(2 + .5·(3 + .5·4)) by hand."""
    rewards = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    ours = vtrace.vtrace(
        torch.zeros(3, 1, dtype=torch.float64),
        torch.full((3, 1), 0.5, dtype=torch.float64),
        rewards,
        torch.tensor([[7.0], [-1.0], [0.3]], dtype=torch.float64),
        torch.tensor([4.0], dtype=torch.float64),
    )
    assert ours.values.squeeze(1).tolist() == pytest.approx([3.25, 4.5, 5.0])


def test_nothing_flows_across_an_episodes_end():
    rewards = torch.tensor([[0.0], [1.0], [0.0]])
    discounts = torch.tensor([[0.9], [0.0], [0.9]])
    values, bootstrap = torch.zeros(3, 1), torch.tensor([100.0])
    ours = vtrace.vtrace(torch.zeros(3, 1), discounts, rewards, values, bootstrap)
    assert ours.values.squeeze(1).tolist() == pytest.approx([0.9, 1.0, 90.0])


def test_losses_equal_their_definitions_and_advantages_carry_no_gradient():
    rng = np.random.default_rng(5)
    logits = torch.tensor(rng.normal(size=(4, 3, 5)), requires_grad=True)
    values = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
    actions = torch.tensor(rng.integers(5, size=(4, 3)))
    targets, advantages = torch.tensor(rng.normal(size=(4, 3))), torch.tensor(rng.normal(size=(4, 3)))
    ours = vtrace.losses(logits.log_softmax(-1), values, actions, vtrace.Returns(targets, advantages))

    probabilities = np.exp(logits.detach().numpy()) / np.exp(logits.detach().numpy()).sum(-1, keepdims=True)
    policy = baseline = entropy = 0.0
    for t in range(4):
        for b in range(3):
            policy += -math.log(probabilities[t, b, actions[t, b]]) * float(advantages[t, b]) / 3
            baseline += 0.5 * float(targets[t, b] - values.detach()[t, b]) ** 2 / 3
            entropy += sum(p * math.log(p) for p in probabilities[t, b]) / 3
    assert ours.policy.item() == pytest.approx(policy, rel=1e-12)
    assert ours.baseline.item() == pytest.approx(baseline, rel=1e-12)
    assert ours.entropy.item() == pytest.approx(entropy, rel=1e-12)

    (ours.policy + ours.baseline + ours.entropy).backward()
    # d/dV of ½(vs − V)² / B, by hand
    np.testing.assert_allclose(values.grad.numpy(), -(targets - values.detach()).numpy() / 3, rtol=1e-12, atol=1e-12)


def test_a_masked_action_is_never_a_nan():
    """A logit of −1e20 has probability 0 and must leave the entropy term finite."""
    logits = torch.tensor([[[0.0, 0.0, -1e20]]])
    ours = vtrace.losses(
        logits.log_softmax(-1),
        torch.zeros(1, 1),
        torch.zeros(1, 1, dtype=torch.int64),
        vtrace.Returns(torch.ones(1, 1), torch.ones(1, 1)),
    )
    assert ours.entropy.item() == pytest.approx(-math.log(2))
