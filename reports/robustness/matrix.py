"""The multiverse: every claim and comparison under every analysis that somebody could have chosen."""

from __future__ import annotations

from dataclasses import dataclass

from reports.frame import GridData
from reports.robustness.alternatives import Analysis, alternatives, main
from reports.robustness.verdicts import DECIDED, Key, verdicts


@dataclass(frozen=True)
class Row:
    """words: what each analysis says, the main one first; None where it says nothing."""

    key: Key
    words: tuple[str | None, ...]

    @property
    def changed(self) -> tuple[int, ...]:
        """Places of the analyses that say something else than the main one."""
        return tuple(place for place, word in enumerate(self.words) if word is not None and word != self.words[0])

    @property
    def holds(self) -> bool:
        """Whether every analysis says the same."""
        return not self.changed

    @property
    def decided(self) -> tuple[bool, ...]:
        """Of each analysis, whether it decides the claim or the comparison."""
        return tuple(word in DECIDED for word in self.words)


@dataclass(frozen=True)
class Matrix:
    """analyses: the main one first. absent: why others are not among them, a line each."""

    analyses: tuple[Analysis, ...]
    absent: tuple[str, ...]
    rows: tuple[Row, ...]


def multiverse(data: GridData) -> Matrix:
    """Claims first, then comparisons, in the order of the claims' file."""
    others, absent = alternatives(data)
    analyses = (main, *others)
    found = [verdicts(data, analysis) for analysis in analyses]
    rows = [Row(key, tuple(one.get(key) for one in found)) for key in found[0]]
    return Matrix(analyses, tuple(absent), tuple(sorted(rows, key=lambda row: row.key.kind != "claim")))
