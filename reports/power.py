"""What a number of seeds can show, before any is computed. A leaf: numpy and scipy.special, which load fast."""

from __future__ import annotations

from functools import cache
from math import comb, sqrt

import numpy as np
from scipy import special

_NODES = 64  # of Gauss-Legendre quadrature; 3 more digits than anybody reads


def power(n: int, effect: float, alpha: float = 0.05) -> float:
    """Probability that Welch's two-sided t test finds a difference of `effect` standard deviations, in its direction.

    n: seeds on each side, at least 2, normal with equal spread. Then Welch's statistic is Student's, noncentral with
    2n - 2 degrees of freedom, and its critical value depends on the share of the first side's variance alone, which is
    Beta((n - 1)/2, (n - 1)/2) and independent of it; the mean over that share is taken by quadrature. At n = 3 this is
    less than the power of Student's test, which takes the spreads to be equal (3.51 detectable for 3.07).
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    share = special.betaincinv((n - 1) / 2, (n - 1) / 2, (nodes + 1) / 2)
    df = (n - 1) / (share**2 + (1 - share) ** 2)
    critical = special.stdtrit(df, 1 - alpha / 2)
    found = 1 - special.nctdtr(2 * n - 2, effect * sqrt(n / 2), critical)
    return float(weights @ found) / 2


@cache
def smallest_effect(n: int, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The difference, in standard deviations of a seed, that `n` seeds on each side find with the wanted power."""
    low, high = 0.0, 1.0
    while power(n, high, alpha) < wanted:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(n, middle, alpha) < wanted else (low, middle)
    return high


def smallest_p(n: int) -> float:
    """The smallest two-sided p of the exact rank test (or permutation test of means) with `n` seeds on each side."""
    return min(1.0, 2 / comb(2 * n, n))
