"""The pages that compare methods: LDD with each baseline, with its ablations, every method with the reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reports.ablations import baselines, changes, variants_of_subject
from reports.adjusted import Adjusted, place
from reports.contrast_figure import contrast_figures
from reports.contrasts import compared, contrasts
from reports.figures import Figure
from reports.figures.differences import ABOVE, Line, difference_figure
from reports.figures.style import LIGHT, canvas
from reports.frame import GridData, load
from reports.page import Page
from reports.pages import ablations, comparisons
from reports.stats import holm, permutation_test, smallest_effect, welch_difference
from reports.tables import Cell, Table
from reports.writing.render import to_markdown
from tests.synthetic import TEN_METHODS, make_plan, make_search, write_runs

ENVIRONMENTS = {"rtfm-s1": "RTFM S1", "messenger-s1": "Messenger S1"}
SCORES = {
    "tabula_rasa": (0.30, 0.34, 0.32),
    "vae": (0.40, 0.44, 0.46),
    "inverse_rl": (0.60, 0.68, 0.50),
    "reward_shaping": (0.30, 0.38, 0.26),
    "ldd": (0.60, 0.66, 0.64),
    "ldd_init_only": (0.50, 0.52, 0.60),
    "ldd_distill_only": (0.30, 0.42, 0.50),
    "ldd_no_language": (0.20, 0.24, 0.22),
    "ldd_nonexpert": (0.22, 0.28, 0.20),
    "ldd_rep": (0.90, 0.92, 0.98),
}
TUNED = {"name": "demo", "sha256": "ab" * 32, "values": {"rtfm-s1": {"ldd": {"method.distill": 0.1}}}}


def scores(_environment: str, method: str, seed: int) -> float:
    return SCORES[method][seed]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("compared")
    write_runs(root, make_plan(ENVIRONMENTS, TEN_METHODS, tuned=TUNED), win_rate=scores, points=2)
    return load(root, "synthetic")


def table_of(page: Page, name: str) -> Table:
    return next(table for table in page.tables() if table.id == name)


def row_of(table: Table, *headings: str) -> dict[str, Cell]:
    found = next(row for row in table.rows if tuple(cell.text for cell in row[: len(headings)]) == headings)
    return dict(zip([column.label for column in table.columns], found, strict=True))


def test_a_method_that_shares_the_pretraining_of_ldd_and_differs_in_a_switch_is_an_ablation(data: GridData) -> None:
    """Reward shaping fits the same model, but pays the policy with it: another method, not LDD without a part."""
    assert baselines(data) == ["tabula_rasa", "vae", "inverse_rl", "reward_shaping"]
    assert set(variants_of_subject(data)) == set(data.methods) - {"ldd", *baselines(data)}


def test_ldd_is_compared_with_every_baseline_by_welch_permutation_and_pair(data: GridData) -> None:
    row = row_of(table_of(comparisons.page(data), "baselines"), "RTFM S1", "Tabula rasa")
    welch = welch_difference(SCORES["ldd"], SCORES["tabula_rasa"])
    assert welch.interval is not None
    assert row["Difference"].text == "+0.313"
    assert row["Difference"].detail == f"[+{welch.interval.low:.3f}, +{welch.interval.high:.3f}]"
    assert row["p"].plain == f"< 0.001 {permutation_test(SCORES['ldd'], SCORES['tabula_rasa']).p:.3f}"
    assert row["d"].text == f"+{welch.effect:.2f}"
    assert row["Paired by seed"].text == "+0.313"
    assert len(row["Difference"].runs) == 6


def test_how_often_a_seed_is_better_counts_ties_half(data: GridData) -> None:
    """LDD .60 .66 .64 against inverse RL .60 .68 .50: it is higher in 5 of 9 pairs, and one is a tie."""
    row = row_of(table_of(comparisons.page(data), "baselines"), "RTFM S1", "Inverse RL")
    assert row["Better"].text == f"{5.5 / 9:.2f}"


def test_without_claims_holms_p_is_over_all_that_is_shown_and_exploratory(data: GridData) -> None:
    page = comparisons.page(data)
    table = table_of(page, "baselines")
    smallest = min(welch_difference(SCORES["ldd"], SCORES[name]).p for name in baselines(data))
    row = row_of(table, "RTFM S1", "Tabula rasa")
    assert row["Holm p"].detail == "of 8, exploratory"
    assert row["Holm p"].text == f"{8 * smallest:.3f}", "the smallest of 8, which Holm multiplies by 8"
    assert "No claims were registered for this grid, so all of it is exploratory" in to_markdown("report", [page])


CLAIM = {
    "text": "LDD is better.", "source": "Here.", "family": "main", "exploratory": False, "direction": "greater",
    "method": "ldd", "against": ["tabula_rasa", "vae"], "environments": ["rtfm-s1", "alfworld"],
}  # fmt: skip
CLAIMS: dict[str, Any] = {
    "name": "ours",
    "sha256": "cd" * 32,
    "content": {
        "about": "A test.",
        "metrics": {"win_rate": {"low": 0.0, "high": 1.0, "margin": 0.05}},
        "environments": {"rtfm-s1": "win_rate", "alfworld": "win_rate"},
        "families": {"main": 0.05, "aside": 0.05},
        "seeds": 10,
        "claims": {
            "better": CLAIM,
            "language": {**CLAIM, "family": "aside", "exploratory": True, "against": ["ldd_no_language"]},
        },
    },
}


@pytest.fixture(scope="module")
def claimed(data: GridData) -> GridData:
    """The same results in a grid that is to test claims: two baselines on RTFM and on ALFWorld, which it lacks."""
    settings = {**data.plan.settings, "claims": CLAIMS}
    return dataclasses.replace(data, plan=dataclasses.replace(data.plan, settings=settings))


def test_a_registered_comparison_is_corrected_for_its_family_and_no_other_is(claimed: GridData) -> None:
    page = comparisons.page(claimed)
    table, p = table_of(page, "baselines"), welch_difference(SCORES["ldd"], SCORES["vae"]).p
    row = row_of(table, "RTFM S1", "VAE pretraining")
    assert row["Holm p"].plain == f"{3 * p:.3f} of 4", "the second smallest of four, two of them not in this grid"
    for headings in (("RTFM S1", "Inverse RL"), ("Messenger S1", "VAE pretraining")):
        assert row_of(table, *headings)["Holm p"].plain == "– exploratory"
    assert "claim_comparisons" in [found.id for found in page.tables()]
    assert "No claims were registered" not in to_markdown("report", [page])


def test_an_ablation_that_a_claim_names_has_its_holm_p_too(claimed: GridData, data: GridData) -> None:
    table = table_of(ablations.page(claimed), "ablations")
    named = row_of(table, "RTFM S1", "LDD, no language")
    p = welch_difference(SCORES["ldd"], SCORES["ldd_no_language"]).p
    assert (named["p"].text, named["Holm p"].detail) == ("< 0.001", "of 2, exploratory")
    assert named["Holm p"].text == ("< 0.001" if 2 * p < 0.001 else f"{2 * p:.3f}")
    assert row_of(table, "RTFM S1", "LDD, non-expert")["Holm p"].plain == "– exploratory"
    assert "Holm p" not in [column.label for column in table_of(ablations.page(data), "ablations").columns]


def test_the_power_is_that_of_these_seeds_with_their_spread(claimed: GridData) -> None:
    table = table_of(comparisons.page(claimed), "power")
    spread = np.sqrt((np.var(SCORES["ldd"], ddof=1) + np.var(SCORES["vae"], ddof=1)) / 2)
    row = row_of(table, "RTFM S1", "VAE pretraining")
    assert row["Spread"].text == f"{spread:.3f}"
    assert row["Alone"].plain == f"{smallest_effect(3) * spread:.3f} d {smallest_effect(3):.1f}"
    in_family = smallest_effect(3, 0.05 / 4)
    assert row["In its family"].plain == f"{in_family * spread:.3f} d {in_family:.1f}, m 4"
    assert row_of(table, "RTFM S1", "Inverse RL")["In its family"].detail == "exploratory"


# Ablations


def test_an_ablation_is_what_changes_and_by_how_much(data: GridData) -> None:
    table = table_of(ablations.page(data), "ablations")
    row = row_of(table, "Messenger S1", "LDD, no language")
    assert row["What changes"].text == "no language in the demonstrations"
    assert row["Mean"].plain == "0.220 0.633 whole"
    assert row["Difference"].text == "−0.413", "the ablation minus LDD"
    assert row_of(table, "Messenger S1", "LDD-rep")["What changes"].text == "the decoder sees only the representation"
    assert row_of(table, "Messenger S1", "Tabula rasa")["What changes"].text == "nothing is pretrained"


def test_a_coefficient_that_a_search_set_otherwise_is_told_as_a_second_change(data: GridData) -> None:
    """On RTFM the search gave LDD another λ than its ablations have; initialisation only has none."""
    told = {m: [(c.words, c.tuned) for c in changes(data, "rtfm-s1", m)] for m in ("ldd_no_language", "ldd_init_only")}
    assert told["ldd_no_language"] == [("no language in the demonstrations", False), ("distill 1.0, not 0.1", True)]
    assert told["ldd_init_only"] == [("no distillation", False)]
    row = row_of(table_of(ablations.page(data), "ablations"), "RTFM S1", "LDD, no language")
    assert row["What changes"].text == "no language in the demonstrations; distill 1.0, not 0.1 (tuned)"


def test_a_grid_without_ablations_says_what_they_could_be(tmp_path: Path) -> None:
    two = {name: TEN_METHODS[name] for name in ("tabula_rasa", "ldd")}
    write_runs(tmp_path, make_plan(ENVIRONMENTS, two, seeds=(0,)), points=2)
    page = ablations.page(load(tmp_path, "synthetic"))
    assert "The grid has no ablation of LDD, which could be: no language" in to_markdown("report", [page])


def test_a_method_that_is_taught_nothing_has_nothing_to_leave_out(tmp_path: Path) -> None:
    alone = {"tabula_rasa": TEN_METHODS["tabula_rasa"]}
    write_runs(tmp_path, make_plan(ENVIRONMENTS, alone, seeds=(0,)), points=2)
    text = to_markdown("report", [ablations.page(load(tmp_path, "synthetic"))])
    assert "Tabula rasa learns from no demonstrations: nothing of it to leave out." in text
    assert "could be" not in text


# Figures


def marks(figure: Figure) -> dict[float, tuple[float, bool]]:
    """Height of a line -> the difference that its mark shows, and whether the mark is filled."""
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        lines = [line for line in drawn.axes[0].lines if line.get_marker() not in ("None", "|")]
        return {
            round(float(line.get_ydata()[0]) - ABOVE): (
                float(line.get_xdata()[0]),
                line.get_markerfacecolor() != LIGHT.paper,
            )
            for line in lines
        }


def test_a_mark_is_filled_by_the_p_that_stands_beside_it(data: GridData) -> None:
    """Holm's, of all comparisons of the page: each of them is on two environments here."""
    figure = next(figure for figure in comparisons.page(data).figures() if figure.id == "difference-rtfm-s1")
    found = marks(figure)
    expected = [welch_difference(SCORES["ldd"], SCORES[name]) for name in baselines(data)]
    adjusted = holm([welch.p for welch in expected] * 2)
    assert [found[height][1] for height in range(4)] == [p < 0.05 for p in adjusted[:4]]
    assert [round(found[height][0], 3) for height in range(4)] == [round(welch.difference, 3) for welch in expected]
    assert {filled for _, filled in found.values()} == {True, False}
    assert len(figure.runs) == 15, "three seeds of LDD and of four baselines, LDD's once"


