"""The command line from a user's seat, on the toy benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import run_all
from benchmark.cli.session import content_hash
from benchmark.cli.verbs import VERBS
from tests.toy import PROJECT, Toy


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, subprocess.CompletedProcess[str]]:
    """The wide grid (half of it not available), computed once for this file."""
    toy = Toy.build(tmp_path_factory.mktemp("finished"))
    return toy, toy.run("--grid", "wide")


def here(toy: Toy, *words: str) -> int:
    """Run the command line in this process."""
    return run_all.main([*words, "--configs", str(toy.configs), "--root", str(toy.root)])


def test_a_run_ends_with_results_report_and_the_command_for_mlflow(
    finished: tuple[Toy, subprocess.CompletedProcess[str]],
) -> None:
    toy, done = finished
    assert (done.returncode, done.stderr) == (0, "")
    assert "grid wide: 4 stages, 0 done before, 4 to compute" in done.stdout
    assert "[4/4] exam north/plain/" in done.stdout, "whichever seed came last"
    assert "  plain   released       0." in done.stdout
    assert "(2/2)  n/a" in done.stdout
    assert "6 of 8 cells are not available yet; `plan` says why" in done.stdout
    for name in ("report.md", "report.html"):
        assert f"report: {toy.root / 'grids' / 'wide' / name}" in done.stdout
        assert (toy.root / "grids" / "wide" / name).exists()
    assert "no report.pdf: LDD_BENCH_CHROMIUM=off says so" in done.stdout
    assert f"mlflow ui --backend-store-uri sqlite:///{toy.root / 'mlflow.db'}" in done.stdout
    assert not list((toy.root / ".jobs").iterdir()), "submitit's files are cleared away"


def test_a_finished_grid_computes_nothing_and_loads_nothing_heavy(
    finished: tuple[Toy, subprocess.CompletedProcess[str]],
) -> None:
    toy, _ = finished
    computed = toy.computed()
    words = ["--grid", "wide", "--configs", str(toy.configs), "--root", str(toy.root)]
    script = f"import sys, run_all; code = run_all.main({words!r}); print('|'.join(sys.modules)); sys.exit(code)"
    again = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (0, "")
    assert "4 done before, 0 to compute" in again.stdout
    assert "report.html" in again.stdout
    assert toy.computed() == computed
    loaded = set(again.stdout.splitlines()[-1].split("|"))
    assert not loaded & {"torch", "mlflow", "pandas", "matplotlib", "submitit"}


def test_the_python_module_computes_one_planned_stage(
    finished: tuple[Toy, subprocess.CompletedProcess[str]],
) -> None:
    toy, _ = finished
    key = next(iter(toy.plan("wide").stages))
    command = [sys.executable, "-m", "benchmark.stages", key, "--root", str(toy.root)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"done: {toy.root / key}\n")


def test_status_shows_what_became_of_every_cell(
    finished: tuple[Toy, subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    toy, _ = finished
    assert here(toy, "status", "--grid", "wide", "seeds=3") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines.pop()[:6] == ["6", "stages:", "4", "done,", "2", "missing;"]
    assert lines[1:] == [
        ["north", "west"],
        ["plain", "released", "2", "done,", "1", "missing", "3", "unavailable"],
        ["dreamt", "reimplemented", "3", "unavailable", "3", "unavailable"],
        [],
        ["12", "cells:", "2", "done,", "1", "missing,", "9", "unavailable"],
    ]
    assert here(toy, "status", "--grid", "wide", "--json") == 0
    status = json.loads(capsys.readouterr().out)
    assert status["north/plain/0"]["state"] == "done"
    assert status["west/plain/1"] == {
        "state": "unavailable",
        "reason": "nobody has been there yet",
        "log": None,
        "metrics": {},
        "stages": {},
    }


def test_the_report_verb_brings_the_copy_in_mlflow_up_to_date(
    finished: tuple[Toy, subprocess.CompletedProcess[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    toy, _ = finished
    (copy,) = (toy.root / "mlflow-artifacts").rglob("report/report.html")
    copy.write_text("an old report", encoding="utf-8")
    assert here(toy, "report", "--grid", "wide") == 0
    page = toy.root / "grids" / "wide" / "report.html"
    assert str(page) in capsys.readouterr().out.splitlines()
    assert copy.read_bytes() == page.read_bytes()


def test_a_change_of_the_report_s_code_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text("one")
    before = content_hash(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "page.pyc").write_text("cache")
    assert content_hash(tmp_path) == before
    (tmp_path / "page.py").write_text("two")
    assert content_hash(tmp_path) != before


def test_plan_and_dry_run_list_cells_stages_and_reasons_and_write_nothing(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here(toy, "plan", "--grid", "wide") == 0
    plan = capsys.readouterr().out
    assert here(toy, "--grid", "wide", "--dry-run") == 0
    assert capsys.readouterr().out == plan
    assert "2 cells need 4 stages; shared ones counted once, 4 (0 done, 4 to compute)" in plan
    assert "west: plain (2 cells): nobody has been there yet" in plan
    assert "not available: 6 of 8 cells" in plan
    assert not toy.root.exists()


def test_plan_says_how_many_cells_share_a_stage(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(toy, "plan", "--grid", "toy") == 0
    rows = capsys.readouterr().out.splitlines()
    assert "  study     north        2       0     0 1, each its own  2           taught, taught_less" in rows


def test_plan_as_json_is_the_whole_plan(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(toy, "plan", "--grid", "toy", "--only", "north/taught/0", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert [cell["seed"] for cell in plan["cells"]] == [0]
    assert set(plan["stages"]) == set(plan["cells"][0]["stages"].values())


def test_a_failed_cell_is_seen_explained_and_in_the_exit_code(toy: Toy) -> None:
    toy.arm("practise", "raise", at=2, times=9, seed=1)
    done = toy.run("--grid", "one", "seeds=2")
    assert done.returncode == 1
    log = toy.root / toy.plan("one", "seeds=2").cells[1].stages["practise"] / "log.txt"
    assert f"practise north/plain/1 failed: RuntimeError: the toy was told to fail (log: {log})" in done.stdout
    assert f"north/plain/1 failed: practise: RuntimeError: the toy was told to fail (log: {log})" in done.stdout
    assert toy.computed("practise") == 2, "what the next attempt would meet again is not repeated"
    assert "(1/2)" in done.stdout, "the finished seed is shown, and how many are missing"
    assert (toy.root / "grids" / "one" / "report.html").exists()
    again = toy.run("--grid", "one", "seeds=2")
    assert again.returncode == 1
    assert "1 failed before, 1 blocked by them (`retry` runs them again)" in again.stdout


def test_a_failed_diagnostic_is_in_the_exit_code_and_takes_no_result_away(toy: Toy) -> None:
    toy.arm("inspect", "raise", times=9)
    done = toy.run("--grid", "inspected")
    assert (done.returncode, done.stderr) == (1, "")
    log = toy.root / toy.plan("inspected").cells[1].stages["inspect"] / "log.txt"
    line = "inspect north/2 methods/0 failed; no result needs it: RuntimeError: the toy was told to fail"
    assert f"{line} (log: {log})" in done.stdout.splitlines()
    assert done.stdout.count("(1/1)") == 3, "every result is shown"
    status = toy.run("status", "--grid", "inspected")
    assert status.returncode == 0
    assert status.stdout.count("1 done") == 3
    assert line in status.stdout
    toy.disarm()
    again = toy.run("--grid", "inspected", "--mode", "retry")
    assert again.returncode == 0
    assert "9 stages, 8 done before, 1 to compute" in again.stdout


def test_a_search_runs_every_variant_and_shares_their_teacher(toy: Toy) -> None:
    done = toy.run("--grid", "search", "search={taught:{method.distill:[1.0,1e-5]}}")
    assert (done.returncode, done.stderr) == (0, "")
    assert [toy.computed(kind) for kind in ("play", "study", "practise", "exam")] == [1, 1, 3, 3]
    rows = [line.split() for line in done.stdout.splitlines() if "(1/1)" in line]
    assert [row[:2] for row in rows] == [
        ["plain", "released"],
        ["taught@distill=1.0", "released"],
        ["taught@distill=1e-05", "released"],
    ]
    assert "grid search: 8 stages, 0 done before, 8 to compute" in done.stdout
    only = toy.run("plan", "--grid", "search", "--only", "*/taught@distill=1.0,lr=1e-05", "--json")
    assert [cell["method"] for cell in json.loads(only.stdout)["cells"]] == ["taught@distill=1.0,lr=1e-05"]


def test_help_shows_verbs_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_all.main(["--help"]) == 0
    text = capsys.readouterr().out
    for part in ("python run_all.py --grid demo", "exit codes", "--only", *VERBS):
        assert part in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_on_one_screen(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run_all.main([verb, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"usage: python run_all.py {verb}" in lines[0]
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    for option in VERBS[verb].options:
        assert any(option in line for line in lines)


def test_help_says_which_verbs_read_a_grid_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, file_alone in {"status": False, "report": False, "run": True, "plan": True}.items():
        assert run_all.main([verb, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "--grid NAME a file of configs/grid/" in shown
        assert ("or a grid that was run or imported" in shown) is not file_alone


@pytest.mark.parametrize("grid", [path.stem for path in sorted((PROJECT / "configs" / "grid").glob("*.yaml"))])
def test_every_grid_of_the_project_can_be_planned(
    grid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all.main(["plan", "--grid", grid, "--root", str(tmp_path / "runs"), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    cells = len(plan["settings"]["seeds"]) * len(plan["methods"]) * len(plan["environments"])
    assert len(plan["cells"]) == cells
    for cell in plan["cells"]:
        assert bool(cell["stages"]) != bool(cell["unavailable"]), "a cell has stages or a reason"


def test_every_rule_of_the_schema_is_about_a_key_that_exists() -> None:
    from benchmark.configs import Configs, leaves, plain
    from benchmark.validate import Schema

    configs, known = Configs(PROJECT / "configs"), set()
    available = [name for name in configs.members("env") if "unavailable" not in configs.read(f"env/{name}")["env"]]
    with configs.hydra():
        for environment in available:
            known |= set(leaves(plain(configs.compose([f"env={environment}"], environment))))
    for executor in configs.members("executor"):
        known |= set(leaves(configs.read(f"executor/{executor}"), "executor."))
    schema = Schema(configs.read("schema"), "schema.yaml")
    for key in (*schema.rules, *schema.between.keys()):
        assert key in known, f"configs/schema.yaml: {key} is no key of the configuration"
