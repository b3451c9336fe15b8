"""Results between people, through the real command line: hand over, read, compare, copy; on the toy benchmark."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import run_all
from benchmark.store import RunStore
from tests.toy import Toy


@pytest.fixture
def computed(toy: Toy) -> Toy:
    """The toy's grid `toy` with two seeds of two methods, of which one run has failed for good."""
    toy.arm("practise", "raise", times=9, seed=1, distill=0.0)
    toy.drive("toy", "envs=[north]", "methods=[plain,taught]", "executor=inline")
    RunStore(toy.root).write_plan(toy.plan("toy", "envs=[north]", "methods=[plain,taught]"))
    return toy


def here(toy: Toy, root: Path, *words: str) -> int:
    """Run the command line in this process."""
    return run_all.main([*words, "--configs", str(toy.configs), "--root", str(root)])


def asked(toy: Toy, root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = here(toy, root, *words)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_somebody_elses_results_are_a_grid_to_all_who_look_and_to_nobody_who_computes(
    computed: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, root = tmp_path / "out", tmp_path / "elsewhere"
    code, said, _ = asked(computed, computed.root, capsys, "export", "--grid", "toy", "--to", str(out))
    assert (code, said.split()) == (0, [str(out / name) for name in ("scores.csv", "curves.csv.gz", "grid.json")])
    code, said, _ = asked(computed, root, capsys, "import", str(out), "--name", "theirs")
    assert code == 0
    assert said.startswith(f"grid theirs: 4 cells (3 done, 1 failed) from {out}, SHA-256 ")

    code, said, _ = asked(computed, root, capsys, "status", "--grid", "theirs")
    assert code == 0
    assert "4 cells: 3 done, 1 failed" in said
    assert "left" not in said, "nothing is foretold of what nothing computes"
    code, said, _ = asked(computed, root, capsys, "why", "north/plain", "--grid", "theirs")
    assert "north/plain/0 is done, and will not be computed again: score " in said
    assert "north/plain/1 is failed in out (SHA-256 " in said
    assert "failed where it was computed, with RuntimeError: the toy was told to fail" in said
    code, said, _ = asked(computed, root, capsys, "trace", "north/taught", "--grid", "theirs")
    assert "imported from out (SHA-256 " in said
    original = RunStore(computed.root).outcomes(computed.plan("toy"))
    scores = [one.metrics["score"] for one in original.values() if "score" in one.metrics]
    assert f"{scores[-1]:.3f}" in said
    code, said, err = asked(computed, root, capsys, "logs", "north/taught/0", "--grid", "theirs")
    assert (code, said) == (2, "")
    assert "north/taught/0 has no log here: it is imported from out (SHA-256 " in err
    code, said, _ = asked(computed, root, capsys, "clean")
    assert "nothing to clean" in said, "what is imported is needed"

    before = sorted(root.rglob("*"))
    for words in (["run"], ["plan"], ["retry"], ["plan", "--budget", "1h"], ["run", "--detach"]):
        code, said, err = asked(computed, root, capsys, *words, "--grid", "theirs")
        assert (code, said) == (2, ""), words
        assert err.startswith(
            f"run_all: grid 'theirs' is in {root} but has no file in configs/grid/, so nothing of it "
        )
    code, _, err = asked(computed, root, capsys, "status", "--grid", "theirs", "seeds=5")
    assert code == 2
    assert err == (
        "run_all: seeds=5: grid 'theirs' has no file in configs/grid/, so nothing of it can be changed; drop it\n"
    )
    assert sorted(root.rglob("*")) == before


def test_a_report_and_a_comparison_of_imported_results(
    computed: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs.json"
    code, said, _ = asked(computed, computed.root, capsys, "export", "--grid", "toy", "--to", str(out))
    assert said.splitlines()[:2] == [
        str(out), "1 of 4 cells has no result, and this format has no place for the reason",
    ]  # fmt: skip
    assert list(json.loads(out.read_text())["ldd-bench"]["north"]["taught"]) == ["seed_0", "seed_1"]
    assert here(computed, computed.root, "import", str(out), "--name", "theirs", "--metric", "score") == 0
    code, said, _ = asked(computed, computed.root, capsys, "report", "--grid", "theirs")
    assert code == 0
    report = (computed.root / "grids/theirs/report.md").read_text()
    assert "imported from runs.json" in report
    code, said, _ = asked(computed, computed.root, capsys, "report", "--compare", "toy", "theirs")
    assert code == 0
    page = Path(said.split()[0])
    assert page.name == "compare.html"
    text = page.with_name("compare.md").read_text()
    assert "All 3 cells that A and B have both finished have equal scores, bit for bit." in text


def test_run_folders_of_another_store_merge_by_being_copied(
    computed: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else computes what is missing here; afterwards nothing is left to compute in either place."""
    computed.disarm()
    elsewhere = Toy(tmp_path / "elsewhere")
    shutil.copytree(computed.configs, elsewhere.configs)
    shutil.copytree(computed.folder / "data", elsewhere.folder / "data")
    words = ("toy", "envs=[north]", "methods=[plain,taught]", "seeds=[1,2]")
    elsewhere.drive(*words, "executor=inline")
    begun = computed.computed()
    for folder in elsewhere.root.iterdir():  # as `rsync -a` does
        shutil.copytree(folder, computed.root / folder.name, dirs_exist_ok=True)
    states, _ = computed.drive("toy", "envs=[north]", "methods=[plain,taught]", "seeds=[0,1,2]", "executor=inline")
    assert {outcome.state for outcome in states.values()} == {"done"}
    assert computed.computed() == begun, "all of it was there"
    theirs = RunStore(elsewhere.root).outcomes(elsewhere.plan(*words))
    assert all(states[key].metrics == outcome.metrics for key, outcome in theirs.items())


def test_a_grid_that_was_copied_with_its_plan_can_be_read_without_a_file(
    computed: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = computed.plan("toy", "envs=[north]", "methods=[plain,taught]", "name=mine")
    RunStore(computed.root).write_plan(plan)
    code, said, _ = asked(computed, computed.root, capsys, "status", "--grid", "mine")
    assert code == 0
    assert "4 cells: 3 done, 1 failed" in said
    code, _, err = asked(computed, computed.root, capsys, "status", "--grid", "mime")
    assert code == 2
    assert err.startswith("run_all: unknown grid 'mime'")


WRONG = {
    "export --grid toy": "--to is missing; name a new folder, or a .json file for marl-eval",
    "export --grid inspected --to out": "grid 'inspected' has not been run in ",
    "export --grid toy --to out --format xml": "argument --format: invalid choice: 'xml' ",
    "import": "import needs a file, or a folder, such as python run_all.py import their-results --name theirs",
    "import a b --name x": "import takes one word, not 2: a b; drop all but one",
    "import nowhere.csv": "--name is missing; choose a name for the new grid, such as --name theirs",
    "import nowhere.csv --name theirs": "nowhere.csv is not there; name a .csv, .parquet or .json file, or a ",
    "import nowhere.csv --name toy": "--name toy is a file of configs/grid/, whose results are computed; choose",
    "report": "--grid is missing; name a file of configs/grid/, such as --grid demo",
    "report --compare toy": "argument --compare: expected 2 arguments ",
    "report --compare toy nowhere": "--compare 'nowhere' is no grid of ",
    "status --grid toy --compare a b": "--compare is for report, and means nothing to 'status'; drop it",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_gets_one_line(toy: Toy, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    RunStore(toy.root).write_plan(toy.plan("toy"))
    before = sorted(toy.root.rglob("*"))
    code, said, err = asked(toy, toy.root, capsys, *words.split())
    assert (code, said) == (2, "")
    assert err.startswith(f"run_all: {WRONG[words]}")
    assert err.count("\n") == 1
    assert sorted(toy.root.rglob("*")) == before
