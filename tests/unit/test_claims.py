"""Claims: what becomes of them on scores that are worked out by hand, with runs, methods and environments missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats as scipy_stats

from reports.claims import (
    ClaimResult,
    ClaimsReport,
    claims_table,
    evaluate,
    registration_words,
    registrations,
    strip,
    to_json,
)
from reports.curve_data import Curves
from reports.frame import GridData, load
from reports.stats import Difference, Interval, Values, welch_difference
from tests.synthetic import ENVIRONMENTS, METHODS, TEN_METHODS, make_plan, write_runs

RTFM, MESSENGER = "rtfm-s1", "messenger-s1"
HIGH, LOW = (0.80, 0.81, 0.82), (0.50, 0.51, 0.52)
Scores = Mapping[tuple[str, str], Sequence[float | None]]
"""(environment, method) -> a score per seed, None for a run that failed."""


def claim(**changes: Any) -> dict[str, Any]:
    plain = {"text": "LDD is better.", "source": "Somewhere.", "family": "main", "exploratory": False}
    plain |= {"direction": "greater", "method": "ldd", "against": ["tabula_rasa"], "environments": [RTFM]}
    return plain | changes


def content(**claims: dict[str, Any]) -> dict[str, Any]:
    metrics = {"win_rate": {"low": 0.0, "high": 1.0, "margin": 0.05}}
    metrics["episode_length"] = {"low": None, "high": None, "margin": 0.1}
    families = dict.fromkeys((one["family"] for one in claims.values()), 0.05)
    environments = dict.fromkeys((RTFM, MESSENGER, "alfworld"), "win_rate")
    return {
        "about": "A test.",
        "metrics": metrics,
        "environments": environments,
        "families": families,
        "seeds": 2,
        "claims": claims,
    }


def grid_of(
    scores: Scores,
    about: Mapping[str, Any],
    registered: Sequence[Mapping[str, Any]] = (),
    finished: str | None = "2026-11-23T09:00:00+00:00",
) -> GridData:
    """A grid whose cells have these scores, all of one time, and which has no others."""
    seeds = tuple(range(max(map(len, scores.values()))))
    methods = {m: about for m, about in {**TEN_METHODS, **METHODS}.items() if any(name == m for _, name in scores)}
    environments = {e: label for e, label in ENVIRONMENTS.items() if any(name == e for name, _ in scores)}
    plan = make_plan(environments, methods, seeds, claims={"name": "test", "sha256": "0" * 64, "content": dict(about)})
    rows = []
    for cell in plan.cells:
        score = scores[cell.environment, cell.method][cell.seed]
        status = "failed" if score is None else "done"
        numbers = {} if score is None else {"win_rate": score, "episode_length": 10 - 2 * score}
        rows.append({**vars(cell), "status": status, "key": cell.name, **numbers})
    nowhere, cells = Path("/nonexistent"), pd.DataFrame(rows)
    stages = pd.DataFrame({"key": cells["key"], "finished": finished})
    return GridData(nowhere, nowhere, plan, cells, stages, Curves({}), {}, {}, registered)


def outcome(scores: Scores, about: Mapping[str, Any], **how: Any) -> ClaimsReport:
    report = evaluate(grid_of(scores, about), **how)
    assert report is not None
    return report


def one(scores: Scores, about: dict[str, Any] | None = None) -> ClaimResult:
    """The only claim, on both environments unless it says otherwise."""
    return outcome(scores, content(only=about or claim(environments=[RTFM, MESSENGER]))).claims[0]


def everywhere(ldd: Sequence[float | None], other: Sequence[float | None]) -> Scores:
    return {(e, m): v for e in ENVIRONMENTS for m, v in (("ldd", ldd), ("tabula_rasa", other))}


def test_a_claim_that_holds_everywhere_is_supported() -> None:
    found = one(everywhere(HIGH, LOW))
    assert found.status == "SUPPORTED"
    assert found.why == "2 of 2 comparisons hold, the gate's p is 0.0025", "one of 20 x 20 arrangements"
    for each in found.comparisons:
        test = scipy_stats.ttest_ind(HIGH, LOW, equal_var=False)
        assert each.difference.p == pytest.approx(test.pvalue)
        assert each.adjusted_p == pytest.approx(2 * test.pvalue)
        level = test.confidence_interval(1 - 0.05 / 2)
        assert each.interval is not None
        assert (each.interval.low, each.interval.high) == pytest.approx((level.low, level.high))
        assert each.p_permutation == pytest.approx(2 / 20)
        assert (each.verdict, each.missing, each.bounds, len(each.runs)) == ("holds", (0, 0), None, 6)


@pytest.mark.parametrize(
    ("ldd", "other", "status", "why"),
    [
        (LOW, LOW, "REFUTED", "0.000 [−0.029, +0.029] excludes an advantage of 0.05 (2 of 2 comparisons fail)"),
        ((0.520, 0.522, 0.524), (0.500, 0.502, 0.504), "REFUTED", "+0.020 [+0.014, +0.026] excludes"),
        (LOW, HIGH, "REFUTED", "−0.300 [−0.329, −0.271] excludes"),
        (
            (0.2, 0.5, 0.8),
            (0.1, 0.4, 0.7),
            "INCONCLUSIVE",
            "0 of 2 comparisons hold; LDD against Tabula rasa on RTFM S1: +0.100",
        ),
        ((0.6, 0.6, 0.6), (0.5, 0.5, 0.5), "INCONCLUSIVE", "all seeds are equal on both sides"),
    ],
    ids=["equal", "better by less than the margin", "worse", "few wide seeds", "no spread"],
)
def test_a_claim_that_does_not_hold(ldd: Sequence[float], other: Sequence[float], status: str, why: str) -> None:
    found = one(everywhere(ldd, other))
    assert found.status == status
    assert why in found.why


def test_one_comparison_that_fails_is_enough_to_refute() -> None:
    found = one({**everywhere(HIGH, LOW), (MESSENGER, "ldd"): LOW})
    assert [each.verdict for each in found.comparisons] == ["holds", "fails"]
    assert found.status == "REFUTED"
    assert found.why.startswith("LDD against Tabula rasa on Messenger S1: ")


@pytest.mark.parametrize("gone", [MESSENGER, "tabula_rasa", "ldd"])
def test_a_grid_that_lacks_an_environment_or_a_method_supports_nothing(gone: str) -> None:
    scores = {place: values for place, values in everywhere(HIGH, LOW).items() if gone not in place}
    found = one(scores)
    assert found.status == "INCOMPLETE"
    assert len(found.comparisons) == 2, "what the grid lacks is still asked for"
    assert "not in this grid" in found.why


def test_a_grid_that_lacks_an_environment_can_refute() -> None:
    found = one({(RTFM, "ldd"): LOW, (RTFM, "tabula_rasa"): HIGH})
    assert found.status == "REFUTED"


def test_what_a_grid_lacks_makes_the_rest_no_easier() -> None:
    """Holm over four comparisons, of which the grid has one: its p is multiplied by four."""
    asked = claim(environments=[RTFM, MESSENGER], against=["tabula_rasa", "vae"])
    found = one({(RTFM, "ldd"): HIGH, (RTFM, "tabula_rasa"): LOW}, asked)
    p = scipy_stats.ttest_ind(HIGH, LOW, equal_var=False).pvalue
    assert found.comparisons[0].adjusted_p == pytest.approx(4 * p)
    assert all(math.isnan(each.adjusted_p) for each in found.comparisons[1:])


def test_claims_of_one_family_share_their_alpha() -> None:
    """Two p of .02 and .04 hold together (Holm: .04, .04), two of .03 and .04 do not (.06, .06)."""
    about = content(first=claim(), second=claim(environments=[MESSENGER]))
    for p, status in (((0.02, 0.04), "holds"), ((0.03, 0.04), "undecided")):
        given = iter([value for value in p for _ in range(2)])  # at two levels each

        def compare(first: Values, second: Values, level: float, given: Any = given) -> Difference:
            return Difference((3, 3), 0.3, Interval(-0.1, 0.7), 0.1, 4.0, next(given), 3.0, None)

        report = outcome(everywhere(HIGH, LOW), about, compare=compare)
        assert {each.comparisons[0].verdict for each in report.claims} == {status}


def test_the_gate_must_be_passed() -> None:
    """Three against three seeds on one environment: 1 of 20 arrangements is not below .05, however far apart."""
    found = one({(RTFM, "ldd"): HIGH, (RTFM, "tabula_rasa"): LOW}, claim())
    assert found.comparisons[0].verdict == "holds"
    assert found.status == "INCONCLUSIVE"
    assert found.why == "1 of 1 comparison holds, but the family's gate is not passed: its p is 0.0500"


@pytest.mark.parametrize(
    ("ldd", "other", "status"),
    [
        ((0.98, 0.98, 0.99, 0.98, None), (0.10, 0.11, 0.12, 0.09, 0.10), "SUPPORTED"),
        ((0.98, 0.98, 0.99, 0.98, None), (0.50, 0.51, 0.52, 0.49, 0.50), "INCONCLUSIVE"),
        ((0.02, 0.02, 0.01, 0.02, None), (0.90, 0.91, 0.92, 0.89, 0.90), "REFUTED"),
        ((0.50, 0.51, 0.52, 0.49, None), (0.50, 0.51, 0.52, 0.49, 0.50), "INCONCLUSIVE"),
        ((0.98, 0.98, 0.99, 0.98, 0.98), (0.10, 0.11, 0.12, 0.09, None), "SUPPORTED"),
        ((0.98, 0.98, 0.99, 0.98, 0.98), (0.50, 0.51, 0.52, None, None), "INCONCLUSIVE"),
        ((0.20, 0.40, 0.60, 0.80, None), (0.10, 0.30, 0.50, 0.70, 0.90), "INCOMPLETE"),
        ((0.98, None, None, None, None), (0.10, 0.11, 0.12, 0.09, 0.10), "INCOMPLETE"),
        ((None,) * 5, (0.10, 0.11, 0.12, 0.09, 0.10), "INCOMPLETE"),
    ],
    ids=[
        "supported whatever it was", "flips at its lowest", "refuted whatever it was", "flips at its highest",
        "supported without a run of the other", "flips at the other's highest", "undecided without it",
        "one run is left", "no run is left",
    ],
)  # fmt: skip
def test_a_missing_run_decides_only_what_no_score_of_it_could_change(
    ldd: Sequence[float | None], other: Sequence[float | None], status: str
) -> None:
    found = one({(RTFM, "ldd"): ldd, (RTFM, "tabula_rasa"): other}, claim())
    assert found.status == status
    if status == "INCONCLUSIVE":
        assert "but not whatever" in found.why


def test_the_bounds_of_missing_runs_are_mean_bounds() -> None:
    """Means .8 of four and 0 or 1 for the fifth: .64 to .84; the other's .5 of three, two missing: .3 to .7."""
    scores = {(RTFM, "ldd"): (0.8, 0.7, 0.9, 0.8, None), (RTFM, "tabula_rasa"): (0.5, 0.4, 0.6, None, None)}
    (found,) = one(scores, claim()).comparisons
    assert found.missing == (1, 2)
    assert found.planned == (5, 5)
    assert found.bounds is not None
    assert (found.bounds.low, found.bounds.high) == pytest.approx((0.64 - 0.7, 0.84 - 0.3))


