"""What others have printed, held against this grid's results (statistics.md rule 14). benchmark/published.py reads it.

Everything is in the metric's own unit: a percentage of the ledger has become a fraction of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any, Literal

import numpy as np
from scipy import stats as scipy_stats

from reports.frame import GridData, part_of
from reports.stats import Interval, Mean, equivalence_p, mean_interval, prediction_interval, welch_of_means

Verdict = Literal["REPRODUCED", "HIGHER", "LOWER", "INCONCLUSIVE", "NOT COMPARABLE", "INCOMPLETE"]
ALPHA = 0.05
SAME_FRAMES = 0.01
"""Numbers of frames are the same if they differ by less than this share: a run ends with a whole batch."""


@dataclass(frozen=True)
class Published:
    """One value of the ledger, beside one environment of the grid.

    publication: in a few words. method: of ours, None for another's. unit: as printed (percent, fraction, points).
    value: None where nobody has read it yet; spread: as printed, of the given kind (sd, se, ci95, unknown). margin: how
    far apart equal results may lie, None where none was fixed. differences: known ones to our setting, as the ledger
    has them.
    """

    publication: str
    environment: str
    method: str | None
    label: str | None
    metric: str | None
    unit: str | None
    value: float | None
    spread: float | None
    spread_kind: str | None
    seeds: int | None
    split: str | None
    frames: int | None
    where: str | None
    comparable: bool
    differences: tuple[str, ...]
    margin: float | None

    @property
    def digits(self) -> int:
        """Decimals of its numbers: none of game points, which are in the hundreds and thousands."""
        return 0 if self.unit == "points" else 3

    @property
    def sd(self) -> float | None:
        """Standard deviation over seeds, from whatever was printed; None where that cannot be known."""
        if self.spread is None or self.seeds is None or self.seeds < 2:
            return None
        root = sqrt(self.seeds)
        half_width = float(scipy_stats.t.ppf(0.975, self.seeds - 1))
        factor = {"sd": 1.0, "se": root, "ci95": root / half_width}.get(str(self.spread_kind))
        return None if factor is None else self.spread * factor

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the ledger does not know of a value that it has."""
        lacks = (
            ("seeds", self.seeds is None),
            ("spread", self.spread is None),
            ("kind of spread", self.spread is not None and self.spread_kind == "unknown"),
            ("frames", self.frames is None),
            ("split", self.split is None),
        )
        return tuple(name for name, missing in lacks if missing) if self.value is not None else ()


@dataclass(frozen=True)
class Judgement:
    """difference: ours minus published, NaN without one. prediction: where our mean falls if the published seeds and
    ours are of one kind. p_equal: of the two one-sided tests for a difference inside the margin, NaN without them."""

    verdict: Verdict
    why: str
    difference: float = nan
    prediction: Interval | None = None
    p_equal: float = nan


def judge(published: Published, ours: Mean, planned: int, mismatches: Sequence[str] = ()) -> Judgement:
    """The verdict on one value (statistics.md rule 14; Patil et al. 2016, Lakens 2017).

    mismatches: what is different in our setting, beside the ledger's own differences. REPRODUCED: our mean is inside
    the 95% prediction interval of the published seeds, and two one-sided tests put the difference inside the margin.
    HIGHER, LOWER: outside that interval. INCONCLUSIVE: neither, or the ledger lacks seeds, spread, frames or split.
    """
    if published.value is None:
        return Judgement("INCOMPLETE", "the ledger has no value yet: nobody has read it from the source")
    if not published.comparable or mismatches:
        return Judgement("NOT COMPARABLE", "; ".join((*published.differences, *mismatches)))
    difference = ours.mean - published.value
    if planned == 0:
        return Judgement("INCOMPLETE", "the grid does not have this method")
    if ours.n < planned:
        return Judgement("INCOMPLETE", f"{ours.n} of our {planned} planned seeds are finished", difference)
    sd, n = published.sd, published.seeds
    if published.unknown:
        return Judgement(
            "INCONCLUSIVE", f"not known of the published value: {', '.join(published.unknown)}", difference
        )
    if sd is None or n is None or sd <= 0:
        return Judgement("INCONCLUSIVE", "the published spread says nothing: one seed, or all seeds equal", difference)
    prediction = prediction_interval(published.value, sd, n, ours.n)
    if not prediction.contains(ours.mean):
        small = published.margin is not None and abs(difference) < published.margin
        rest = ", though by less than the margin" if small else ""
        word: Verdict = "HIGHER" if difference > 0 else "LOWER"
        return Judgement(word, f"outside the prediction interval{rest}", difference, prediction)
    if published.margin is None:
        return Judgement("INCONCLUSIVE", "no margin was fixed for this metric", difference, prediction)
    p = equivalence_p(welch_of_means(ours, Mean(n, published.value, sd, None, None)), published.margin)
    if p < ALPHA:
        return Judgement("REPRODUCED", "inside the prediction interval and the margin", difference, prediction, p)
    why = "consistent, but these seeds cannot show that both agree within the margin"
    return Judgement("INCONCLUSIVE", why, difference, prediction, p)


