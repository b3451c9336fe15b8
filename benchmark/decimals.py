"""How many decimals scores are written with, the same on a terminal and in a report."""

from __future__ import annotations

import math
from collections.abc import Iterable


def decimals(values: Iterable[float]) -> int:
    """3 for numbers below 100, as of a win rate; 1 where one has three digits before the point, 0 where it has more.

    Numbers that are not finite count for nothing.
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 3 if largest < 100 else 1 if largest < 1000 else 0