def test_where_a_metric_has_no_end_a_missing_run_could_change_everything() -> None:
    about = content(only=claim(direction="less"))
    about["environments"][RTFM] = "episode_length"
    whole = {(RTFM, "ldd"): (0.98, 0.98, 0.99, 0.98, 0.97), (RTFM, "tabula_rasa"): (0.10, 0.11, 0.12, 0.09, 0.10)}
    found = outcome(whole, about).claims[0]
    assert found.status == "SUPPORTED", "whoever wins more needs fewer steps in these made-up runs"
    assert found.comparisons[0].difference.difference == pytest.approx(2 * (0.98 - 0.104))
    holed = {**whole, (RTFM, "ldd"): (0.98, 0.98, 0.99, 0.98, None)}
    found = outcome(holed, about).claims[0]
    assert (found.status, found.comparisons[0].bounds) == ("INCONCLUSIVE", None)
    turned = content(only=claim(direction="greater"))
    turned["environments"][RTFM] = "episode_length"
    assert outcome(whole, turned).claims[0].status == "REFUTED"


def test_a_metric_that_no_run_reports_is_no_score() -> None:
    about = content(only=claim())
    about["metrics"]["gold"] = {"low": 0.0, "high": None, "margin": 1.0}
    about["environments"][RTFM] = "gold"
    found = outcome(everywhere(HIGH, LOW), about).claims[0]
    assert (found.status, found.why) == ("INCOMPLETE", "0 of 1 comparison holds; without `gold`: RTFM S1")


