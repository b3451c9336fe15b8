"""Differences between methods as a table: one row per comparison."""

from __future__ import annotations

import math
from collections.abc import Callable

from reports.contrast_words import p_text
from reports.contrasts import Contrast, Won
from reports.frame import GridData
from reports.stats import Difference, permutation_test, probability_of_improvement
from reports.tables import Cell, Column, Table
from reports.text import interval, number, signed

Entries = tuple[tuple[Column, Callable[[Contrast], Cell]], ...]
"""Columns, each with a function that gives a comparison's entry in it."""


def contrast_table(
    data: GridData,
    found: list[Contrast],
    won: Won,
    *,
    id: str,
    caption: str,
    about: Entries,
    tests: Entries,
) -> Table:
    """about: the columns after the environment, of which the first says what is compared. tests: those of p values."""
    counts_wins = any(data.counts_wins(contrast.environment) for contrast in found)
    return Table(
        id=id,
        caption=caption,
        columns=(
            Column("Environment", numeric=False),
            *(column for column, _ in about),
            Column("Seeds", "method, reference"),
            Column("Difference", "Welch 95% interval"),
            *(column for column, _ in tests),
            Column("d", "effect size"),
            Column("Better", "P(improvement)"),
            Column("Paired by seed", "95% t interval"),
            *([Column("Games won by one only", "method : reference")] if counts_wins else []),
        ),
        rows=tuple(
            (
                data.environment_entry(contrast.environment),
                *(entry(contrast) for _, entry in about),
                Cell(f"{contrast.welch.n[0]}, {contrast.welch.n[1]}"),
                _welch_entry(contrast, data.digits(contrast.environment)),
                *(entry(contrast) for _, entry in tests),
                Cell(signed(contrast.welch.effect, 2), runs=contrast.runs if contrast.welch.why is None else ()),
                improvement_entry(contrast),
                _paired_entry(contrast, data.digits(contrast.environment)),
                *([_games_entry(contrast, won)] if counts_wins else []),
            )
            for contrast in found
        ),
        notes=_notes(data, counts_wins),
        headers=2,
    )


CHECKED_P = Column("p", "Welch, permutation")

PAIRED = (
    "Paired: the same seed plays the same evaluation games with both methods, and starts from the same weights, so "
    "what the two share cancels; the mean of the per-seed differences."
)
GAMES = " Games won by one only: evaluation games that exactly one of the two policies won, summed over shared seeds."
PAIRED_IMPORTED = (
    "Paired: the mean of the differences between equal seeds. It is a gain where equal seeds share games and first "
    "weights, which is not known of imported results."
)

RESAMPLES = 19_999
"""Of a permutation test that is too large to be exact; as many as the claims use."""

NOTES = (
    "Welch: the seeds of the two methods as independent groups. p: two-sided, Welch's; where a second one stands under "
    "it, that is of the permutation test of the means, which assumes no distribution but cannot be small with few "
    "seeds. d: the difference in pooled standard deviations over seeds; with few seeds it is itself very noisy.",
    "Better: how often a seed of the method scores higher than a seed of the reference, over all pairs, ties counted "
    "half. It has no interval here: a bootstrap of one environment's few seeds would be too narrow.",
)
DAGGER = "†: unreliable, because a method's seeds are all equal"
LEAVES = " or its t interval leaves the range of a win rate"


def _notes(data: GridData, counts_wins: bool) -> tuple[str, ...]:
    paired = PAIRED + (GAMES if counts_wins else "") if data.plan.origin is None else PAIRED_IMPORTED
    return (*NOTES, paired, f"{DAGGER}{LEAVES if counts_wins else ''}.")


def _welch_entry(contrast: Contrast, digits: int) -> Cell:
    return difference_entry(contrast.welch, contrast.runs, digits, " †" if contrast.unreliable else "")


def difference_entry(found: Difference, runs: tuple[str, ...], digits: int, flag: str = "") -> Cell:
    """A difference with its interval, or why there is none, under it. digits: decimals."""
    if math.isnan(found.difference):
        return Cell("–", found.why or "", "weak")
    spread = interval(found.interval, digits, sign=True) + flag if found.why is None else found.why
    return Cell(signed(found.difference, digits), spread, runs=runs)


def p_entry(contrast: Contrast) -> Cell:
    """Welch's p."""
    welch = contrast.welch
    return Cell(p_text(welch.p), runs=contrast.runs) if welch.interval else Cell("–", mark="weak")


def checked_p_entry(contrast: Contrast) -> Cell:
    """Welch's p, under it that of the permutation test."""
    if min(contrast.welch.n) < 2:
        return Cell("–", mark="weak")
    check = permutation_test(*contrast.scores, resamples=RESAMPLES)
    return Cell(p_text(contrast.welch.p), p_text(check.p), runs=contrast.runs)


def improvement_entry(contrast: Contrast) -> Cell:
    """The probability that a seed of the method beats one of the reference."""
    first, second = contrast.scores
    if min(contrast.welch.n) == 0:
        return Cell("–", mark="weak")
    return Cell(number(float(probability_of_improvement([first], [second])), 2), runs=contrast.runs)


def _paired_entry(contrast: Contrast, digits: int) -> Cell:
    if contrast.paired is None:
        return Cell("–", "no seed finished by both", "weak")
    return difference_entry(contrast.paired, contrast.runs, digits)


def _games_entry(contrast: Contrast, won: Won) -> Cell:
    games = contrast.games(won)
    if not games:
        return Cell("–", mark="weak")
    only = (sum(game.only_first for game in games), sum(game.only_second for game in games))
    return Cell(f"{only[0]} : {only[1]}", f"of {sum(game.games for game in games)}", runs=contrast.runs)
