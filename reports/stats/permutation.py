"""Permutation tests of a difference of means: what other labels on the same seeds would give, whatever their shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, nan, prod
from typing import Literal

import numpy as np
import numpy.typing as npt

from reports.stats.values import Values, finite

Alternative = Literal["two-sided", "greater"]
_Array = npt.NDArray[np.float64]
_Lots = npt.NDArray[np.int64] | npt.NDArray[np.bool_]
_BLOCK = 4_096  # arrangements held at once: bounds the memory, not the result
_TIE = 1e-10  # in units of the pooled range: sums of equal win rates in another order differ in their last bits only


@dataclass(frozen=True)
class Permutation:
    """p of a permutation test; exact where every arrangement of the labels was counted.

    resamples: the arrangements looked at, all or drawn. p is NaN where a side has no seed.
    """

    p: float
    exact: bool
    resamples: int


def permutation_test(
    first: Values,
    second: Values,
    alternative: Alternative = "two-sided",
    resamples: int = 99_999,
    seed: int = 0,
) -> Permutation:
    """Test of the difference of the means of two independent groups, labels exchanged (statistics.md rule 7).

    "greater": the first mean is the greater one. Exact where there are at most `resamples` arrangements, else as many
    are drawn and the one that was observed is counted in (Phipson and Smyth 2010). A two-sided p is twice the smaller
    tail.
    """
    return stratified_permutation_test([(first, second)], alternative, resamples, seed)


def stratified_permutation_test(
    strata: Sequence[tuple[Values, Values]],
    alternative: Alternative = "greater",
    resamples: int = 99_999,
    seed: int = 0,
) -> Permutation:
    """One test over several environments (statistics.md rule 8): the sum over strata of the difference of means.

    Labels are exchanged inside a stratum only. A stratum with an empty side makes p NaN: leave it out and say so.
    """
    pairs = [(finite(first), finite(second)) for first, second in strata]
    if not pairs or any(side.size == 0 for pair in pairs for side in pair):
        return Permutation(nan, exact=False, resamples=0)
    arrangements = prod(comb(first.size + second.size, first.size) for first, second in pairs)
    exact = arrangements <= resamples
    # In units of the overall range and about a centre, so that a tie is told from a difference at any scale.
    together = np.concatenate([side for pair in pairs for side in pair])
    unit = float(np.ptp(together)) or 1.0
    scaled = [((first - together.mean()) / unit, (second - together.mean()) / unit) for first, second in pairs]
    observed = sum(float(first.mean() - second.mean()) for first, second in scaled)
    null = np.zeros(1 if exact else resamples)
    if exact:
        for first, second in scaled:
            null = np.add.outer(null, _every(first, second)).ravel()
    else:
        sizes = tuple((first.size, second.size) for first, second in scaled)
        for (first, second), arrangements_drawn in zip(scaled, _lots(sizes, resamples, seed), strict=True):
            null += _drawn(first, second, arrangements_drawn)
    counted_in = 0 if exact else 1
    total = null.size + counted_in
    greater = (int((null >= observed - _TIE).sum()) + counted_in) / total
    less = (int((null <= observed + _TIE).sum()) + counted_in) / total
    p = greater if alternative == "greater" else min(1.0, 2 * min(greater, less))
    return Permutation(p, exact, int(null.size))


def _every(first: _Array, second: _Array) -> _Array:
    """The difference of means under every assignment of the pooled seeds to the two sides."""
    pooled = np.concatenate([first, second])
    chosen = np.array(list(combinations(range(pooled.size), first.size)))
    return _difference(pooled[chosen].sum(axis=1), pooled, first.size)


def _drawn(first: _Array, second: _Array, lots: _Lots) -> _Array:
    """The difference of means under the arrangements that were drawn."""
    if lots.ndim == 1:
        return _every(first, second)[lots]
    pooled = np.concatenate([first, second])
    blocks = range(0, len(lots), _BLOCK)
    return _difference(np.concatenate([lots[at : at + _BLOCK] @ pooled for at in blocks]), pooled, first.size)


@lru_cache(maxsize=8)
def _lots(sizes: tuple[tuple[int, int], ...], resamples: int, seed: int) -> tuple[_Lots, ...]:
    """Arrangements of strata of these sizes, which do not depend on the scores: one test's serve the next as well.

    A stratum's are places among all of its arrangements, [resamples], or, where those are more than `resamples`, who is
    on the first side, [resamples, seeds].
    """
    rng = np.random.default_rng(seed)
    found: list[_Lots] = []
    for first, second in sizes:
        every = comb(first + second, first)
        if every <= resamples:
            found.append(rng.integers(every, size=resamples))
            continue
        sides = np.empty((resamples, first + second), dtype=np.bool_)
        for start in range(0, resamples, _BLOCK):
            lots = rng.random((min(_BLOCK, resamples - start), first + second))
            sides[start : start + _BLOCK] = lots <= np.partition(lots, first - 1, axis=1)[:, [first - 1]]
        found.append(sides)
    return tuple(found)


def _difference(sum_of_first: _Array, pooled: _Array, n: int) -> _Array:
    of_second = (pooled.sum() - sum_of_first) / (pooled.size - n)
    return np.asarray(sum_of_first / n - of_second)