def test_scores_beyond_the_ends_of_a_metric_leave_it_open_what_a_missing_run_could_be() -> None:
    """Tabula rasa's scores lie below every win rate, so the ends of a win rate bound none of these."""
    scores = {(RTFM, "tabula_rasa"): (-0.2, -0.21, -0.22), (RTFM, "vae"): (*LOW[:2], None), (RTFM, "ldd"): HIGH}
    about = content(only=claim(against=["tabula_rasa", "vae"]))
    for order in (["tabula_rasa", "vae"], ["vae", "tabula_rasa"]):
        about["claims"]["only"]["against"] = order
        report = outcome(scores, about)
        assert math.isnan(report.gate("main").p_worst)
        assert not report.gate("main").passed


@pytest.mark.parametrize(
    ("ldd", "other", "status", "says"),
    [
        ((0.060, 0.062, 0.064), (0.074, 0.072, 0.076), "REFUTED", "random play: nothing was learnt that could differ"),
        ((0.970, 0.972, 0.974), (0.975, 0.977, 0.973), "REFUTED", "our expert: nothing is left that could differ"),
        ((0.060, 0.062, 0.064), (0.274, 0.272, 0.276), "REFUTED", ""),
        (LOW, LOW, "REFUTED", ""),
        ((0.060, 0.010, 0.110), (0.074, 0.024, 0.124), "INCONCLUSIVE", ""),
    ],
    ids=["floor", "ceiling", "one above the floor", "between", "undecided at the floor"],
)
def test_a_refuted_claim_says_where_there_was_nothing_to_differ(
    ldd: Sequence[float], other: Sequence[float], status: str, says: str
) -> None:
    data = grid_of({(RTFM, "ldd"): ldd, (RTFM, "tabula_rasa"): other}, content(only=claim()))
    ends = {"random": {"win_rate": 0.053}, "expert": {"win_rate": 0.98}, "games": f"{RTFM}-test"}
    about = {**data.plan.environments[RTFM], "references": ends}
    report = evaluate(replace(data, plan=replace(data.plan, environments={RTFM: about})))
    assert report is not None
    found = report.claims[0]
    assert found.status == status
    assert (f"both within 0.05 of {says}" in found.why) == bool(says)
    assert found.comparisons[0].remark.endswith(says)
    level = strip(report).rows[0][0].detail
    assert ("at the floor" in level, "at the ceiling" in level) == ("random" in says, "expert" in says)
    assert claims_table(data, report).rows[0][-1].detail == found.comparisons[0].remark