@dataclass(frozen=True)
class Match:
    """A value of the ledger and what this grid has beside it; ours, runs: of the method's finished seeds."""

    published: Published
    ours: Mean
    planned: int
    runs: tuple[str, ...]
    judgement: Judgement
    mismatches: tuple[str, ...]


def matches(data: GridData) -> list[Match]:
    """Every value of the plan's ledger, by environment; those of a method of ours first, then in the files' order."""
    found = [one for file in data.plan.settings.get("published") or () for one in _entries(file)]
    found.sort(key=lambda one: one.method is None)
    return [_match(data, one) for environment in data.environments for one in found if one.environment == environment]


def _match(data: GridData, one: Published) -> Match:
    if one.method is None:
        return Match(one, mean_interval([]), 0, (), judge(one, mean_interval([]), 0), ())
    done = data.done(one.environment, one.method)
    metric = one.metric or data.headline(one.environment)
    measured = done[done[metric].notna()] if metric in done else done.iloc[:0]
    ours = mean_interval(measured[metric].to_numpy(np.float64) if metric in done else [])
    planned, mismatches = len(data.group(one.environment, one.method)), mismatched(data, one)
    return Match(one, ours, planned, tuple(measured["key"]), judge(one, ours, planned, mismatches), mismatches)


def mismatched(data: GridData, one: Published) -> tuple[str, ...]:
    """How this grid's setting differs from the one that the value is of, as far as plan and runs can tell."""
    settings, found = data.plan.settings, []
    group = data.group(one.environment, one.method)
    if one.metric is not None and one.metric not in data.cells:
        found.append(f"another metric ({one.metric.replace('_', ' ')})")
    changes: Mapping[str, Any] = (settings.get("changes") or {}).get(one.environment) or {}
    if settings.get("preset"):
        found.append(f"our run is reduced (preset {settings['preset']})")
    elif changes:
        found.append(f"{len(changes)} of our settings are changed ({', '.join(sorted(changes)[:3])})")
    if ((data.tuned.get("values") or {}).get(one.environment) or {}).get(one.method):
        found.append("our method has tuned settings")
    frames = group["rl_frames"].dropna()
    if one.frames is not None and len(frames) and abs(frames.mean() / one.frames - 1) > SAME_FRAMES:
        found.append(f"{frames.mean():,.0f} of our frames, {one.frames:,} of theirs")
    split = part_of(data.evaluated_on.get(one.environment, ""))
    if one.split is not None and split and split != one.split:
        found.append(f"our {split} games, their {one.split} games")
    return tuple(found)


def _entries(file: Mapping[str, Any]) -> list[Published]:
    content = file["content"]
    return [
        Published(
            publication=content["title"],
            environment=environment,
            method=one["method"],
            label=one["label"],
            metric=one["metric"],
            unit=one["unit"],
            value=_scaled(one["value"], one["unit"]),
            spread=_scaled(one["spread"], one["unit"]),
            spread_kind=one["spread_kind"],
            seeds=one["seeds"],
            split=one["split"],
            frames=one["frames"],
            where=one["where"],
            comparable=one["comparable"],
            differences=tuple(one["differences"]),
            margin=content["margins"].get(one["metric"]),
        )
        for one in content["values"]
        for environment in one["environments"]
    ]


def _scaled(number: float | None, unit: str | None) -> float | None:
    return number if number is None or unit != "percent" else number / 100