def test_a_mark_is_hollow_where_only_the_unadjusted_interval_excludes_0(data: GridData) -> None:
    """LDD without initialisation: p 0.0498 of this comparison alone, which four of a family make 0.2."""
    (one,) = (c for c in compared(data, [("ldd_distill_only", "ldd")]) if c.environment == "rtfm-s1")
    assert one.welch.excludes_zero
    words = {"id": "x", "title": "x", "axis": str, "caption": str}
    for family, beside, filled in (
        ({}, "p 0.050", True),
        ({place(one): Adjusted(4 * one.welch.p, 4, 0.05, True)}, "Holm p 0.199", False),
    ):
        (figure,) = contrast_figures(data, [one], family, lambda contrast: contrast.method, **words)
        assert marks(figure)[0][1] is filled
        with canvas(LIGHT, *figure.size) as drawn:
            figure.draw(drawn, LIGHT)
            assert drawn.axes[0].texts[0].get_text().startswith(beside)


def test_a_comparison_without_a_seed_keeps_its_line_and_says_why(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS)
    gone = frozenset(cell.name for cell in plan.cells if cell.method == "vae")
    write_runs(tmp_path, plan, win_rate=scores, skip=gone, points=2)
    (figure,) = comparisons.page(load(tmp_path, "synthetic")).figures()
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        words = [text.get_text() for text in drawn.axes[0].texts]
        assert words.count("no finished seed") == 1
        assert len(drawn.axes[0].get_yticklabels()) == 4
    assert "VAE pretraining no finished seed" in figure.alt


