"""The report's pages: what they claim from the data, and what they admit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from benchmark.store import RunStore
from reports.audit import audit
from reports.frame import GridData, load
from reports.page import Page, Text
from reports.pages.verdict import facts as verdict_facts
from reports.tables import Table
from reports.writing.render import to_markdown
from tests.synthetic import METHODS, TEN_METHODS, WinRate, all_pages, make_plan, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
CLOSE = {"tabula_rasa": (0.40, 0.50, 0.45), "ldd": (0.42, 0.52, 0.46), "ldd_rep": (0.70, 0.72, 0.74)}


def levels(by_method: Mapping[str, tuple[float, ...]]) -> WinRate:
    """Win rates by method and seed."""
    return lambda _environment, method, seed: by_method[method][seed]


@dataclass(frozen=True)
class Report:
    """A report of synthetic runs without its figures drawn."""

    data: GridData

    @cached_property
    def pages(self) -> list[Page]:
        return all_pages(self.data)

    @cached_property
    def text(self) -> str:
        return to_markdown("report", self.pages)

    @property
    def verdict(self) -> str:
        return self.page("verdict")

    def page(self, name: str) -> str:
        return to_markdown("report", [page for page in self.pages if page.id == name])

    def table(self, name: str) -> Table:
        return next(table for page in self.pages for table in page.tables() if table.id == name)

    def entry(self, method: str) -> tuple[str, str, str]:
        """Text, detail and mark of a method in the main table's only row."""
        table = self.table("main")
        cell = dict(zip([column.label for column in table.columns], table.rows[0], strict=True))[method]
        return cell.text, cell.detail, cell.mark


def report(root: Path, plan: Mapping[str, Any] | None = None, **runs: Any) -> Report:
    """Write the runs and read them back."""
    write_runs(root, make_plan(**{"environments": ONE, **(plan or {})}), points=6, **runs)
    return Report(load(root, "synthetic"))


