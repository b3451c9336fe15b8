"""How fast a method learns: areas by hand, times to a threshold that no result moves, seeds that never arrive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reports.efficiency import FIXED, efficiency_table, threshold
from reports.frame import GridData, load
from reports.tables import Cell, Table
from tests.synthetic import make_plan, write_runs

ENVIRONMENT = {"rtfm-s1": "RTFM S1"}
PAID = 55_811  # frames of demonstrations and fitted frames that every method but tabula rasa pays

REFERENCES = {"random": {"win_rate": 0.1}, "expert": {"win_rate": 0.7}, "games": "rtfm-s1-test", "source": "measured"}


def grid(root: Path, curves: Mapping[str, list[list[tuple[int, float]]]], failed: str | None = None) -> GridData:
    """A grid in which the seeds of a method have these curves: (frames, win rate) each."""
    plan = make_plan(ENVIRONMENT, seeds=tuple(range(max(map(len, curves.values())))))
    store = write_runs(root, plan, failed={failed: "ValueError: loss is nan"} if failed else None, points=0)
    for cell in plan.cells:
        seeds = curves.get(cell.method, [])
        rows = seeds[cell.seed] if cell.seed < len(seeds) else []
        text = "".join(json.dumps({"frames": at, "test/win_rate": value}) + "\n" for at, value in rows)
        store.curve_file(cell.stages["policy"]).write_text(text, encoding="utf-8")
    return load(root, "synthetic")


def table_of(data: GridData) -> Table:
    table = efficiency_table(data, "rtfm-s1")
    assert table is not None
    return table


def row(data: GridData, method: str) -> tuple[Cell, ...]:
    return table_of(data).rows[data.methods.index(method)][1:]


def with_references(data: GridData, references: object) -> GridData:
    environments = {"rtfm-s1": {**data.plan.environments["rtfm-s1"], "references": references}}
    return replace(data, plan=replace(data.plan, environments=environments))


RISING = [(0, 0.0), (100_000, 0.4), (150_000, 1.0)]


def test_area_and_time_by_hand_on_both_axes(tmp_path: Path) -> None:
    """RL frames: (100 × 0.2 + 50 × 0.7) / 150. All frames: nothing for 55,811, then 94,189 of the rise to 0.4."""
    data = grid(tmp_path, {"tabula_rasa": [RISING, RISING], "ldd": [RISING, RISING]})
    for method, all_area, all_time in (("tabula_rasa", "0.367", "150 000"), ("ldd", "0.118", "205 811")):
        area, area_all, time, time_all = row(data, method)
        assert area.text == "0.367"
        assert area_all.text == all_area
        assert time.text.replace("\u202f", " ") == "150 000"
        assert time_all.text.replace("\u202f", " ") == all_time
        assert time.detail == "2 of 2 seeds"


def test_a_seed_that_never_arrives_is_censored_and_not_dropped(tmp_path: Path) -> None:
    low = [(0, 0.1), (150_000, 0.2)]
    early, late = [(0, 0.1), (50_000, 0.9), (150_000, 0.9)], [(0, 0.1), (100_000, 0.9), (150_000, 0.9)]
    data = grid(tmp_path, {"tabula_rasa": [early, late, low], "ldd": [early, low, low], "ldd_rep": [low, low, low]})
    assert [(row(data, m)[2].text.replace("\u202f", " "), row(data, m)[2].detail) for m in data.methods] == [
        ("100 000", "2 of 3 seeds"),
        ("by fewer than half", "1 of 3 seeds"),
        ("not reached", "0 of 3 seeds"),
    ]


def test_a_seed_that_is_not_finished_counts_as_far_as_it_came_and_not_in_the_area(tmp_path: Path) -> None:
    data = grid(
        tmp_path,
        {"ldd": [[(0, 0.2), (150_000, 0.2)], [(0, 0.1), (90_000, 0.9)], [(0, 0.4), (150_000, 0.4)]]},
        failed="rtfm-s1/ldd/1",
    )
    area, _, time, _ = row(data, "ldd")
    assert area.text == "0.300"
    assert area.detail.endswith("· 2/3")
    assert time.detail == "1 of 3 seeds"


def test_who_has_no_curve_has_no_time_and_it_says_so(tmp_path: Path) -> None:
    data = grid(tmp_path, {"ldd": [RISING, []]})
    assert {(cell.text, cell.detail, cell.mark) for cell in row(data, "tabula_rasa")} == {("–", "no curve", "weak")}
    assert row(data, "ldd")[2].detail == "1 of 1 seed, 1 without a curve"


def test_one_seed_has_an_area_without_an_interval(tmp_path: Path) -> None:
    area = row(grid(tmp_path, {"ldd": [RISING]}), "ldd")[0]
    assert (area.text, area.detail) == ("0.367", "undefined with one seed · 1/1")


def test_frames_before_learning_count_as_no_policy_and_not_as_the_first_one_that_there_was(tmp_path: Path) -> None:
    """A policy that wins 0.9 from its first game on has not won during the 55,811 frames before: 94,189 of 150,000."""
    good = [(0, 0.9), (150_000, 0.9)]
    data = grid(tmp_path, {"tabula_rasa": [good, good], "ldd": [good, good]})
    assert [cell.text for cell in row(data, "tabula_rasa")[:2]] == ["0.900", "0.900"]
    assert [cell.text for cell in row(data, "ldd")[:2]] == ["0.900", f"{0.9 * (150_000 - PAID) / 150_000:.3f}"]
    assert "0 before a curve's first point, where there is no policy yet" in " ".join(table_of(data).notes)


def test_each_axis_ends_where_its_own_shortest_curve_does(tmp_path: Path) -> None:
    """Where every method pays something before, its area of all frames goes on beyond the frames of RL."""
    short = [(0, 0.0), (20_000, 1.0)]
    data = grid(tmp_path, {"ldd": [short, short]})
    of_rl, of_all = (column.note.replace("\u202f", " ") for column in table_of(data).columns[1:3])
    assert (of_rl, of_all) == ("first 20 000 RL frames", "first 75 811 frames of any kind")
    assert row(data, "ldd")[1].text == f"{10_000 / (20_000 + PAID):.3f}"


def test_a_method_that_is_still_preparing_when_the_others_end_has_no_policy_by_then(tmp_path: Path) -> None:
    short = [(0, 0.0), (20_000, 1.0)]
    data = grid(tmp_path, {"tabula_rasa": [short, short], "ldd": [short, short]})
    assert row(data, "tabula_rasa")[1].text == "0.500"
    assert (row(data, "ldd")[1].text, row(data, "ldd")[1].detail) == ("0.000", "no policy by then")
    assert PAID > 20_000


def test_what_was_paid_and_is_not_recorded_is_not_guessed(tmp_path: Path) -> None:
    data = grid(tmp_path, {"tabula_rasa": [RISING], "ldd": [RISING]})
    data.cells.loc[data.cells["method"] == "ldd", "extra_frames"] = float("nan")
    assert [cell.detail for cell in row(data, "ldd")][1::2] == ["what came before is not recorded"] * 2
    assert row(data, "ldd")[0].text == "0.367"


def test_the_threshold_is_half_way_between_the_references_and_no_result_moves_it(tmp_path: Path) -> None:
    data = grid(tmp_path, {"ldd": [RISING]})
    fixed = threshold(data, "rtfm-s1")
    assert fixed is not None
    assert fixed.value == FIXED
    assert fixed.why.startswith("the same for every environment without references")
    known = with_references(data, REFERENCES)
    half = threshold(known, "rtfm-s1")
    assert half is not None
    assert half.value == pytest.approx(0.4)
    assert half.why == "half-way from a random player (0.100) to the expert (0.700)"
    assert row(known, "ldd")[2].text.replace("\u202f", " ") == "100 000"
    assert half.why in " ".join(table_of(known).notes)


@pytest.mark.parametrize(
    "references",
    [None, {}, {"random": {"win_rate": 0.1}}, {**REFERENCES, "expert": None}, {**REFERENCES, "games": "rtfm-s2-test"}],
)
def test_half_a_reference_or_one_of_other_games_is_none(tmp_path: Path, references: object) -> None:
    found = threshold(with_references(grid(tmp_path, {"ldd": [RISING]}), references), "rtfm-s1")
    assert found is not None
    assert found.value == FIXED


def test_a_score_that_is_no_win_rate_has_no_threshold_of_its_own(tmp_path: Path) -> None:
    plan = make_plan(ENVIRONMENT, seeds=(0,), headline="episode_return")
    write_runs(tmp_path, plan, points=0)
    assert threshold(load(tmp_path, "synthetic"), "rtfm-s1") is None


def test_without_a_curve_there_is_no_table(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ENVIRONMENT, seeds=(0,)), points=0)
    assert efficiency_table(load(tmp_path, "synthetic"), "rtfm-s1") is None


def test_the_runs_behind_every_entry_are_known(tmp_path: Path) -> None:
    data = grid(tmp_path, {"ldd": [RISING, RISING]})
    policies = {cell.stages["policy"] for cell in data.plan.cells if cell.method == "ldd"}
    assert set(table_of(data).runs) == policies
