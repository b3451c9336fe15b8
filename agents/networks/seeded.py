"""Weights from a seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """While entered, PyTorch draws from ``seed``; its state on the CPU, where weights are drawn, is then put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