def test_a_claim_that_fails_above_the_floor_too_is_not_one_at_the_floor() -> None:
    floor, above = ((0.060, 0.062, 0.064), (0.074, 0.072, 0.076)), (LOW, HIGH)
    scores = {
        (e, m): v
        for e, pair in ((RTFM, floor), (MESSENGER, above))
        for m, v in zip(("ldd", "tabula_rasa"), pair, strict=True)
    }
    data = grid_of(scores, content(only=claim(environments=[RTFM, MESSENGER])))
    environments = {
        name: {
            **about,
            "references": {"random": {"win_rate": 0.053}, "expert": {"win_rate": 1.0}, "games": f"{name}-test"},
        }
        for name, about in data.plan.environments.items()
    }
    report = evaluate(replace(data, plan=replace(data.plan, environments=environments)))
    assert report is not None
    assert [one.level for one in report.claims[0].comparisons] == ["floor", ""]
    assert report.claims[0].levels == ()
    assert report.claims[0].why.startswith("LDD against Tabula rasa on Messenger S1: ")
    assert "at the floor" not in strip(report).rows[0][0].detail


def test_other_environments_of_the_grid_are_exploratory_and_decide_nothing() -> None:
    about = content(first=claim(), again=claim(family="other"))
    report = outcome({**everywhere(HIGH, LOW), (MESSENGER, "ldd"): LOW}, about)
    (found,) = report.exploratory
    assert (found.environment, found.verdict) == (MESSENGER, "fails"), "once, whatever number of claims has it"
    assert math.isnan(found.adjusted_p)
    assert all(each.comparisons[0].verdict == "holds" for each in report.claims)


