"""How a player who cannot read fares: as in the original, and as the rules say exactly."""

from __future__ import annotations

import pytest
import torch

from benchmark.perf.env_statistics import MAX_STEPS, REFERENCE, exact
from benchmark.perf.episodes import QUANTITIES, Sample, allowed, play

torch.set_num_threads(1)  # tests run side by side


EXACT = {1: (0.121888, 15.651408, -1.049252), 2: (0.050499, 3.198250, -0.942966)}
"""Win rate, length and return of uniform play over the valid actions; stages 3 and 4 have the dynamics of 2."""


@pytest.mark.parametrize("stage", EXACT)
def test_the_rules_give_these_values_and_30000_episodes_of_the_original_agree(stage: int) -> None:
    """By dynamic programming, so without sampling error of our own."""
    values = exact(stage)
    assert values == pytest.approx(EXACT[stage], abs=2e-6)
    for side in ("train", "test"):
        for quantity, value, (mean, half_width) in zip(
            QUANTITIES, values, REFERENCE.get((stage, side), ()), strict=False
        ):
            assert abs(value - mean) < allowed(Sample(value, 0.0), half_width), (side, quantity)


@pytest.mark.parametrize("env_id", [f"rtfm-s{stage}-{side}" for stage in (1, 2, 3, 4) for side in ("train", "test")])
def test_episodes_agree_with_the_rules(env_id: str) -> None:
    stage = int(env_id[6])
    episodes = 6000 if stage == 1 else 12000
    measured = play(env_id, "valid", episodes, seed=5, max_steps=MAX_STEPS)
    for quantity, mine, value in zip(QUANTITIES, measured, EXACT[min(stage, 2)], strict=True):
        assert abs(mine.mean - value) < allowed(mine), quantity
