"""What a number of seeds can show, before any is computed. A leaf: numpy and scipy.special, which load fast."""

from __future__ import annotations

from functools import cache
from math import comb, sqrt

import numpy as np
from scipy import special

_NODES = 64  # of Gauss-Legendre quadrature; 3 more digits than anybody reads


def power(n: int, effect: float, alpha: float = 0.05, against: int | None = None) -> float:
    """Probability that Welch's two-sided t test finds a difference of `effect` standard deviations, in its direction.

    n: seeds on each side, or on the first where `against` gives the second's, at least 2, normal with equal spread.
    Given the share B of the first side in the sum of squares, Welch's statistic is a noncentral t with
    n + against - 2 degrees of freedom times a known factor, and B is Beta((n - 1)/2, (against - 1)/2); the mean over B
    is taken by quadrature. At n = 3 this is less than the power of Student's test, which takes the spreads to be equal
    (3.51 detectable for 3.07).
    """
    other = n if against is None else against
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    share = special.betaincinv((n - 1) / 2, (other - 1) / 2, (nodes + 1) / 2)
    first, second = share / (n * (n - 1)), (1 - share) / (other * (other - 1))
    df = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (other - 1))
    inverse = 1 / n + 1 / other
    critical = special.stdtrit(df, 1 - alpha / 2) * np.sqrt((n + other - 2) * (first + second) / inverse)
    found = 1 - special.nctdtr(n + other - 2, effect / sqrt(inverse), critical)
    return float(weights @ found) / 2


@cache
def smallest_effect(n: int, alpha: float = 0.05, wanted: float = 0.8, against: int | None = None) -> float:
    """The difference, in standard deviations of a seed, that `n` seeds on each side find with the wanted power."""
    low, high = 0.0, 1.0
    while power(n, high, alpha, against) < wanted:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if power(n, middle, alpha, against) < wanted else (low, middle)
    return high


def largest_spread(n: int, margin: float, alpha: float = 0.05, wanted: float = 0.8) -> float:
    """The standard deviation between seeds up to which `n` seeds on each side find a difference of `margin`."""
    return margin / smallest_effect(n, alpha, wanted)


def smallest_p(n: int, against: int | None = None) -> float:
    """The smallest two-sided p of the exact rank test (or permutation test of means) with `n` seeds on each side."""
    other = n if against is None else against
    return min(1.0, 2 / comb(n + other, n))
