"""V-trace targets and the actor-critic losses built on them (Espeholt et al. 2018, section 4; methods.md 2.1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Returns(NamedTuple):
    """values: vs_t, the corrected value targets; advantages: A_t of the policy gradient. Both [T, B], no gradient."""

    values: Tensor
    advantages: Tensor


@torch.no_grad()
def vtrace(
    log_ratio: Tensor,
    discounts: Tensor,
    rewards: Tensor,
    values: Tensor,
    bootstrap: Tensor,
    rho_clip: float = 1.0,
    c_clip: float = 1.0,
) -> Returns:
    """Off-policy corrected returns of one unroll.

    log_ratio: log π(a_t)/μ(a_t). discounts: γ·(1 − done_t), done_t telling whether a_t ended the episode. rewards: r_t,
    the pay of a_t. values: V(o_t). All [T, B]; bootstrap: V(o_T) [B].

    vs_t − V_t = δ_t + γ_t c_t (vs_{t+1} − V_{t+1}) with δ_t = ρ̂_t (r_t + γ_t V_{t+1} − V_t),
    ρ̂ = min(ρ̄, ρ) and c = min(c̄, ρ);
    A_t = ρ̂_t (r_t + γ_t vs_{t+1} − V_t).
    """
    ratio = log_ratio.exp()
    rho = ratio.clamp(max=rho_clip)
    c = ratio.clamp(max=c_clip)
    next_values = torch.cat([values[1:], bootstrap[None]])
    delta = rho * (rewards + discounts * next_values - values)
    correction = torch.zeros_like(bootstrap)
    corrections = []
    for t in range(len(rewards) - 1, -1, -1):
        correction = delta[t] + discounts[t] * c[t] * correction
        corrections.append(correction)
    targets = values + torch.stack(corrections[::-1])
    next_targets = torch.cat([targets[1:], bootstrap[None]])
    return Returns(targets, rho * (rewards + discounts * next_targets - values))


class Losses(NamedTuple):
    """Scalars: summed over the T steps of the unroll, averaged over its B columns. Costs are not yet applied."""

    policy: Tensor
    baseline: Tensor
    entropy: Tensor


def taken(log_policy: Tensor, actions: Tensor) -> Tensor:
    """log π(a) of the actions taken: log_policy [..., A], actions int64 [...] -> [...]."""
    return log_policy.gather(-1, actions[..., None]).squeeze(-1)


def losses(log_policy: Tensor, values: Tensor, actions: Tensor, returns: Returns) -> Losses:
    """The three terms of the actor-critic loss.

    log_policy [T, B, A] (normalised) and values [T, B] carry gradient; actions int64 [T, B].
    policy = Σ −log π(a) A; baseline = ½ Σ (vs − V)²; entropy = Σ Σ_a π log π (its negative, to be minimised).
    """
    return Losses(
        policy=(-taken(log_policy, actions) * returns.advantages).mean(dim=1).sum(),
        baseline=0.5 * (returns.values - values).square().mean(dim=1).sum(),
        entropy=(log_policy.exp() * log_policy).sum(dim=-1).mean(dim=1).sum(),
    )
