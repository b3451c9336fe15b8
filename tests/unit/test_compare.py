"""Two results side by side: which cells are equal, what differs beside chance, and where a side can come from."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from benchmark.store import RunStore
from reports.build import build
from reports.frame import load
from reports.interchange.comparing import compare, summary, warnings
from reports.interchange.comparison import Comparison
from reports.interchange.comparison_tables import cell_table, pair_table
from reports.interchange.exporting import export
from reports.interchange.importing import import_results
from reports.interchange.sides import Side, side
from tests.synthetic import PROVENANCE, make_plan, noisy_level, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
SEEDS = (0, 1, 2)


def better(environment: str, method: str, seed: int) -> float:
    """As `noisy_level`, but LDD wins a tenth more games."""
    return min(1.0, noisy_level(environment, method, seed) + (0.1 if method == "ldd" else 0.0))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stores with the same grid: `ours`, where one run failed, and `theirs`, where LDD wins a tenth more games."""
    folder = tmp_path_factory.mktemp("place")
    write_runs(
        folder / "ours", make_plan(ONE, seeds=SEEDS), failed={"rtfm-s1/tabula_rasa/2": "out of memory"}, points=3
    )
    build(folder / "ours", "synthetic")
    write_runs(folder / "theirs", make_plan(ONE, seeds=SEEDS, preset="smoke"), better, points=3)
    return folder


def compared(place: Path, first: str = "ours", second: str = "theirs") -> Comparison:
    sides = (side(place / "ours", None, str(place / name)) for name in (first, second))
    return Comparison(*sides)


def test_every_cell_stands_beside_its_counterpart(place: Path) -> None:
    found = compared(place)
    ours, theirs = (load(place / name, "synthetic").cells for name in ("ours", "theirs"))
    for number, key in enumerate(found.keys):
        assert [found.value(0, key), found.value(1, key)] == pytest.approx(
            [ours["win_rate"][number], theirs["win_rate"][number]], nan_ok=True, abs=0
        )
    pairs = {pair.method: pair for pair in found.pairs}
    assert {method: pair.equal for method, pair in pairs.items()} == {"tabula_rasa": 2, "ldd": 0, "ldd_rep": 3}
    rows = {row[1].text: row for row in pair_table(found).rows}
    assert rows["LDD"][4].text.startswith("+0.1"), "B − A"
    assert rows["LDD-rep"][5].detail == "all seeds are equal"
    assert rows["Tabula rasa"][2].detail.endswith("2/3"), "what has failed is counted, and is no 0"
    assert [row[6].text for row in rows.values()] == ["2/2", "0/3", "3/3"]


def test_the_first_sentence_counts_and_names_the_widest_gap(place: Path) -> None:
    found = compared(place)
    words = summary(found)
    assert words.startswith(
        "Of 8 cells that A and B have both finished, 5 have equal scores, bit for bit; the largest "
    )
    assert "(RTFM S1, LDD, seed " in words
    assert words.endswith(" B has 1 score that the other has not.")
    assert summary(compared(place, "ours", "ours")) == (
        "All 8 cells that A and B have both finished have equal scores, bit for bit."
    )


def test_where_a_method_comes_from_stands_under_its_name_on_both_sides(place: Path, tmp_path: Path) -> None:
    for found in (pair_table(compared(place)), cell_table(compared(place))):
        assert {row[1].text: row[1].detail for row in found.rows} == {
            "Tabula rasa": "released",
            "LDD": "released",
            "LDD-rep": "ours",
        }
    table = tmp_path / "bare.csv"
    table.write_text("environment,method,seed,win_rate\nrtfm-s1,ldd,0,0.5\n")
    sides = (side(place / "ours", None, name) for name in ("synthetic", str(table)))
    tags = {row[1].text: row[1].detail for row in pair_table(Comparison(*sides)).rows}
    assert tags == {"Tabula rasa": "released", "LDD": "A released, B unknown", "LDD-rep": "ours"}


def test_different_settings_and_unknown_ones_are_told(place: Path, tmp_path: Path) -> None:
    assert warnings(compared(place)) == ["A and B were computed with different settings: preset."]
    assert warnings(compared(place, "ours", "ours")) == []
    table = tmp_path / "bare.csv"
    table.write_text("environment,method,seed,win_rate\nrtfm-s1,ldd,0,0.5\n")
    sides = (side(place / "ours", None, name) for name in ("synthetic", str(table)))
    assert warnings(Comparison(*sides)) == ["The settings of B are not known: a difference may come from them."]