def test_another_analysis_of_the_same_claims() -> None:
    """As the page `Does it hold?` asks for: other scores of the same runs, or another test."""
    scores = everywhere(HIGH, LOW)
    worse = {"ldd": LOW, "tabula_rasa": HIGH}
    about = content(only=claim())
    turned = outcome(scores, about, values=lambda environment, method: worse[method])
    assert turned.claims[0].status == "REFUTED"

    def never(first: Values, second: Values, level: float) -> Difference:
        found = welch_difference(first, second, level)
        return Difference(found.n, found.difference, None, found.error, found.df, 1.0, found.effect, "no test")

    assert outcome(scores, about, compare=never).claims[0].status == "INCONCLUSIVE"


def test_a_grid_without_claims_has_no_report_of_them(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(), points=2)
    assert evaluate(load(tmp_path, "synthetic")) is None


@pytest.mark.parametrize("preset", ["demo", None])
def test_reduced_settings_are_named_beside_the_statuses(tmp_path: Path, preset: str | None) -> None:
    claims = {"name": "test", "sha256": "0" * 64, "content": content(only=claim())}
    write_runs(tmp_path, make_plan(claims=claims, preset=preset), points=2)
    report = evaluate(load(tmp_path, "synthetic"))
    assert report is not None
    assert ("the reduced preset demo" in report.scope) == (preset is not None)
    assert (report.scope in strip(report).notes) == (preset is not None)
    decided = strip(replace(report, claims=(replace(report.claims[0], status="REFUTED"),)))
    assert decided.rows[0][0].detail == ("" if preset is None else "at these settings")


def test_the_page_shows_every_claim_and_every_comparison() -> None:
    about = content(first=claim(environments=[RTFM, "alfworld"], against=["tabula_rasa", "ldd_rep"]))
    scores = {**everywhere((0.8, 0.82, None), LOW), **{(e, "ldd_rep"): HIGH for e in ENVIRONMENTS}}
    data = grid_of(scores, about)
    report = evaluate(data)
    assert report is not None
    shown = strip(report)
    (status, what) = shown.rows[0]
    assert status.plain == "INCOMPLETE"
    assert what.plain == f"LDD is better. `first`: {report.claims[0].why}."
    assert len(shown.runs) == 2 + 3 + 3
    table = claims_table(data, report)
    rows = [[cell.plain for cell in row] for row in table.rows]
    assert [row[1] for row in rows] == ["RTFM S1", "RTFM S1", "alfworld", "Messenger S1", "Messenger S1"]
    assert rows[0][4] == "2/3, 3/3"
    assert rows[2][3] == "Tabula rasa, LDD-rep"
    assert rows[2][-1] == "incomplete not in this grid"
    assert rows[3][0] == "none exploratory"
    assert any(note.startswith("Gates, one stratified permutation test per family: main: ") for note in table.notes)
    plain = to_json(report)
    assert plain["claims"][0]["comparisons"][2]["adjusted_p"] is None, "JSON has no NaN"
    assert plain["gates"][0]["passed"] == report.gate("main").passed


def test_what_only_the_claims_name_has_its_label_too() -> None:
    about = content(only=claim(environments=[RTFM, "alfworld"], against=["tabula_rasa", "vae"]))
    data = grid_of(everywhere(HIGH, LOW), about)
    labels = {"environments": {"alfworld": "ALFWorld", RTFM: "as the claims call it"}, "methods": {"vae": "VAE"}}
    data = replace(data, plan=replace(data.plan, settings={**data.plan.settings, "labels": labels}))
    report = evaluate(data)
    assert report is not None
    assert (
        report.claims[0].why == "1 of 4 comparisons hold; VAE not in this grid: RTFM S1; not in this grid: ALFWorld (2)"
    )
    assert {row[3].text for row in claims_table(data, report).rows} >= {"VAE", "Tabula rasa, VAE"}
    assert {row[1].text for row in claims_table(data, report).rows} >= {"RTFM S1", "ALFWorld"}


ENTRY = {"name": "test", "sha256": "0" * 64, "seeds": [0, 1, 2], "results": 0, "at": "2026-11-23T08:00:00+00:00"}


def test_claims_that_were_there_before_the_results_are_preregistered() -> None:
    about = content(only=claim())
    entry = ENTRY | {"content": about}
    report = evaluate(grid_of(everywhere(HIGH, LOW), about, [entry]))
    assert report is not None
    assert report.preregistered
    assert registration_words(report) == (
        "The claims were registered 2026-11-23 08:00, before any result. SHA-256 `000000000000`."
    )
    late = evaluate(grid_of(everywhere(HIGH, LOW), about, [entry | {"results": 12}]))
    assert late is not None
    assert not late.preregistered
    assert "2026-11-23 08:00, after 12 results. " in registration_words(late)


