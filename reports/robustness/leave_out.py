"""Leave one seed out: whether a result rests on a single run of each method."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reports.frame import GridData
from reports.robustness.alternatives import main
from reports.robustness.verdicts import DECIDED, Key, verdicts

NOTHING_LEFT = "nothing left"


@dataclass(frozen=True)
class LeftOut:
    """word: with all seeds. without: seed -> what is said without it, NOTHING_LEFT where a side has no other run."""

    key: Key
    word: str
    without: dict[int, str]

    @property
    def decided(self) -> bool:
        """Whether all seeds together decide it."""
        return self.word in DECIDED

    @property
    def changes(self) -> dict[int, str]:
        """The seeds without which something else is said."""
        return {seed: word for seed, word in self.without.items() if word != self.word}


def leave_one_out(data: GridData) -> list[LeftOut]:
    """Everything that the main analysis says, again without each seed, as if that had never been planned."""
    seeds = sorted(int(seed) for seed in set(data.cells["seed"]))
    if len(seeds) < 2:
        return []
    every = verdicts(data, main)
    without = {seed: verdicts(replace(data, cells=data.cells[data.cells["seed"] != seed]), main) for seed in seeds}
    return [
        LeftOut(key, word, {seed: words.get(key, NOTHING_LEFT) for seed, words in without.items()})
        for key, word in every.items()
    ]
