"""The statistics of a report: pure functions on arrays of numbers, no I/O. They need numpy and scipy alone.

The replicate is the training seed: an array holds one number per seed, already averaged over the seed's evaluation
episodes. Where an interval cannot be computed it is None and `why` says so; it is never replaced by a narrower one.
"""

from __future__ import annotations

from reports.power import largest_spread, power, smallest_effect, smallest_p
from reports.stats.aggregate import (
    Scores,
    aggregate_mean,
    iqm,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)
from reports.stats.bootstrap import bootstrap_interval, profile_band
from reports.stats.bounds import mean_bounds
from reports.stats.curves import Band, percentile_band, simultaneous_band
from reports.stats.differences import Difference, paired_difference, welch_difference, welch_of_means
from reports.stats.efficiency import MedianTime, Reached, area_under_curve, frames_to_threshold, median_time
from reports.stats.games import SharedGames, shared_games
from reports.stats.intervals import Interval, Mean, mean_interval, wilson_interval
from reports.stats.multiplicity import holm
from reports.stats.permutation import Permutation, permutation_test, stratified_permutation_test
from reports.stats.replication import equivalence_p, prediction_interval
from reports.stats.standing import Standing, standings
from reports.stats.values import NO_SEED, NO_SPREAD, ONE_SEED, Values

__all__ = [
    "NO_SEED",
    "NO_SPREAD",
    "ONE_SEED",
    "Band",
    "Difference",
    "Interval",
    "Mean",
    "MedianTime",
    "Permutation",
    "Reached",
    "Scores",
    "SharedGames",
    "Standing",
    "Values",
    "aggregate_mean",
    "area_under_curve",
    "bootstrap_interval",
    "equivalence_p",
    "frames_to_threshold",
    "holm",
    "iqm",
    "largest_spread",
    "mean_bounds",
    "mean_interval",
    "median_time",
    "optimality_gap",
    "paired_difference",
    "percentile_band",
    "performance_profile",
    "permutation_test",
    "power",
    "prediction_interval",
    "probability_of_improvement",
    "profile_band",
    "shared_games",
    "simultaneous_band",
    "smallest_effect",
    "smallest_p",
    "standings",
    "stratified_permutation_test",
    "welch_difference",
    "welch_of_means",
    "wilson_interval",
]
