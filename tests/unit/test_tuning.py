"""A search for settings: what is chosen, what is not, and the file that says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmark.spec import Plan
from reports.build import build
from reports.frame import load
from reports.tuning import Candidate, choose, rule, searches, to_yaml, tuned
from tests.synthetic import make_plan, make_search, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
SEARCHED = {"ldd": "method.distill", "ldd_rep": "method.distill"}
RATES = {"ldd@distill=1.0": 0.4, "ldd@distill=0.1": 0.6, "ldd@distill=10.0": 0.2}


def candidate(name: str, *scores: float, planned: int = 1, games: int = 0, failed: int = 0) -> Candidate:
    return Candidate(name, {"method.distill": name}, scores, planned, games, failed)


def chosen(*candidates: Candidate) -> str | None:
    found = choose(candidates)
    return found and found.method


# The numbers of the first real search, 500 games each.
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.354, 0.604, 0.34), 1),
        ((0.74, 0.84, 0.34), 1),
        ((0.602, 0.838, 0.784), 1),
        ((0.262, 0.29, 0.316), 0),
        ((0.224, 0.268, 0.224), 0),
        ((1.0, 1.0, 1.0), 0),
        ((0.2, 0.4, 0.4), 1),
        ((0.0, 0.0, 0.1), 2),
    ],
)
def test_the_default_stays_unless_another_wins_clearly_more_games(scores: tuple[float, ...], expected: int) -> None:
    assert chosen(*(candidate(str(n), score, games=500) for n, score in enumerate(scores))) == str(expected)


def test_more_games_justify_what_few_cannot() -> None:
    few = candidate("1", 0.5, games=100), candidate("2", 0.56, games=100)
    many = candidate("1", 0.5, games=10_000), candidate("2", 0.56, games=10_000)
    assert (chosen(*few), chosen(*many)) == ("1", "2")


def test_where_the_default_failed_the_highest_mean_is_chosen() -> None:
    others = candidate("2", 0.50, games=500), candidate("3", 0.51, games=500)
    assert chosen(candidate("1", failed=1), *others) == "3"


def test_where_games_are_not_counted_the_highest_mean_is_chosen() -> None:
    first, second = candidate("1", 0.2, 0.9, planned=2), candidate("2", 0.6, 0.7, planned=2)
    assert chosen(first, second) == "2"


def test_of_equal_means_the_first_listed_stays_which_is_the_default() -> None:
    assert chosen(candidate("default", 0.5), candidate("other", 0.5), candidate("worse", 0.4)) == "default"


def test_a_candidate_that_failed_cannot_be_chosen_but_ends_the_search() -> None:
    assert chosen(candidate("1", 0.3), candidate("2", failed=1)) == "1"
    half = candidate("2", 0.9, planned=2, failed=1)
    assert chosen(candidate("1", 0.3, 0.3, planned=2), half) == "1"


def test_while_a_candidate_is_missing_nothing_is_chosen() -> None:
    assert chosen(candidate("1", 0.9), candidate("2")) is None
    assert chosen(candidate("1", 0.9, 0.9, planned=2), candidate("2", 0.1, planned=2)) is None


@pytest.mark.parametrize(
    "candidates", [(), (candidate("1", failed=1), candidate("2", failed=1))], ids=["none", "failed"]
)
def test_where_nobody_finished_nothing_is_chosen(candidates: tuple[Candidate, ...]) -> None:
    assert choose(candidates) is None


def run(root: Path, rates: dict[str, float] = RATES, **runs: object) -> Plan:
    """A search of LDD and LDD-rep on one environment, whose LDD candidates win by their rates, the others at 0.5."""
    plan, _ = make_search(SEARCHED, environments=ONE, overrides={"split": "tune"})
    write_runs(root, plan, lambda _e, method, _s: rates.get(method, 0.5), points=2, **runs)  # type: ignore[arg-type]
    return plan


def test_the_file_holds_the_choice_the_candidates_and_what_it_rests_on(tmp_path: Path) -> None:
    run(tmp_path)
    build(tmp_path, "synthetic")
    content = yaml.safe_load((tmp_path / "grids" / "synthetic" / "tuned.yaml").read_text(encoding="utf-8"))
    assert content["selected_on"] == {
        "grid": "synthetic",
        "split": "rtfm-s1-dev",
        "metric": "win_rate",
        "seeds": [100],
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "preset": "demo",
        "overrides": {"split": "tune"},
        "rule": rule(load(tmp_path, "synthetic")),
    }
    assert content["values"] == {"rtfm-s1": {"ldd": {"method.distill": 0.1}, "ldd_rep": {"method.distill": 1.0}}}
    assert content["candidates"]["rtfm-s1"]["ldd"] == [
        {"method.distill": 1.0, "win_rate": 0.4, "n": 1},
        {"method.distill": 0.1, "win_rate": 0.6, "n": 1},
        {"method.distill": 10.0, "win_rate": 0.2, "n": 1},
    ]


def test_the_page_marks_the_chosen_one_and_says_how_to_adopt_it(tmp_path: Path) -> None:
    run(tmp_path)
    report = build(tmp_path, "synthetic").paths[1]
    text = report.read_text(encoding="utf-8").split(". Tuning\n")[1].split("\n## ")[0]
    assert "| `method.distill=0.1` | **0.600** | 1/1 | 150 000 | chosen |" in text
    assert "| `method.distill=1.0` | **0.500** | 1/1 | 150 000 | chosen, the default |" in text
    assert "Equal budgets: 3 candidates for every searched method." in text
    assert "`rtfm-s1-dev`" in text
    assert "Tuning seeds are not test seeds" in text
    assert f"`{tmp_path.name}/grids/synthetic/tuned.yaml`; copy it to `configs/tuned/demo.yaml`" in text


def page_on(root: Path, split: str) -> str:
    plan, _ = make_search(SEARCHED, environments=ONE, split=split)
    write_runs(root, plan, points=2)
    report = build(root, "synthetic").paths[1]
    return report.read_text(encoding="utf-8").split(". Tuning\n")[1].split("\n## ")[0]


def test_that_the_test_games_are_not_looked_at_is_read_from_the_plan(tmp_path: Path) -> None:
    assert "the test games are not looked at" in page_on(tmp_path / "dev", "dev")
    text = page_on(tmp_path / "test", "test")
    assert "the test games are not looked at" not in text
    assert "This search looked at test games (`rtfm-s1-test`)" in text


def test_a_search_reports_no_verdict_on_methods_and_calls_its_games_by_their_name(tmp_path: Path) -> None:
    run(tmp_path)
    report = build(tmp_path, "synthetic").paths[1]
    text = report.read_text(encoding="utf-8")
    assert "**A search for settings on validation games" in text
    assert "held-out games" not in text


def test_an_unfinished_search_leaves_the_default_and_is_named(tmp_path: Path) -> None:
    run(tmp_path, skip=frozenset({"rtfm-s1/ldd@distill=10.0/100"}))
    data = load(tmp_path, "synthetic")
    content = tuned(data, searches(data))
    assert content["values"] == {"rtfm-s1": {"ldd_rep": {"method.distill": 1.0}}}
    assert content["candidates"]["rtfm-s1"]["ldd"][2] == {"method.distill": 10.0, "n": 0}
    report = build(tmp_path, "synthetic").paths[1]
    assert "Incomplete, so nothing is chosen and the default stays: `ldd` on RTFM S1." in report.read_text(
        encoding="utf-8"
    )


def test_the_best_one_failed_so_the_next_is_taken(tmp_path: Path) -> None:
    run(tmp_path, failed={"rtfm-s1/ldd@distill=0.1/100": "FloatingPointError: loss is nan"})
    data = load(tmp_path, "synthetic")
    assert tuned(data, searches(data))["values"]["rtfm-s1"]["ldd"] == {"method.distill": 1.0}


def test_the_file_reads_back_as_it_was_written() -> None:
    content = {"values": {"rtfm-s1": {"ldd": {"learner.lr": 1e-5, "network.name": "multi", "learner.flag": True}}}}
    assert yaml.safe_load(to_yaml(content)) == content


def test_a_grid_that_does_not_search_writes_no_file(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ONE, seeds=(0,)), points=2)
    build(tmp_path, "synthetic")
    assert not (tmp_path / "grids" / "synthetic" / "tuned.yaml").exists()