def test_a_side_can_be_a_grid_a_store_a_folder_or_the_data_of_a_report(place: Path, tmp_path: Path) -> None:
    export(place / "ours", "synthetic", tmp_path / "out")
    names = ["synthetic", str(place / "ours"), str(tmp_path / "out"), str(place / "ours/grids/synthetic")]
    for name in names:
        found = Comparison(side(place / "ours", None, "synthetic"), side(place / "ours", None, name))
        assert summary(found).startswith("All 8 cells that A and B have both finished have equal scores"), name
        assert found.cells[1].keys() == found.cells[0].keys(), "what has failed is there too"


def test_the_page_is_written_whole_and_again_the_same(place: Path) -> None:
    paths = compare(place / "ours", None, ("synthetic", str(place / "theirs")))
    folder = paths[0].parent
    assert [path.name for path in paths] == ["compare.html", "compare.md"]
    assert folder.parent == place / "ours" / "compare"

    def files() -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = files()
    tables = {"tables/compare.csv", "tables/compare-cells.csv"}
    assert tables | {"figures/compare-rtfm-s1.svg", "figures/compare-rtfm-s1.json"} <= set(before)
    compare(place / "ours", None, ("synthetic", str(place / "theirs")))
    assert files() == before
    assert "different settings: preset" in before["compare.md"].decode()


def test_a_side_without_the_metric_of_the_other(place: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("environment,method,seed,score\nrtfm-s1,ldd,0,0.5\n")
    with pytest.raises(BadInput, match=r"x\.csv has no win_rate, which synthetic is about \(it has: score\)"):
        compare(place / "ours", None, ("synthetic", str(tmp_path / "x.csv")))


# commits


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs git in a project of its own, `tmp_path/project`, whatever the user has configured and a hook has set."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> str:
        named = ["-c", "user.name=x", "-c", "user.email=x@y"]
        done = subprocess.run(["git", *named, *words], cwd=tmp_path / "project", capture_output=True, check=True)
        return done.stdout.decode().strip()

    (tmp_path / "project").mkdir()
    run("init", "-q")
    run("commit", "-q", "--allow-empty", "-m", "before there were results")
    return run


def test_a_commit_means_what_it_computed_or_else_the_report_that_it_has(
    place: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    project, root = tmp_path / "project", place / "ours"
    committed = project / "reports" / "results" / "synthetic" / "data"
    committed.mkdir(parents=True)
    for name in ("cells.csv", "metrics.csv"):
        shutil.copy(root / "grids" / "synthetic" / "data" / name, committed / name)
    git("add", ".")
    git("commit", "-q", "-m", "results")
    found = side(root, "synthetic", "HEAD", project)
    assert found.source == f"reports/results/synthetic as of commit {git('rev-parse', 'HEAD')[:12]}"
    assert (found.results.scores["status"] == "done").sum() == 8
    with pytest.raises(BadInput, match=r"computed nothing of synthetic in .*, and has no reports/results/synthetic"):
        side(root, "synthetic", "HEAD~1", project)
    with pytest.raises(BadInput, match="a commit has results of many grids; name one with --grid"):
        side(root, None, "HEAD", project)

    store, mine = RunStore(tmp_path / "runs"), git("rev-parse", "HEAD")
    plan = make_plan(ONE, seeds=SEEDS)
    own = plan.cells[0].stages["evaluate"]
    store.write_provenance(own, PROVENANCE | {"commit": mine, "created": 0.0})  # the others are of another commit
    write_runs(tmp_path / "runs", plan, points=3)
    found = side(tmp_path / "runs", "synthetic", "HEAD", project)
    assert found.source.endswith(f"what commit {mine[:12]} computed of it")
    assert found.results.scores["status"].tolist() == ["done", *["missing"] * 8]
    assert found.results.scores["win_rate"].notna().tolist() == [True, *[False] * 8]


@pytest.mark.parametrize("name", ["nothing-of-this-name", "--help", "HEAD:reports"])
def test_a_name_of_nothing(place: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"is no grid of .*ours \(synthetic\), no file or folder, and no commit here"):
        side(place / "ours", None, name)


def test_a_store_with_two_grids_needs_to_be_told_which(place: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text("environment,method,seed,win_rate\nrtfm-s1,ldd,0,0.5\n")
        import_results(tmp_path / "both", tmp_path / f"{name}.csv", name)
    with pytest.raises(BadInput, match=r"which of its grids is not said \(one, two\); name one with --grid"):
        side(place / "ours", None, str(tmp_path / "both"))
    found: Side = side(place / "ours", "two", str(tmp_path / "both"))
    assert found.source.startswith("grid two in ")
