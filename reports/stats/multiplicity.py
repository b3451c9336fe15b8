"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float]) -> list[float]:
    """The p values adjusted by Holm's step-down method (Holm 1979; statistics.md rule 8), in the order given.

    A test that could not be made (NaN) stays NaN and counts as a member of the family: a family must not become easier
    because a comparison is missing.
    """
    values = np.asarray(p, dtype=np.float64)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(f"p values lie in [0, 1], got {[float(value) for value in values]}")
    order = np.argsort(values, kind="stable")  # NaN last
    steps = np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps * values[order]))
    return [float(value) for value in adjusted]
