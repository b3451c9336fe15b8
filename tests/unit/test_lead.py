"""The sentence at the top of a report: it says what the registered tests say, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports.claims import evaluate
from reports.claims.trial import claim
from reports.frame import GridData, load
from reports.lead import coverage, lead
from reports.pages.provenance import command
from tests.synthetic import make_plan, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
SEEDS = (0, 1, 2, 3)  # with three, the gate's smallest p is .05
APART = {"tabula_rasa": (0.20, 0.22, 0.24, 0.26), "ldd": (0.70, 0.72, 0.74, 0.76), "ldd_rep": (0.3, 0.5, 0.7, 0.9)}


def grid(root: Path, plan: Mapping[str, Any] | None = None, **runs: Any) -> GridData:
    levels = {"win_rate": lambda _environment, method, seed: APART[method][seed]}
    write_runs(
        root,
        make_plan(**{"environments": ONE, "seeds": SEEDS, "preset": None, **(plan or {})}),
        points=4,
        **levels,
        **runs,
    )
    return load(root, "synthetic")


def registering(data: GridData, method: str, *against: str, environments: tuple[str, ...] = ("rtfm-s1",)) -> GridData:
    """The same results of a grid that registers one claim."""
    content = claim("One is better.", method, against, environments)
    claims = {"name": "mine", "sha256": "0" * 64, "content": content}
    return replace(data, plan=replace(data.plan, settings={**data.plan.settings, "claims": claims}))


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    return grid(tmp_path_factory.mktemp("apart"))


def said(data: GridData) -> str:
    return lead(data, evaluate(data))


def test_it_counts_claims_and_the_comparisons_behind_them(apart: GridData) -> None:
    assert said(registering(apart, "ldd", "tabula_rasa")) == (
        "1 of 1 claim is SUPPORTED: of the one comparison behind it that this grid has results for, 1 holds and 0 fail."
    )
    assert said(registering(apart, "tabula_rasa", "ldd")).startswith("1 of 1 claim is REFUTED: ")


def test_an_unadjusted_difference_never_stands_in_for_a_registered_test(apart: GridData) -> None:
    """LDD is .50 above tabula rasa; but the claim is about LDD-rep, whose seeds are too far apart to tell."""
    assert said(registering(apart, "ldd_rep", "tabula_rasa", "ldd")).endswith("0 hold, 0 fail and 2 are undecided.")


def test_reduced_settings_are_named(apart: GridData) -> None:
    reduced = replace(apart, plan=replace(apart.plan, settings={**apart.plan.settings, "preset": "demo"}))
    assert said(registering(reduced, "ldd", "tabula_rasa")).startswith("At these settings 1 of 1 claim is SUPPORTED")


def test_without_a_registered_test_that_applies_it_is_exploratory_and_says_so(apart: GridData) -> None:
    sentence = (
        "LDD has a higher win rate than Tabula rasa on RTFM S1, by the 95% Welch interval of the difference on "
        "held-out games (exploratory: not adjusted, and no registered test)."
    )
    assert said(apart) == sentence
    assert said(registering(apart, "ldd", "tabula_rasa", environments=("alfworld",))) == sentence


def test_nothing_finished_and_nothing_available_are_said(tmp_path: Path) -> None:
    nothing = grid(tmp_path / "a", skip=frozenset(f"rtfm-s1/{m}/{s}" for m in APART for s in SEEDS))
    assert said(registering(nothing, "ldd", "tabula_rasa")) == "No run is finished yet, so there is nothing to say."
    absent = grid(tmp_path / "b", {"unavailable": {"rtfm-s1": "not built yet"}})
    assert said(absent) == "No cell of this grid can be run with this version."


def test_a_finished_run_without_a_score_is_no_result(apart: GridData) -> None:
    cells = apart.cells.copy()
    cells.loc[0, "win_rate"] = float("nan")
    assert coverage(replace(apart, cells=cells)) == "12 of 12 cells done, 1 of the done without win rate"


def test_the_grid_is_repeated_with_the_claims_that_it_registered(apart: GridData) -> None:
    assert " claims=mine " in command(registering(apart, "ldd", "tabula_rasa"))