@pytest.fixture(scope="module")
def close(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A complete grid in which LDD and tabula rasa are close and LDD-rep is far ahead."""
    return report(tmp_path_factory.mktemp("close"), win_rate=levels(CLOSE))


def test_a_small_difference_is_not_called_a_win(close: Report) -> None:
    assert "**LDD cannot be told from Tabula rasa on RTFM S1" in close.verdict
    line = next(line for line in close.page("comparisons").splitlines() if "with LDD," in line)
    assert "win rate 0.467 with LDD, 0.450 with Tabula rasa (3 and 3 seeds); difference +0.017" in line
    assert "includes 0: these seeds cannot tell them apart" in line


def test_a_clear_difference_is_stated_with_its_interval(close: Report) -> None:
    line = next(line for line in close.page("comparisons").splitlines() if line.startswith("- LDD-rep"))
    assert line.startswith("- LDD-rep (ours): higher on RTFM S1 (+0.270 [+0.1")


@pytest.mark.parametrize(
    ("ldd", "word"), [((0.40, 0.42, 0.41), "lower"), ((0.95, 0.96, 0.94), "higher")], ids=["worse", "better"]
)
def test_the_verdict_follows_the_data(tmp_path: Path, ldd: tuple[float, ...], word: str) -> None:
    rates = {"tabula_rasa": (0.70, 0.72, 0.74), "ldd": ldd, "ldd_rep": (0.5, 0.5, 0.5)}
    found = report(tmp_path, win_rate=levels(rates))
    assert f"**LDD has a {word} win rate than Tabula rasa on RTFM S1, by the 95% Welch interval" in found.verdict


def test_the_main_table_marks_the_best_and_only_those_level_with_it(close: Report) -> None:
    assert close.entry("LDD-rep") == ("0.720", "[0.670, 0.770] · 3/3", "best")
    assert close.entry("LDD")[2] == close.entry("Tabula rasa")[2] == ""


def test_methods_that_cannot_be_told_from_the_best_are_marked_too(tmp_path: Path) -> None:
    found = report(tmp_path, win_rate=levels({**CLOSE, "ldd_rep": (0.1, 0.1, 0.12)}))
    assert [found.entry(name)[2] for name in ("LDD", "Tabula rasa", "LDD-rep")] == ["best", "tied", ""]


def test_where_a_method_comes_from_stands_under_its_name(close: Report) -> None:
    assert [(c.label, c.note) for c in close.table("main").columns[1:]] == [
        ("Tabula rasa", "released"),
        ("LDD", "released"),
        ("LDD-rep", "ours"),
    ]


def test_seeds_without_spread_claim_no_certainty(tmp_path: Path) -> None:
    rates = {"tabula_rasa": (0.0, 0.0, 0.0), "ldd": (1.0, 1.0, 1.0), "ldd_rep": (0.93, 0.99, 0.97)}
    found = report(tmp_path, win_rate=levels(rates))
    assert "**Nothing can be said of LDD against Tabula rasa on RTFM S1" in found.verdict
    assert "Every seed of LDD is above every seed of Tabula rasa." in found.page("comparisons")
    assert found.entry("LDD") == ("1.000", "all seeds equal † · 3/3", "best")
    assert found.entry("Tabula rasa") == ("0.000", "all seeds equal † · 3/3", "unknown")


def test_an_interval_beyond_certainty_is_flagged_and_the_seeds_shown_one_by_one(tmp_path: Path) -> None:
    found = report(tmp_path, win_rate=levels({**CLOSE, "ldd_rep": (0.93, 0.99, 0.97)}))
    assert found.entry("LDD-rep")[1] == "[0.887, 1.039] † · 3/3"
    row = next(row for row in found.table("seeds").rows if row[1].text == "LDD-rep")
    assert [cell.plain for cell in row[2:]] == [
        "0.930 [0.904, 0.949]",
        "0.990 [0.977, 0.996]",
        "0.970 [0.951, 0.982]",
    ]


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path) -> None:
    found = report(tmp_path, {"seeds": (0,)})
    assert found.entry("LDD")[1] == "interval undefined · 1/1"
    assert "without an interval (undefined with one seed)" in found.page("comparisons")


def test_what_is_missing_is_counted_and_never_a_zero(tmp_path: Path) -> None:
    methods = {**METHODS, "vae": {"label": "VAE", "provenance": "reimplemented"}}
    found = report(
        tmp_path,
        {"methods": methods, "unavailable": {"vae": "VAE pretraining is not built yet"}},
        skip=frozenset({"rtfm-s1/ldd/2"}),
        failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"},
        win_rate=levels(CLOSE),
    )
    assert "7 of 12 cells done, 1 failed, 1 missing, 3 unavailable" in found.verdict
    assert found.entry("LDD") == ("0.420", "interval undefined · 1/3, 1 failed, 1 missing", "unknown")
    assert found.entry("VAE") == ("–", "unavailable · 0/3", "weak")
    reasons = {tuple(cell.text for cell in row[1:5]) for row in found.table("absent").rows}
    assert reasons == {
        ("LDD", "1", "failed", "policy: ValueError: loss is nan"),
        ("LDD", "2", "missing", "2 of 4 stages done"),
        ("VAE", "0, 1, 2", "unavailable", "VAE pretraining is not built yet"),
    }


def test_deleting_a_run_lowers_the_count_and_invents_nothing(tmp_path: Path) -> None:
    plan = make_plan(ONE)
    write_runs(tmp_path, plan, win_rate=levels(CLOSE), points=3)
    worst = plan.cells[0].stages["evaluate"]
    (tmp_path / worst / "result.json").unlink()
    found = Report(load(tmp_path, "synthetic"))
    assert "8 of 9 cells done" in found.verdict
    text, detail, _ = found.entry("Tabula rasa")
    assert text == "0.475"  # of 0.50 and 0.45, and the count beside it says that a seed is missing
    assert detail.endswith("2/3, 1 missing")


def test_shared_games_are_compared_one_by_one(close: Report) -> None:
    row = next(row for row in close.table("differences").rows if row[1].text == "LDD-rep")
    only, games = row[-1].text.split(" : "), row[-1].detail
    assert games == "of 1500"
    assert (int(only[0]) - int(only[1])) / 1500 == pytest.approx(0.27)
    assert row[7].text == "+0.270"  # paired by seed


def test_teachers_stand_beside_copying_the_last_frame(close: Report) -> None:
    table = close.table("teachers")
    assert [column.label for column in table.columns[2:6]] == ["Seeds", "Teacher", "Copying the last frame", "Gain"]
    assert [cell.text for cell in table.rows[0][2:6]] == ["3/3", "0.9712", "0.9688", "+0.0024"]
    assert [row[1].text for row in table.rows] == ["LDD (released)", "LDD-rep (ours)"]


def test_a_stage_that_two_methods_share_is_paid_once(close: Report) -> None:
    row = next(row for row in close.table("cost").rows if row[1].text == "demonstrations")
    assert (row[2].text, row[3].text) == ("3", "4.2 s")


def test_settings_that_differ_from_the_defaults_are_listed(tmp_path: Path) -> None:
    plan = make_plan(ONE, seeds=(0,), changes={"rtfm-s1": {"learner.frames": [100_000_000, 150_000]}})
    write_runs(tmp_path, plan, points=2)
    found = Report(load(tmp_path, "synthetic"))
    assert "| RTFM S1 | `learner.frames` | 100000000 | 150000 |" in found.text
    table = found.table("changes")
    assert table.caption == "Settings that differ from the defaults"
    assert [column.label for column in table.columns] == ["Environment", "Setting", "Default", "Here"]
    assert "1 setting differs from the defaults, listed under Protocol" in found.text


def test_without_a_preset_the_settings_are_the_defaults(tmp_path: Path) -> None:
    plan = make_plan(ONE, seeds=(0,))
    plan = replace(plan, settings={**plan.settings, "preset": None})
    write_runs(tmp_path, plan, points=2)
    data = load(tmp_path, "synthetic")
    assert dict(verdict_facts(data))["Settings"] == "the defaults"


def test_runs_of_different_code_are_pointed_out(tmp_path: Path) -> None:
    plan = make_plan(ONE, seeds=(0,))
    store = write_runs(tmp_path, plan, points=2)
    key = plan.cells[0].stages["policy"]
    path = store.folder(key) / "provenance.json"
    path.write_text(path.read_text().replace('"dirty": false', '"dirty": true'))
    found = Report(load(tmp_path, "synthetic"))
    assert "The runs come from 2 different states of the code." in found.text
    assert "with uncommitted changes" in found.verdict


def test_a_grid_with_nothing_done_is_still_a_report(tmp_path: Path) -> None:
    plan = make_plan(ONE)
    write_runs(
        tmp_path, plan, skip=frozenset(cell.name for cell in plan.cells), failed={"demonstrations:rtfm-s1/0": "x"}
    )
    found = Report(load(tmp_path, "synthetic"))
    assert "0 of 9 cells done" in found.verdict
    assert "No run is finished, so there is nothing to compare." in found.page("comparisons")
    assert "No run is finished, so there is nothing that could hold." in found.page("robustness")
    assert "No curve yet: RTFM S1." in found.text


def test_of_a_grid_that_has_not_begun_a_line_says_so_where_a_table_would_have_no_number(tmp_path: Path) -> None:
    RunStore(tmp_path).write_plan(make_plan(methods=TEN_METHODS, probe=True))
    pages = {page.id: page for page in Report(load(tmp_path, "synthetic")).pages}
    for name in ("comparisons", "ablations", "robustness", "every-seed", "teachers", "diagnostics"):
        (line,) = pages[name].blocks
        assert isinstance(line, Text), name
        assert line.text.startswith("No "), name
    assert [table.id for table in pages["aggregate"].tables()] == ["references"]


def test_another_headline_than_wins_gets_no_interval_of_wins(tmp_path: Path) -> None:
    """The harness does not know what a win is; a score below 0 is as good a headline."""
    plan = make_plan(ONE, headline="episode_return")
    write_runs(tmp_path, plan, win_rate=levels(CLOSE), points=2)
    found = Report(load(tmp_path, "synthetic"))
    assert "episode return " in found.page("comparisons")
    assert "−0.200 with Tabula rasa" in found.page("comparisons")
    assert all(not cell.detail for row in found.table("seeds").rows for cell in row[2:])


def test_intervals_over_seeds_of_one_teacher_carry_a_warning(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ONE, teacher_seeds=1), points=2)
    text = Report(load(tmp_path, "synthetic")).text
    assert text.count("teachers of 1 seed serve all 3 seeds: the intervals of methods that are taught leave out") == 2


def test_where_every_seed_has_its_teacher_there_is_no_such_warning(close: Report) -> None:
    assert "leave out how much the teacher" not in close.text


def test_the_report_says_how_to_repeat_it(close: Report) -> None:
    how = {row[0].text: row[1].text for row in close.table("rebuild").rows}
    assert how["The runs, then the report"] == (
        "`python run_all.py --grid synthetic 'envs=[rtfm-s1]' 'methods=[tabula_rasa,ldd,ldd_rep]' "
        "'seeds=[0,1,2]' preset=demo teacher_seeds=null tuned=null claims=null search=null`"
    )
    assert how["Every page, table and figure"] == "`python run_all.py report --grid synthetic`"
    assert "The claims of page 1" not in how, "the grid has none"


def test_seeds_that_never_reached_the_runs_are_found(tmp_path: Path) -> None:
    found = report(tmp_path)
    assert "all 9 pairs of seeds of one method and environment differ" in found.text
    for key, stage in found.data.plan.stages.items():
        if stage.kind == "policy" and stage.params["seed"] < 2:
            rewrite_metrics(found.data.root, key, weights_sha=stage.params["method"])
    changed = load(tmp_path, "synthetic")
    assert audit(changed).same == tuple(f"rtfm-s1/{method}: 0 and 1" for method in METHODS)
    answers = {row[0].text: row[1].text for row in Report(changed).table("checklist").rows}
    assert answers["Do seeds seed everything?"] == "no"


def rewrite_metrics(root: Path, key: str, **metrics: Any) -> None:
    """Change a finished stage's result by hand."""
    path = root / key / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    path.write_text(json.dumps({**result, "metrics": {**result["metrics"], **metrics}}), encoding="utf-8")


def test_the_checklist_leaves_unknown_what_no_run_tells(tmp_path: Path) -> None:
    nothing = report(tmp_path, skip=frozenset(f"rtfm-s1/{m}/{s}" for m in METHODS for s in (0, 1, 2)))
    answers = {row[0].text: row[1].text for row in nothing.table("checklist").rows}
    assert answers["Are errors given, and what they are over?"] == "unknown"
    assert answers["Do seeds seed everything?"] == "unknown"
    assert answers["Is every planned run reported?"] == "partly"


NO_CLAIMS: dict[str, Any] = {
    "about": "nothing",
    "metrics": {},
    "environments": {},
    "families": {},
    "claims": {},
    "seeds": 10,
}
CLAIMS = {"name": "ldd2022", "sha256": "a" * 64, "content": NO_CLAIMS}


def test_the_checklist_says_whether_claims_were_written_down_before_the_results(tmp_path: Path) -> None:
    question = "Were the claims fixed before there were scores?"

    def answer(found: Report) -> str:
        rows = {row[0].text: row for row in found.table("checklist").rows}
        return rows[question][1].text

    assert answer(report(tmp_path / "none")) == "no"
    late = report(tmp_path / "late")
    entry = {**CLAIMS, "seeds": [0, 1, 2], "at": "2026-11-22T07:00:00+00:00"}
    edit = {**entry, "sha256": "b" * 64, "results": 9}
    after = {**entry, "at": "2026-11-23T07:00:00+00:00"}
    plan = replace(late.data.plan, settings={**late.data.plan.settings, "claims": CLAIMS})
    for noted, expected in (
        ([{**entry, "results": 0}], "yes"),
        ([{**entry, "results": 0}, {**edit, "results": 0}], "yes"),
        ([{**entry, "results": 0}, edit], "partly"),
        ([{**entry, "results": 9}], "no"),
        ([{**after, "results": 0}], "no"),
        ([{**entry, "name": "other", "results": 0}, {**after, "results": 9}], "no"),
        ([{**entry, "name": "other", "results": 0}, {**entry, "results": 0}], "yes"),
        ([{**entry, "name": "other", "results": 0}], "unknown"),
    ):
        assert answer(Report(replace(late.data, plan=plan, registrations=noted))) == expected


def test_a_run_that_is_done_without_the_headline_is_not_called_complete(tmp_path: Path) -> None:
    found = report(tmp_path)
    mute = found.data.cells["win_rate"].where(found.data.cells.index > 0)
    answers = {
        row[0].text: [cell.text for cell in row[1:]]
        for row in Report(replace(found.data, cells=found.data.cells.assign(win_rate=mute))).table("checklist").rows
    }
    answer, why = answers["Is every planned run reported?"]
    assert answer == "partly"
    assert why.startswith(f"{len(mute)} of {len(mute)} cells done, 1 of the done without win rate; ")


def test_a_registration_that_is_younger_than_the_results_is_not_blind(tmp_path: Path) -> None:
    """The runs were finished on the 22nd, elsewhere; their folders came after the claims were registered here."""
    found = report(tmp_path)
    entry = {**CLAIMS, "seeds": [0, 1, 2], "results": 0, "at": "2026-11-23T07:00:00+00:00"}
    plan = replace(found.data.plan, settings={**found.data.plan.settings, "claims": CLAIMS})
    (row,) = Report(replace(found.data, plan=plan, registrations=[entry])).table("registrations").rows
    assert [cell.plain for cell in row[-3:]] == ["the first", "0 not blind", str(len(found.data.cells))]


def test_a_switch_that_means_nothing_to_a_method_is_not_shown_as_a_value(tmp_path: Path) -> None:
    methods = {name: {**about, "demos": "expert"} for name, about in METHODS.items()}
    found = report(tmp_path, {"methods": methods, "seeds": (0,)})
    table = found.table("methods")
    column = [column.label for column in table.columns].index("demos")
    assert [row[column].text for row in table.rows] == ["–", "expert", "expert"]
