"""Who is best in a row of a table, and who cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from reports.stats.differences import welch_difference
from reports.stats.intervals import mean_interval
from reports.stats.values import Values, finite

Standing = Literal["best", "tied", "behind", "unknown", "absent"]
"""Where a method stands in its row. tied: the Welch interval of its difference to the best includes 0; behind: it
excludes 0; unknown: it cannot be computed; absent: no finished seed."""


def standings(groups: Sequence[Values], level: float = 0.95) -> list[Standing]:
    """The best mean of a row and who cannot be told from it, one word per group, in order.

    Equal highest means are all "best". The intervals are not adjusted for the number of comparisons.
    """
    arrays = [finite(group) for group in groups]
    means = [mean_interval(array).mean for array in arrays]
    present = [index for index, array in enumerate(arrays) if array.size > 0]
    best = max(present, key=lambda index: means[index], default=None)
    words: dict[bool | None, Standing] = {True: "behind", False: "tied", None: "unknown"}

    def standing(index: int) -> Standing:
        if best is None or arrays[index].size == 0:
            return "absent"
        if means[index] == means[best]:
            return "best"
        return words[welch_difference(arrays[best], arrays[index], level).excludes_zero]

    return [standing(index) for index in range(len(arrays))]
