"""Messenger against its reference: uniform play per stage and split, and the expert.

    python -m benchmark.perf.messenger_statistics [--episodes 10000] [--expert-episodes 2000] [--only messenger-s2]

The reference: episodes of the original (reference_measurements.md §3), played directly (no time penalty, uniform over
all five actions) or through SILG's wrapper (81 steps, -0.02 a step, uniform over the actions that the border does not
block). Rows without a reference and the expert's are shown for the record. Exit status 1 if any difference from the
original is not allowed (benchmark/perf/episodes.py).
"""

from __future__ import annotations

import argparse
import sys
from itertools import count
from typing import Any

import torch

from benchmark.perf.episodes import QUANTITIES, Comparison, Player, Sample, play

Reference = tuple[tuple[float, float], ...]
"""(mean, 95% half width) of win rate, length and return."""

DIRECT: dict[tuple[str, int], Reference] = {
    ("messenger-s1-train", 4): ((0.0778, 0.0053), (3.713, 0.013), (-0.844, 0.011)),
    ("messenger-s1-train-mc", 4): ((0.0757, 0.0052), (3.723, 0.013), (-0.849, 0.010)),
    ("messenger-s1-train-sc", 4): ((0.0813, 0.0054), (3.711, 0.013), (-0.837, 0.011)),
    ("messenger-s1-val", 4): ((0.0820, 0.0054), (3.718, 0.013), (-0.836, 0.011)),
    ("messenger-s1-train", 10): ((0.1625, 0.0072), (7.54, 0.06), (-0.675, 0.015)),
    ("messenger-s1-train-mc", 10): ((0.1604, 0.0072), (7.65, 0.06), (-0.679, 0.014)),
    ("messenger-s1-train-sc", 10): ((0.1575, 0.0071), (7.62, 0.06), (-0.685, 0.014)),
    ("messenger-s1-val", 10): ((0.1503, 0.0070), (7.66, 0.06), (-0.699, 0.014)),
    ("messenger-s2-train", 64): ((0.0247, 0.0056), (30.4, 0.8), (-0.791, 0.015)),
    ("messenger-s2-train-mc", 64): ((0.0220, 0.0052), (31.3, 0.8), (-0.786, 0.015)),
    ("messenger-s2-train-sc", 64): ((0.0263, 0.0057), (30.9, 0.8), (-0.781, 0.016)),
    ("messenger-s2-val", 64): ((0.0223, 0.0053), (31.6, 0.8), (-0.784, 0.015)),
}
"""By id and step limit."""
SILG: dict[str, Reference] = {
    "messenger-s1-train": ((0.273, 0.020), (26.3, 1.3), (-0.960, 0.05)),
    "messenger-s1-val": ((0.280, 0.020), (25.6, 1.3), (-0.933, 0.05)),
    "messenger-s1-test": ((0.280, 0.020), (26.4, 1.3), (-0.948, 0.05)),
    "messenger-s2-train": ((0.041, 0.009), (35.3, 1.4), (-1.437, 0.03)),
    "messenger-s2-val": ((0.039, 0.009), (36.3, 1.4), (-1.455, 0.03)),
    "messenger-s2-test": ((0.053, 0.009), (42.0, 1.4), (-1.579, 0.03)),
}
AS_DIRECT: dict[str, Any] = {"view": "emma", "time_penalty": 0}
AS_SILG: dict[str, Any] = {"view": "silg", "time_penalty": -0.02, "max_steps": 81}
UNMEASURED = (
    ("messenger-s1-test", 4),
    ("messenger-s1-test", 10),
    ("messenger-s2-test", 64),
    ("messenger-s2-test-se", 64),
    *((f"messenger-s3-{split}", 128) for split in ("train", "train-mc", "train-sc", "val", "test")),
)
EXPERT = (
    *((f"messenger-s1-{split}", 4) for split in ("train", "val", "test")),
    *((f"messenger-s2-{split}", 64) for split in ("train", "val", "test", "test-se")),
    *((f"messenger-s3-{split}", 128) for split in ("train", "val", "test")),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.messenger_statistics")
    parser.add_argument("--episodes", type=int, default=10_000, help="of uniform play, a row")
    parser.add_argument("--expert-episodes", type=int, default=2000, help="of the expert, a row; 0 leaves it out")
    parser.add_argument("--only", default="messenger-", metavar="PREFIX", help="rows whose id begins so")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{given.episodes} episodes a row, the expert {given.expert_episodes}; +- is a 99.9% interval")
    table = Comparison(width=40)
    seeds = count(1)  # another in every row: equal seeds would be equal walks in every split

    def measured(env_id: str, player: Player, episodes: int, **options: Any) -> tuple[Sample, ...]:
        """Nothing for a row that was not asked for."""
        seed = next(seeds)
        return play(env_id, player, episodes, seed, **options) if env_id.startswith(given.only) and episodes else ()

    def compared(name: str, mine: tuple[Sample, ...], reference: Reference) -> None:
        for quantity, sample, (theirs, half_width) in zip(QUANTITIES, mine, reference, strict=False):
            table.line(name, quantity, sample, "the original", theirs, half_width)

    for (env_id, cap), reference in DIRECT.items():
        played = measured(env_id, "valid", given.episodes, max_steps=cap, **AS_DIRECT)
        compared(f"{env_id} uniform, cap {cap}", played, reference)
    for env_id, reference in SILG.items():
        compared(f"{env_id} uniform, SILG", measured(env_id, "valid", given.episodes, **AS_SILG), reference)
    for env_id, cap in UNMEASURED:
        table.alone(
            f"{env_id} uniform, cap {cap}", measured(env_id, "valid", given.episodes, max_steps=cap, **AS_DIRECT)
        )
    for env_id, cap in EXPERT:
        best = measured(env_id, "expert", given.expert_episodes, max_steps=cap, **AS_DIRECT)
        table.alone(f"{env_id} expert, cap {cap}", best)
    return table.status()


if __name__ == "__main__":
    sys.exit(main())
