"""marl-eval's JSON: what its README asks of a file, and what a file of somebody else may say."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BadInput
from reports.frame import load
from reports.interchange.exporting import export
from reports.interchange.importing import import_results
from reports.interchange.marl_eval import from_json, left_out, to_json
from reports.interchange.results import Results, of_grid
from tests.synthetic import make_plan, write_runs

ONE = {"rtfm-s1": "RTFM S1"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two environments, three methods, two seeds, all done; curves of the win rate alone, at five frames."""
    root = tmp_path_factory.mktemp("whole")
    write_runs(root, make_plan(seeds=(0, 1)), points=9)
    return of_grid(load(root, "synthetic"))


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """One seed of one method has failed."""
    root = tmp_path_factory.mktemp("holed")
    write_runs(root, make_plan(ONE, seeds=(0, 1)), failed={"rtfm-s1/ldd/1": "ValueError: nan"}, points=9)
    return of_grid(load(root, "synthetic"))


def runs(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of every run."""
    for tasks in content.values():
        for algorithms in tasks.values():
            for own in algorithms.values():
                yield from own.values()


def test_a_file_has_the_documented_structure(whole: Results) -> None:
    content = to_json(whole)
    assert list(content) == ["ldd-bench"]
    assert list(content["ldd-bench"]) == ["messenger-s1", "rtfm-s1"]
    assert all(list(own) == ["tabula_rasa", "ldd", "ldd_rep"] for own in content["ldd-bench"].values())
    assert list(content["ldd-bench"]["rtfm-s1"]["ldd"]) == ["seed_0", "seed_1"]
    for steps in runs(content):
        *names, last = steps
        assert (names, last) == ([f"step_{n}" for n in range(1, 6)], "absolute_metrics"), "the final entry is the last"
        counts = [steps[name]["step_count"] for name in names]
        assert counts == sorted(counts)
        assert all(type(count) is int for count in counts)
        metrics = set(steps[last])
        assert metrics == {"win_rate"}
        assert all(set(steps[name]) - {"step_count"} == metrics for name in names), "the same metrics in every step"
        lists = [values for step in steps.values() for name, values in step.items() if name != "step_count"]
        assert all(isinstance(values, list) and len(values) == 1 for values in lists), "over all games already"


def test_the_numbers_are_those_of_the_runs(whole: Results) -> None:
    content = to_json(whole)
    for row in whole.scores.to_dict("records"):
        steps = content["ldd-bench"][row["environment"]][row["method"]][f"seed_{row['seed']}"]
        assert steps["absolute_metrics"]["win_rate"] == [row["win_rate"]]
        own = whole.curves.query(f"environment == '{row['environment']}' and method == '{row['method']}'")
        own = own[(own["seed"] == row["seed"]) & (own["metric"] == "test/win_rate")]
        assert [step["win_rate"][0] for name, step in steps.items() if name != "absolute_metrics"] == own[
            "value"
        ].tolist()


def test_what_marl_eval_cannot_say_is_said_beside_the_file(whole: Results, holed: Results) -> None:
    others = "left out, because the curves do not have them: episode_return, episode_length, episodes"
    assert left_out(whole) == [others]
    assert left_out(holed) == [
        "1 of 6 cells has no result, and this format has no place for the reason",
        others,
        "marl-eval wants the same seeds everywhere; others than most have rtfm-s1/ldd",
        "marl-eval wants the same numbers of steps everywhere; others than most have rtfm-s1/ldd",
    ]
    assert list(to_json(holed)["ldd-bench"]["rtfm-s1"]["ldd"]) == ["seed_0"], "no score is made up for the other"


def test_without_curves_there_are_final_scores_of_every_metric(whole: Results) -> None:
    bare = Results(whole.scores, whole.curves.head(0), whole.facts)
    for steps in runs(to_json(bare)):
        assert list(steps) == ["absolute_metrics"]
        assert list(steps["absolute_metrics"]) == ["win_rate", "episode_return", "episode_length", "episodes"]
    assert left_out(bare) == ["there are no curves of test/win_rate, so it has no steps, only final scores"]


def test_a_json_file_is_marl_evals_unless_another_format_is_asked_for(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ONE, seeds=(0,)), points=3)
    lines = export(tmp_path, "synthetic", tmp_path / "out.json")
    assert lines[0] == str(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["ldd-bench"]["rtfm-s1"]["ldd"]["seed_0"]
    with pytest.raises(BadInput, match=r"out\.json is a file, and csv is a folder of several"):
        export(tmp_path, "synthetic", tmp_path / "out.json", "csv")


THEIRS: dict[str, Any] = {
    "SMAX": {
        "3m": {
            "MAPPO w/ memory": {
                "run_1": {
                    "step_1": {"step_count": 0, "return": [0.0, 1.0, 2.0]},
                    "step_2": {"step_count": 500, "return": [2.0, 4.0, 3.0]},
                    "absolute_metrics": {"return": [1.0, 2.0, 6.0]},
                },
                "run_2": {"absolute_metrics": {"return": [4]}},
            }
        }
    },
    "LBF": {"3m": {"QMIX": {"42": {"absolute_metrics": {"return": [0.5]}}}}},
}


def test_a_file_of_somebody_else_becomes_a_grid(tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text(json.dumps(THEIRS))
    import_results(tmp_path / "root", tmp_path / "runs.json", "theirs")
    data = load(tmp_path / "root", "theirs")
    cells = data.cells.set_index(["environment", "method", "seed"])["return"].to_dict()
    assert cells == {
        ("SMAX-3m", "MAPPO-w-memory", 1): 3.0,  # the mean of its games
        ("SMAX-3m", "MAPPO-w-memory", 2): 4.0,
        ("LBF-3m", "QMIX", 42): 0.5,
    }
    assert data.method_label("MAPPO-w-memory") == "MAPPO w/ memory"
    assert data.headlines() == ["return"]
    frames, values = data.curves.points(data.plan.cells[0].stages["policy"], "test/return")
    assert (frames.tolist(), values.tolist()) == ([0, 500], [1.0, 3.0])
    export(tmp_path / "root", "theirs", tmp_path / "back.json")
    back = json.loads((tmp_path / "back.json").read_text())
    assert {suite: list(tasks) for suite, tasks in back.items()} == {"SMAX": ["3m"], "LBF": ["3m"]}
    assert list(back["SMAX"]["3m"]) == ["MAPPO w/ memory"]
    assert back["SMAX"]["3m"]["MAPPO w/ memory"]["seed_1"]["step_2"] == {"step_count": 500, "return": [3.0]}


RUN = "f.json: SMAX/3m/MAPPO w/ memory"
WRONG = {
    f"{RUN}/run_1 has no absolute_metrics, the scores of the finished run; add them": ("absolute_metrics", None),
    f"{RUN}/run_1/absolute_metrics: return is 'x', expected a list of numbers": ("absolute_metrics", {"return": "x"}),
    f"{RUN}/run_1/absolute_metrics: return is 0.5, expected a list of numbers": ("absolute_metrics", {"return": 0.5}),
    f"{RUN}/run_1/absolute_metrics: return is [], expected a list of numbers": ("absolute_metrics", {"return": []}),
    f"{RUN}/run_1/absolute_metrics: return has nan, expected numbers": ("absolute_metrics", {"return": [float("nan")]}),
    f"{RUN}/run_1/absolute_metrics: return has True, expected numbers": ("absolute_metrics", {"return": [True]}),
    f"{RUN}/run_1/absolute_metrics is empty, expected marl-eval's environment, …": ("absolute_metrics", {}),
    f"{RUN}/run_1/absolute_metrics: seed is a name that this project uses …": ("absolute_metrics", {"seed": [1]}),
    f"{RUN}/run_1/step_1: step_count is None, expected a whole number from 0": ("step_1", {"return": [1]}),
    f"{RUN}/run_1/step_1: step_count is 1.5, expected a whole number from 0": ("step_1", {"step_count": 1.5}),
    f"{RUN}/run_1/step_1 is a list, expected marl-eval's environment, …": ("step_1", [1]),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_not_as_documented_is_named_with_its_place(words: str) -> None:
    content, (name, value) = copy.deepcopy(THEIRS), WRONG[words]
    run = content["SMAX"]["3m"]["MAPPO w/ memory"]["run_1"]
    if value is None:
        del run[name]
    else:
        run[name] = value
    with pytest.raises(BadInput) as caught:
        from_json(content, "f.json")
    assert str(caught.value).startswith(words.removesuffix("…"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "f.json is empty, expected marl-eval's environment, task, algorithm, run, step in each other"),
        ([1], "f.json is a list, expected"),
        ({}, "f.json is empty, expected"),
        ({"SMAX": {}}, "f.json: SMAX is empty, expected"),
        (
            {"SMAX": {"3m": {"QMIX": {"best": {}}}}},
            "f.json: SMAX/3m/QMIX: run 'best' does not end with a number; name ",
        ),
        (
            {"S": {"t": {"Q": {"run_1": {"absolute_metrics": {"r": [1]}}, "seed_1": {}}}}},
            "f.json: S/t/Q: runs 'run_1' and 'seed_1' are both seed 1; rename one",
        ),
    ],
)
def test_what_is_no_such_file(content: Any, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_json(content, "f.json")
    assert str(caught.value).startswith(words)