def test_where_nothing_is_finished_or_too_much_is_asked_there_is_no_figure(data: GridData, tmp_path: Path) -> None:
    line = Line(contrasts(data)[0], "ldd")
    words = {"id": "x", "title": "x", "axis": str, "caption": str}
    assert difference_figure(data, [line] * 12, **words) is not None
    assert difference_figure(data, [line] * 13, **words) is None
    plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS)
    write_runs(tmp_path, plan, skip=frozenset(cell.name for cell in plan.cells), points=2)
    nothing = load(tmp_path, "synthetic")
    for page in (comparisons.page(nothing), ablations.page(nothing)):
        assert [block.text for block in page.blocks] == ["No run is finished, so there is nothing to compare."]


def test_an_environment_without_a_result_is_named_once_and_still_counts_in_holms_family(tmp_path: Path) -> None:
    """Two baselines and an ablation on two environments, of which one has not begun."""
    plan = make_plan(ENVIRONMENTS, {name: TEN_METHODS[name] for name in ("tabula_rasa", "vae", "ldd", "ldd_init_only")})
    skip = frozenset(cell.name for cell in plan.cells if cell.environment == "messenger-s1")
    write_runs(tmp_path, plan, scores, skip, points=2)
    half = load(tmp_path, "synthetic")
    for page, tables in ((comparisons.page(half), ("baselines", "power", "differences")), (ablations.page(half), ())):
        assert "Nothing is finished on Messenger S1, so nothing is compared there." in to_markdown("report", [page])
        for name in tables or ("ablations",):
            assert {row[0].text for row in table_of(page, name).rows} == {"RTFM S1"}, name
    assert row_of(table_of(comparisons.page(half), "baselines"), "RTFM S1", "Tabula rasa")["Holm p"].detail == (
        "of 4, exploratory"
    )


