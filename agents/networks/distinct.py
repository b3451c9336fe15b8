"""Equal rows found once: the base of every saving that computes a thing once per distinct value."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Distinct(NamedTuple):
    """Which rows are equal: ``rows[first][inverse]`` equals ``rows``.

    first: int64 [U], the first occurrence of each distinct row. inverse: int64 [B], each row's place among the U.
    """

    first: Tensor
    inverse: Tensor


def distinct(rows: Tensor) -> Distinct:
    """Group equal rows of an integer tensor [B, W]; exact, and the same on every run.

    Rows are compared by a 64-bit hash and the outcome is verified, so a collision costs time, never correctness.
    """
    found = _group((rows * _multipliers(rows.shape[1], rows.device)).sum(1))
    if torch.equal(rows[found.first][found.inverse], rows):
        return found
    return _group(torch.unique(rows, dim=0, return_inverse=True)[1])


def _group(keys: Tensor) -> Distinct:
    ordered, order = keys.sort(stable=True)
    starts = torch.ones_like(keys, dtype=torch.bool)
    torch.ne(ordered[1:], ordered[:-1], out=starts[1:])
    inverse = torch.empty_like(order)
    inverse[order] = starts.cumsum(0) - 1
    return Distinct(order[starts], inverse)


@lru_cache(maxsize=64)
def _multipliers(width: int, device: torch.device) -> Tensor:
    """Odd 64-bit numbers: the sum of products modulo 2^64 is a universal hash of a row."""
    generator = torch.Generator().manual_seed(width)
    return (torch.randint(-(2**62), 2**62, (width,), generator=generator) * 2 + 1).to(device)
