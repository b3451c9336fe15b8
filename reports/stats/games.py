"""Two policies on one list of games, counted game by game."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SharedGames:
    """Two policies on the same list of games: how many only the first won, only the second, both, neither."""

    only_first: int
    only_second: int
    both: int
    neither: int

    @property
    def games(self) -> int:
        """Length of the shared list."""
        return self.only_first + self.only_second + self.both + self.neither

    @property
    def difference(self) -> float:
        """Win rate of the first minus win rate of the second on these games."""
        return (self.only_first - self.only_second) / self.games


def shared_games(first: npt.ArrayLike, second: npt.ArrayLike) -> SharedGames:
    """Compare two policies game by game; element i of both arrays (1-D bool, `won`) is the same game."""
    a, b = np.asarray(first, dtype=bool).ravel(), np.asarray(second, dtype=bool).ravel()
    if a.size != b.size or a.size == 0:
        raise ValueError(f"shared games need equally long, non-empty lists, got {a.size} and {b.size}")
    return SharedGames(
        only_first=int((a & ~b).sum()),
        only_second=int((~a & b).sum()),
        both=int((a & b).sum()),
        neither=int((~a & ~b).sum()),
    )