# Grids of other shapes


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"methods": {"ldd": TEN_METHODS["ldd"]}}, "The grid has no two methods to compare."),
        (
            {"methods": {name: TEN_METHODS[name] for name in ("ldd", "ldd_rep")}},
            "The grid has no method that LDD is to be compared with.",
        ),
        ({"methods": {name: TEN_METHODS[name] for name in ("vae", "inverse_rl")}}, "Inverse RL minus each baseline"),
    ],
    ids=["one method", "only variants", "without LDD"],
)
def test_a_grid_of_few_methods_has_its_pages(tmp_path: Path, plan: Mapping[str, Any], words: str) -> None:
    write_runs(tmp_path, make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0, 1), **plan), win_rate=scores, points=2)
    found = load(tmp_path, "synthetic")
    assert words in to_markdown("report", [comparisons.page(found), ablations.page(found)])


def test_a_search_has_neither_page_for_its_candidates_are_compared_under_tuning(tmp_path: Path) -> None:
    plan, _ = make_search({"ldd": "method.distill"})
    write_runs(tmp_path, plan, points=2)
    found = load(tmp_path, "synthetic")
    assert (comparisons.page(found), ablations.page(found)) == (None, None)


def test_what_is_unavailable_is_not_compared(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS, unavailable={"vae": "not built"})
    write_runs(tmp_path, plan, win_rate=scores, points=2)
    found = load(tmp_path, "synthetic")
    assert [c.reference for c in compared(found, [("ldd", "vae"), ("ldd", "tabula_rasa")])] == ["tabula_rasa"]
