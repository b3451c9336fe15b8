"""One family of comparisons: Welch's test with Holm's correction, and what missing runs could change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reports.claims.results import Comparison, Gate, Verdict
from reports.claims.sides import Pair
from reports.stats import Difference, Interval, Values, holm, permutation_test, stratified_permutation_test
from reports.text import interval, number, plural, signed

Compare = Callable[[Values, Values, float], Difference]
"""(first, second, level) -> the difference of the two with its interval and p."""

RESAMPLES = 19_999  # its smallest p, .00005, is far below what a family of 25 asks for


@dataclass(frozen=True)
class _Seen:
    """A pair, compared. worst_p: the largest p over all fillings of missing runs, 1 where it is too large without."""

    pair: Pair
    difference: Difference
    interval: Interval | None
    worst_p: float


def compared(pairs: Sequence[Pair], alpha: float, compare: Compare, resamples: int = RESAMPLES) -> list[Comparison]:
    """The comparisons of one family, in order. alpha: of the family."""
    level = 1 - alpha / len(pairs)
    seen = [_look(pair, alpha, level, compare) for pair in pairs]
    adjusted = holm([one.difference.p for one in seen])
    worst = holm([one.worst_p for one in seen])
    return [_comparison(*each, alpha, level, compare, resamples) for each in zip(seen, adjusted, worst, strict=True)]


def alone(pair: Pair, alpha: float, compare: Compare, resamples: int) -> Comparison:
    """A comparison outside any family: nothing is adjusted."""
    seen = _look(pair, alpha, 1 - alpha, compare)
    found = _comparison(seen, seen.difference.p, seen.worst_p, alpha, 1 - alpha, compare, resamples)
    return replace(found, adjusted_p=math.nan)


def gate(family: str, pairs: Sequence[Pair], alpha: float, resamples: int = RESAMPLES) -> Gate:
    """The family's stratified permutation test. A stratum is a method on an environment, against all of its others."""
    groups: dict[tuple[str, str, int], list[Pair]] = {}
    for one in pairs:
        if one.first.values.size and one.second.values.size:
            groups.setdefault((one.environment, one.method, one.sign), []).append(one)
    strata = list(groups.values())
    present = [(s[0].first.values, np.concatenate([one.second.values for one in s])) for s in strata]
    p = _stratified(present, resamples)
    worst = p
    if any(any(one.missing) for one in pairs):
        filled = [_against_the_claim(s) for s in strata]
        known = [one for one in filled if one is not None]
        worst = _stratified(known, resamples) if len(known) == len(filled) else math.nan
    return Gate(family, alpha, len(pairs), p, worst, tuple(dict.fromkeys(environment for environment, _, _ in groups)))


def _against_the_claim(stratum: Sequence[Pair]) -> tuple[Values, Values] | None:
    """A stratum whose missing runs speak against the claim: the method's are the lowest, the others' the highest.

    None where some are missing and the scores of one of its pairs have no ends.
    """
    first = stratum[0].first
    if not any(any(one.missing) for one in stratum):
        return first.values, np.concatenate([one.second.values for one in stratum])
    ends = [one.ends for one in stratum]
    lows, highs = ([end[place] for end in ends if end is not None] for place in (0, 1))
    if len(lows) < len(stratum):
        return None
    others = [one.second.all_at(high) for one, high in zip(stratum, highs, strict=True)]
    return first.all_at(lows[0]), np.concatenate(others)


def _stratified(strata: Sequence[tuple[Values, Values]], resamples: int) -> float:
    """Each stratum in units of its own spread, which does not depend on the labels: metrics differ in their unit."""
    scaled = []
    for first, second in strata:
        unit = float(np.std(np.concatenate([first, second]))) or 1.0
        scaled.append((np.asarray(first) / unit, np.asarray(second) / unit))
    return stratified_permutation_test(scaled, "greater", resamples).p


def _look(pair: Pair, alpha: float, level: float, compare: Compare) -> _Seen:
    first, second = pair.first.values, pair.second.values
    if not first.size or not second.size:  # a stand-in for whatever `compare` is: nothing can be compared
        nan, n = math.nan, (int(first.size), int(second.size))
        return _Seen(pair, Difference(n, nan, None, nan, nan, nan, nan, _absences(pair)), None, nan)
    difference = compare(first, second, 0.95)
    worst = difference.p
    if any(pair.missing):
        hopeful = difference.difference > 0 and difference.p < alpha
        found = [compare(*filling, level) for filling in pair.fillings()] if hopeful else []
        worst = max((one.p if one.difference > 0 and one.p == one.p else 1.0 for one in found), default=math.nan)
    return _Seen(pair, difference, compare(first, second, level).interval, worst)


def _comparison(
    seen: _Seen, adjusted: float, worst: float, alpha: float, level: float, compare: Compare, resamples: int
) -> Comparison:
    pair = seen.pair
    verdict, why = _verdict(seen, adjusted, worst, alpha, level, compare)
    both = pair.first.values, pair.second.values
    return Comparison(
        environment=pair.environment,
        method=pair.method,
        against=pair.against,
        metric=pair.metric,
        digits=pair.digits,
        margin=pair.margin,
        difference=seen.difference,
        interval=seen.interval,
        p_permutation=permutation_test(*both, resamples=resamples).p,
        adjusted_p=adjusted,
        planned=(pair.first.planned, pair.second.planned),
        missing=pair.missing,
        bounds=pair.bounds(),
        verdict=verdict,
        level=pair.level if verdict == "fails" else "",
        why=why,
        runs=tuple(dict.fromkeys((*pair.first.runs, *pair.second.runs))),
    )


def _verdict(
    seen: _Seen, adjusted: float, worst: float, alpha: float, level: float, compare: Compare
) -> tuple[Verdict, str]:
    pair, difference = seen.pair, seen.difference
    if math.isnan(difference.difference):
        return "incomplete", _absences(pair)
    missing = plural(sum(pair.missing), "missing run")
    digits = pair.digits
    advantage = f"{signed(difference.difference, digits)} {interval(seen.interval, digits, sign=True)}"
    if _excludes(seen.interval, pair.margin):
        excluded = f"{advantage} excludes an advantage of {number(pair.margin, min(2, digits))}"
        if not any(pair.missing) or _always_excludes(pair, level, compare):
            return "fails", excluded
        return "undecided", f"{excluded}, but not whatever {missing} had shown"
    if difference.difference > 0 and adjusted < alpha:
        holds = f"{advantage}, p {number(adjusted, 4)}"
        if worst < alpha:
            return "holds", holds
        return "undecided", f"{holds}, but not whatever the missing runs of the family had shown"
    if any(pair.missing):
        return "incomplete", f"{missing}, and undecided without"
    if difference.why is not None:
        return "undecided", difference.why
    return "undecided", f"{advantage}, p {number(adjusted, 4)}"


def _excludes(bounds: Interval | None, margin: float) -> bool:
    return bounds is not None and bounds.high < margin


def _always_excludes(pair: Pair, level: float, compare: Compare) -> bool:
    found = [compare(*filling, level).interval for filling in pair.fillings()]
    return bool(found) and all(_excludes(one, pair.margin) for one in found)


def _absences(pair: Pair) -> str:
    """`not in this grid` where that is true of both sides, else `VAE pretraining not in this grid`."""
    first, second = pair.first, pair.second
    if first.absent == second.absent:
        return first.absent
    return "; ".join(f"{one.label} {one.absent}" for one in (first, second) if one.absent)
