"""Two results cell by cell, in one metric."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.decimals import decimals
from benchmark.errors import BadInput
from reports.interchange.sides import Side
from reports.text import in_words

Key = tuple[str, str, int]
"""environment, method, seed"""


@dataclass(frozen=True)
class Pair:
    """Environment and method on both sides, [seeds]. values: all that is finished; shared: of seeds that both have."""

    environment: str
    method: str
    values: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    planned: tuple[int, int]
    shared: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

    @property
    def equal(self) -> int:
        """How many seeds have the same score, bit for bit."""
        return int((self.shared[0] == self.shared[1]).sum())


@dataclass(frozen=True)
class Comparison:
    """Two sides in the metrics of the first, or, where that names none, of the second."""

    first: Side
    second: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.first, self.second

    @cached_property
    def metrics(self) -> dict[str, str]:
        """Environment -> what it is compared in. Raises BadInput where the second side does not have it."""
        return {environment: self._metric(environment) for environment in dict.fromkeys(key[0] for key in self.keys)}

    def metric_label(self, *environments: str) -> str:
        """The metrics of these environments, or of all, in words."""
        names = dict.fromkeys(self.metrics[name] for name in environments or self.metrics)
        return " or ".join(map(in_words, names))

    @cached_property
    def digits(self) -> dict[str, int]:
        """Environment -> with how many decimals its numbers are written."""
        values: dict[str, list[float]] = {name: [] for name in self.metrics}
        for key in self.keys:
            values[key[0]] += [self.value(place, key) for place in (0, 1)]
        return {name: decimals(own) for name, own in values.items()}

    def _metric(self, environment: str) -> str:
        named = (one.results.named_headline(environment) for one in self.sides)
        known = [name for name in named if name in self.first.results.metrics]
        name = known[0] if known else self.first.results.headline()
        if name not in self.second.results.metrics:
            has = ", ".join(self.second.results.metrics)
            raise BadInput(
                f"--compare {self.second.name} has no {name}, which {self.first.name} is about (it has: {has})"
            )
        return name

    @cached_property
    def cells(self) -> tuple[dict[Key, dict[str, Any]], dict[Key, dict[str, Any]]]:
        """Of both sides: cell -> its row."""
        first, second = (_by_cell(one.results.scores) for one in self.sides)
        return first, second

    @cached_property
    def keys(self) -> list[Key]:
        """The cells of either side, by environment and method in the order of the first."""
        found = list(dict.fromkeys([*self.cells[0], *self.cells[1]]))
        environments, methods = (list(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
        return sorted(found, key=lambda key: (environments.index(key[0]), methods.index(key[1]), key[2]))

    def value(self, place: int, key: Key) -> float:
        """A side's score of a cell; NaN where it has none."""
        row = self.cells[place].get(key, {})
        return float(row[self.metrics[key[0]]]) if row.get("status") == "done" else math.nan

    @cached_property
    def pairs(self) -> list[Pair]:
        return [self._pair(*names) for names in dict.fromkeys(key[:2] for key in self.keys)]

    def _pair(self, environment: str, method: str) -> Pair:
        keys = [key for key in self.keys if key[:2] == (environment, method)]
        scores = np.array([[self.value(place, key) for key in keys] for place in (0, 1)])
        there = ~np.isnan(scores)
        both = there.all(axis=0)
        return Pair(
            environment,
            method,
            (scores[0][there[0]], scores[1][there[1]]),
            (sum(key in self.cells[0] for key in keys), sum(key in self.cells[1] for key in keys)),
            (scores[0][both], scores[1][both]),
        )

    def label(self, group: str, name: str) -> str:
        """A name for readers, of whichever side has one."""
        labels = [one.results.label(group, name) for one in self.sides]
        return next((label for label in labels if label != name), name)

    def provenance(self, environment: str, method: str) -> str:
        """Where a method comes from on an environment: `released`; `A released, B ours` where the sides differ."""
        a, b = (" / ".join(words.get((environment, method), ())) for words in self._provenances)
        return (a or b) if not a or not b or a == b else f"A {a}, B {b}"

    @cached_property
    def _provenances(self) -> tuple[dict[tuple[str, str], list[str]], dict[tuple[str, str], list[str]]]:
        """Of both sides: (environment, method) -> what its rows say of its provenance, each once."""
        first, second = (_provenances(cells) for cells in self.cells)
        return first, second


def _provenances(cells: Mapping[Key, Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for (environment, method, _), row in cells.items():
        words, word = found.setdefault((environment, method), []), row.get("provenance")
        word = word if isinstance(word, str) else "unknown"
        words += [word] if word not in words else []
    return found


def _by_cell(scores: pd.DataFrame) -> dict[Key, dict[str, Any]]:
    rows = [{str(name): value for name, value in row.items()} for row in scores.to_dict("records")]
    return {(row["environment"], row["method"], row["seed"]): row for row in rows}
