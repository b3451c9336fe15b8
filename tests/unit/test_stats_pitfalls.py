"""Statistical defects that pitfalls.md found in other harnesses. Here each has a test that would see it come back."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmark.spec import Plan
from reports.frame import load
from reports.normalise import Reference
from reports.stats import (
    area_under_curve,
    bootstrap_interval,
    iqm,
    mean_interval,
    optimality_gap,
    permutation_test,
    profile_band,
    simultaneous_band,
)
from tests.synthetic import make_plan, write_runs


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_marl_evals_1_96_over_root_10_whatever_n_is_not_ours(n: int) -> None:
    seeds = np.random.default_rng(n).random(n)
    found = mean_interval(seeds).interval
    assert found is not None
    half = (found.high - found.low) / 2
    assert half == pytest.approx(scipy_stats.sem(seeds) * scipy_stats.t.ppf(0.975, n - 1))
    assert half > 1.96 * seeds.std() / math.sqrt(10) or n > 10


def test_three_seeds_have_a_half_width_of_1_46_where_marl_eval_prints_0_30() -> None:
    seeds = np.array([0.0, 0.588, 1.176])
    found = mean_interval(seeds).interval
    assert found is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.46, abs=0.005)
    assert 1.96 * seeds.std() / math.sqrt(10) == pytest.approx(0.30, abs=0.005)


def test_rliables_random_state_that_does_nothing_does_something_here() -> None:
    """The same seed gives the same borders to the last bit, whatever was drawn elsewhere in the process."""
    rng = np.random.default_rng(0)
    scores, curves = list(rng.random((3, 6))), rng.random((6, 15))
    first, second = rng.random((2, 12))

    def everything(seed: int) -> list[object]:
        band = simultaneous_band(curves, repetitions=500, seed=seed)
        assert band.low is not None
        low, _ = profile_band(scores, np.linspace(0, 1, 30), repetitions=200, seed=seed)
        interval = bootstrap_interval(iqm, scores, repetitions=500, seed=seed)
        return [band.low.tolist(), low.tolist(), interval, permutation_test(first, second, resamples=999, seed=seed)]

    before = everything(1)
    np.random.seed(7)  # noqa: NPY002  the global generator is what rliable draws from
    random.seed(7)
    assert everything(1) == before
    assert all(one != other for one, other in zip(everything(2), before, strict=True))


def test_rliables_curves_that_mix_seeds_from_frame_to_frame_are_not_ours() -> None:
    """Seeds that stay good or bad: their mean area is as uncertain as one frame, not a tenth of it."""
    levels = np.array([0.2, 0.4, 0.5, 0.6, 0.8])
    curves = np.repeat(levels[:, None], 100, axis=1)
    band = simultaneous_band(curves)
    assert band.low is not None
    assert band.high is not None
    frames = np.arange(100.0)
    of_band = area_under_curve(frames, band.high, 99) - area_under_curve(frames, band.low, 99)
    one_frame = mean_interval(levels).interval
    assert one_frame is not None
    assert of_band == pytest.approx(one_frame.high - one_frame.low, rel=0.05)
    picks = np.random.default_rng(0).integers(5, size=(2000, 5, 100))
    mixed = np.quantile(np.take_along_axis(curves[None], picks, axis=1).mean(axis=(1, 2)), [0.025, 0.975])
    assert np.ptp(mixed) < of_band / 10


def test_rliables_nan_for_one_missing_run_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="leave out a missing run and count it"):
        bootstrap_interval(iqm, [[0.4, math.nan, 0.6]])


def test_marl_evals_normalised_score_of_2_is_not_ours() -> None:
    """It takes the minimum away or divides by the maximum, never both: 3 on a scale from 1 to 3 becomes 2."""
    scale = Reference(random=1.0, expert=3.0, source="by hand")
    assert scale.normalised([1.0, 2.0, 3.0]).tolist() == [0.0, 0.5, 1.0]
    assert optimality_gap([scale.normalised([3.0, 3.0])]) == 0.0


def scores_of(root: Path, plan: Plan) -> dict[str, list[float]]:
    data = load(root, plan.grid)
    return {method: data.scores("rtfm-s1", method).tolist() for method in data.methods}


def test_benchmarls_best_of_all_evaluations_does_not_become_the_score(tmp_path: Path) -> None:
    """A policy that was lucky half-way has the score of its last checkpoint (statistics.md rule 4)."""
    plan = make_plan({"rtfm-s1": "RTFM S1"})
    store = write_runs(tmp_path, plan)
    before = scores_of(tmp_path, plan)
    for key in (key for key, stage in plan.stages.items() if stage.kind == "policy"):
        rows = [json.loads(line) for line in store.curve_file(key).read_text(encoding="utf-8").splitlines()]
        rows[len(rows) // 2] |= {"train/win_rate": 1.0, "test/win_rate": 1.0}
        store.curve_file(key).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    after = scores_of(tmp_path, plan)
    assert after == before
    assert all(len(seeds) == 3 and max(seeds) < 1.0 for seeds in after.values())
