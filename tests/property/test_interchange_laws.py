"""Laws of interchange: what goes out and comes in again is what it was, whatever the numbers and the names are."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.frame import load
from reports.interchange import files, marl_eval
from reports.interchange.importing import import_results
from reports.interchange.results import POINT, Results, of_grid

NAMES = st.text(string.ascii_letters + string.digits + "_.@=+-", min_size=1, max_size=8).filter(
    lambda name: name.strip("-") == name
)
METRICS = st.lists(st.sampled_from(["win_rate", "return", "length", "goals"]), min_size=1, max_size=3, unique=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=12).map(str.strip)


@st.composite
def results(draw: st.DrawFn) -> Results:
    """Cells of which some have failed or are missing, and curves of some of those that are done."""
    metrics = draw(METRICS)
    cells = draw(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 10**6)), min_size=1, max_size=5, unique=True))
    rows, points = [], []
    for environment, method, seed in cells:
        status = draw(st.sampled_from(["done", "done", "failed", "missing", "unavailable"]))
        row: dict[str, Any] = {"environment": environment, "method": method, "seed": seed, "status": status}
        reason = draw(WORDS.filter(lambda word: bool(word) and ": " not in word)) if status != "done" else None
        row["reason"] = f"policy: {reason}" if status == "failed" else reason
        row |= {name: draw(NUMBERS) if status == "done" else np.nan for name in metrics}
        frames = draw(st.lists(st.integers(0, 10**9), max_size=3, unique=True)) if status == "done" else []
        points += [
            (environment, method, seed, at, f"test/{name}", draw(NUMBERS)) for at in sorted(frames) for name in metrics
        ]
        rows.append(row)
    facts = {"grid": "g", "description": "d", "headline": metrics[0], "settings": {}, "environments": {}}
    facts |= {"methods": {}, "evaluated_on": {}}
    return Results(pd.DataFrame(rows), pd.DataFrame(points, columns=list(POINT)), facts)


def assert_equal(first: Results, second: Results) -> None:
    columns = [name for name in first.scores.columns if name in second.scores]
    gone = [name for name in first.scores.columns if name not in second.scores]
    assert first.scores[gone].isna().all(axis=None), "a metric that no run has is no metric of a store"
    first = Results(first.scores[columns], first.curves)
    pd.testing.assert_frame_equal(first.scores, second.scores[columns], check_dtype=False, check_exact=True)
    order = ["environment", "method", "seed", "metric", "frames"]
    curves = (one.curves.sort_values(order).reset_index(drop=True) for one in (first, second))
    pd.testing.assert_frame_equal(*curves, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("format", ["csv", "parquet"])
@given(given=results())
@settings(max_examples=20)
def test_files_give_back_what_was_written(format: files.Format, given: Results) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files.write(given, Path(folder), format)
        found, headline = files.read(Path(folder))
    assert_equal(given, found)
    assert headline == given.facts["headline"]


@given(given=results())
@settings(max_examples=10)
def test_a_store_gives_back_what_was_imported(given: Results) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files.write(given, Path(folder) / "out", "parquet")
        import_results(Path(folder) / "root", Path(folder) / "out", "theirs")
        found = of_grid(load(Path(folder) / "root", "theirs"))
    assert_equal(given, found)


@given(given=results())
@settings(max_examples=20)
def test_marl_evals_json_read_and_written_is_the_same_json(given: Results) -> None:
    content = json.loads(json.dumps(marl_eval.to_json(given)))
    if content:
        found = marl_eval.from_json(content, "f.json")
        named = Results(found.scores, found.curves, {**found.facts, "headline": given.facts["headline"]})
        assert marl_eval.to_json(named) == content