@pytest.mark.parametrize(
    ("finished", "older"),
    [
        ("2026-11-23T07:59:59+00:00", 12),
        ("2026-11-23T09:30:00+02:00", 12),
        ("2026-11-23T07:59:59", 12),
        (None, 12),
        ("last Monday", 12),
        ("2026-11-23T08:00:01+00:00", 0),
        ("2026-11-23T09:59:59+01:00", 0),
    ],
)
def test_results_that_were_only_elsewhere_when_the_claims_were_registered_are_results(
    finished: str | None, older: int
) -> None:
    """`report` in an empty root registers the claims; then run folders of another machine are copied in."""
    about = content(only=claim())
    data = grid_of(everywhere(HIGH, LOW), about, [ENTRY | {"content": about}], finished)
    report = evaluate(data)
    assert report is not None
    (one,) = registrations(data)
    assert (one.results, one.older, report.preregistered) == (0, older, older == 0)
    words = "before a result was here, but 12 results are older" if older else "before any result"
    assert registration_words(report).startswith(f"The claims were registered 2026-11-23 08:00, {words}. ")


def test_settings_that_were_changed_after_a_look_are_an_edit() -> None:
    about = content(only=claim())
    first = {"preset": "demo", "overrides": {}, "teacher_seeds": None, "tuned": None}
    entry = ENTRY | {"content": about, "settings": first}
    later = entry | {"settings": first | {"preset": None, "overrides": {"learner.lr": 0.1}}, "results": 12}
    report = evaluate(grid_of(everywhere(HIGH, LOW), about, [entry, later]))
    assert report is not None
    assert not report.preregistered
    assert report.edits[0].changes == ("`preset`: demo → null", "`overrides.learner.lr`: not set → 0.1")


def test_an_edit_after_a_score_says_what_was_changed() -> None:
    before, after = content(only=claim(), other=claim(family="second")), content(only=claim(text="LDD wins."))
    after["metrics"]["win_rate"] = {"low": 0.0, "high": 1.0, "margin": 0.01}
    later = {"sha256": "1" * 64, "content": after, "seeds": [0, 1, 2, 3], "results": 6}
    entries = [ENTRY | {"content": before}, ENTRY | later, ENTRY | later | {"sha256": "2" * 64, "results": 8}]
    report = evaluate(grid_of(everywhere(HIGH, LOW), after, entries))
    assert report is not None
    assert not report.preregistered
    assert report.edits[0].changes == (
        "seeds: 0, 1, 2 → 0, 1, 2, 3",
        "`metrics.win_rate.margin`: 0.05 → 0.01",
        "`families.second` dropped",
        "`claims.only.text`: LDD is better. → LDD wins.",
        *(f"`claims.other.{key}` dropped" for key in claim()),
    )
    assert report.edits[1].changes == ("only the file's comments or its layout",)
    words = registration_words(report)
    assert "changed 2026-11-23 08:00, after 6 results: seeds: 0, 1, 2 → 0, 1, 2, 3, `metrics.win_rate.margin`" in words
    assert words in strip(report).notes


def test_a_claims_file_that_came_after_the_results_is_not_dated_by_the_one_before() -> None:
    about = content(only=claim())
    bare = {"content": None, "name": None, "sha256": None, "at": "2026-11-23T07:00:00+00:00"}
    other = ENTRY | {"content": about, "name": "ldd2022", "sha256": "1" * 64}
    own = ENTRY | {"content": about, "results": 12, "at": "2026-11-23T10:00:00+00:00"}
    report = evaluate(grid_of(everywhere(HIGH, LOW), about, [ENTRY | bare, other, own]))
    assert report is not None
    assert not report.preregistered
    assert registration_words(report) == (
        "The claims were registered 2026-11-23 10:00, after 12 results. Before that the grid had `ldd2022`, "
        "registered 2026-11-23 08:00, before any result. SHA-256 `000000000000`."
    )
    only_others = evaluate(grid_of(everywhere(HIGH, LOW), about, [other]))
    assert only_others is not None
    assert "is not recorded" in registration_words(only_others)
