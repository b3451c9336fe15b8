"""Laws of claims: what is missing can take a status away, and a decided one stands whatever the missing runs show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.claims.comparing import compared, gate
from reports.claims.sides import Pair, Side
from reports.stats import welch_difference

ALPHA, MARGIN = 0.05, 0.05


def pair(first: Any, second: Any, missing: tuple[int, int] = (0, 0)) -> Pair:
    sides = [
        Side("", np.asarray(values), len(values) + gone, "" if len(values) else "not in this grid", ())
        for values, gone in zip((first, second), missing, strict=True)
    ]
    return Pair("rtfm-s1", "ldd", "vae", 1, "win_rate", 3, MARGIN, 0.0, 1.0, math.nan, math.nan, *sides)


@st.composite
def runs(draw: st.DrawFn) -> Any:
    """Scores of three to six seeds about a level."""
    level, spread = draw(st.sampled_from([0.02, 0.3, 0.6, 0.95])), draw(st.sampled_from([0.005, 0.02, 0.1]))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return np.clip(level + spread * rng.standard_normal(draw(st.integers(3, 6))), 0, 1)


@settings(max_examples=150)
@given(runs(), runs(), st.integers(0, 2), st.integers(0, 2), st.sampled_from([1, 4]), st.integers(0, 10_000))
def test_a_verdict_stands_whatever_the_missing_runs_show(
    first: Any, second: Any, gone: int, lost: int, size: int, seed: int
) -> None:
    absent = [pair([], [])] * (size - 1)
    found = compared([pair(first, second, (gone, lost)), *absent], ALPHA, welch_difference)[0]
    rng = np.random.default_rng(seed)
    whole = pair(np.append(first, rng.uniform(0, 1, gone)), np.append(second, rng.uniform(0, 1, lost)))
    complete = compared([whole, *absent], ALPHA, welch_difference)[0]
    if found.verdict in ("holds", "fails"):
        assert complete.verdict == found.verdict
    if gone == lost == 0:
        assert complete.verdict == found.verdict
    if found.bounds is not None:
        assert found.bounds.low <= complete.difference.difference <= found.bounds.high


@settings(max_examples=60)
@given(st.lists(st.tuples(runs(), runs()), min_size=2, max_size=4), st.integers(0, 3))
def test_what_is_missing_makes_no_comparison_hold(scores: list[Any], which: int) -> None:
    """Without one comparison the others need a p that is no larger than before, and the missing one holds nothing."""
    every = [pair(*both) for both in scores]
    index = which % len(every)
    fewer = [pair([], []) if at == index else one for at, one in enumerate(every)]
    whole, holed = (compared(pairs, ALPHA, welch_difference) for pairs in (every, fewer))
    assert holed[index].verdict == "incomplete"
    for before, after in zip(whole, holed, strict=True):
        assert after.verdict != "holds" or before.verdict == "holds"
        if after.verdict != "incomplete":
            assert after.interval == before.interval, "the family is as large as it was"


@settings(max_examples=40)
@given(runs(), runs(), st.integers(0, 2))
def test_missing_runs_never_open_a_gate(first: Any, second: Any, gone: int) -> None:
    found = gate("main", [pair(first, second, (gone, gone))], ALPHA)
    assert found.passed == (max(found.p, found.p_worst) < ALPHA)
    if gone == 0:
        assert found.p_worst == found.p
