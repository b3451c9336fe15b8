"""What variational autoencoders have in common, whatever they encode (Kingma & Welling 2014)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Latent:
    """settings: beta, warmup (share of the updates in which β rises linearly from 0), updates."""

    settings: Mapping[str, Any]

    def sample(self, mean: Tensor, log_variance: Tensor, seed: int) -> Tensor:
        """z ~ N(μ, σ²), reparameterised."""
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed)).to(mean.device)
        return mean + (0.5 * log_variance).exp() * noise

    def beta(self, update: int) -> float:
        """β_t, rising over the warm-up."""
        rise = self.settings["warmup"] * self.settings["updates"]
        return float(self.settings["beta"] * min(1.0, (update + 1) / rise if rise > 0 else 1.0))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) summed over dimensions: [B]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
