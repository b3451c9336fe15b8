"""Wherever a stage is stopped, and however often: the curve and the result are those of an unbroken run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import stages
from benchmark.spec import Resources
from benchmark.store import RunStore
from tests.unit.test_stages import counting, registered

UNBROKEN = [1, 2, 3, 4, 5, 6]


@settings(max_examples=20)
@given(stops=st.sets(st.integers(1, 6)), often=st.booleans())
def test_stops_leave_no_trace_in_the_curve(stops: set[int], often: bool) -> None:
    resources = Resources(checkpoint_s=0.0 if often else 1e9)
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        stages._target_of_a_test = counting(sorted(stops))  # type: ignore[attr-defined]
        key = registered(store, "benchmark.stages._target_of_a_test")
        ends = [stages.run_stage(key, store.root, resources)]
        while ends[-1] == "stopped":
            ends.append(stages.run_stage(key, store.root, resources))
        assert ends == ["stopped"] * len(stops) + ["done"]
        assert [row["total"] for row in store.curve(key)] == UNBROKEN
        assert store.outcome(key).resumed_from == tuple(sorted(stops))
