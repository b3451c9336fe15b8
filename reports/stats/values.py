"""One number per training seed: what every function of the package takes, and how little it may differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = Sequence[float] | npt.NDArray[np.float64]

ONE_SEED = "undefined with one seed"
NO_SEED = "no finished seed"
NO_SPREAD = "all seeds are equal"


def finite(values: Values) -> npt.NDArray[np.float64]:
    """The values as a 1-D array; a NaN is refused, because it would hide that a seed is missing."""
    array = np.asarray(values, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        raise ValueError(
            "statistics of seeds need finite numbers; leave out a missing seed and count it, do not pass NaN"
        )
    return array


def all_equal(array: npt.NDArray[np.float64]) -> bool:
    """Equal up to rounding: a difference of two equal win rates may be off in the last bit, and that is no spread."""
    return bool(np.ptp(array) <= 1e-12 * max(1.0, float(np.abs(array).max())))


def spread(array: npt.NDArray[np.float64]) -> float:
    """The standard deviation (divisor n - 1), exactly 0 for equal numbers."""
    return 0.0 if all_equal(array) else float(array.std(ddof=1))
