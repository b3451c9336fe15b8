"""The notebooks as they are stored, and a claim of one's own tried on a grid."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.claims import read_claims
from benchmark.configs import Configs
from reports.claims import strip
from reports.claims.trial import as_file, claim, tried
from reports.frame import GridData, load
from reports.notebooks import GRID, ROOT, chosen
from reports.notebooks.render import FOLDER, main
from tests.synthetic import make_plan, write_runs
from tests.toy import PROJECT

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LEVELS = {"tabula_rasa": (0.20, 0.22, 0.24), "ldd": (0.618, 0.62, 0.622), "ldd_rep": (0.616, 0.62, 0.624)}


def cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("own")
    write_runs(root, make_plan(), points=4, win_rate=lambda _environment, method, seed: LEVELS[method][seed])
    return load(root, "synthetic")


def test_there_are_the_four_of_the_issue() -> None:
    names = [path.stem for path in NOTEBOOKS]
    assert names == ["1_overview", "2_environment", "3_ablations", "4_your_own_claim"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_output(path: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_imports_reports_alone(path: Path) -> None:
    code = ["".join(cell["source"]) for cell in cells(path)]
    assert sum(len(text.splitlines()) for text in code) <= 40
    nodes = [node for text in code for node in ast.walk(ast.parse(text))]
    assert not any(isinstance(node, ast.Import) for node in nodes)
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert modules
    assert {str(module).partition(".")[0] for module in modules} == {"reports"}


def test_the_environment_chooses_the_grid(data: GridData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT, str(data.root))
    monkeypatch.setenv(GRID, "synthetic")
    assert chosen().plan.grid == "synthetic"


def test_a_grid_that_was_never_run_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["render", "--grid", "demo", "--root", str(tmp_path)])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "grid 'demo' has not been run" in error


def own(data: GridData, method: str, against: str) -> dict[str, Any]:
    return claim("One wins more games than the other.", method, [against], data.environments)


@pytest.mark.parametrize(
    ("method", "against", "status"),
    [("ldd", "tabula_rasa", "SUPPORTED"), ("tabula_rasa", "ldd", "REFUTED"), ("ldd_rep", "ldd", "REFUTED")],
)
def test_a_claim_of_ones_own_is_tried_on_results_that_exist(
    data: GridData, method: str, against: str, status: str
) -> None:
    result = tried(data, own(data, method, against))
    assert [one.status for one in result.claims] == [status]
    assert all(one.exploratory for one in result.claims), "it was not registered before the results"
    shown = strip(result).to_markdown()
    assert "Tried on finished results: exploratory." in shown
    assert "not recorded" not in shown


def test_a_misspelt_method_is_named(data: GridData) -> None:
    with pytest.raises(ValueError, match="method 'lddd' is not in grid 'synthetic', which has tabula_rasa, ldd"):
        tried(data, own(data, "lddd", "tabula_rasa"))


def test_the_file_of_a_claim_is_one_that_the_harness_reads(data: GridData, tmp_path: Path) -> None:
    for path in (PROJECT / "configs").rglob("*.yaml"):
        copy = tmp_path / "configs" / path.relative_to(PROJECT / "configs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    content = claim("LDD wins more games.", "ldd", ["tabula_rasa"], data.environments, name="ldd-wins")
    (tmp_path / "configs" / "claims" / "mine.yaml").write_text(as_file(content), encoding="utf-8")
    assert read_claims(Configs(tmp_path / "configs"), "mine")["content"] == content
    assert content["claims"]["ldd-wins"]["exploratory"] is False, "registered before the results, it is no longer"
