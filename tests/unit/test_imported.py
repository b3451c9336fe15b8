"""Results that leave a store and come into another: what is kept, what is refused, and what is never made up."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.errors import BadInput
from benchmark.store import RunStore
from reports.build import build
from reports.frame import GridData, load
from reports.interchange.exporting import export
from reports.interchange.files import read
from reports.interchange.importing import import_results
from reports.interchange.results import Results, of_grid
from reports.writing.render import to_markdown
from tests.synthetic import METHODS, all_pages, make_plan, write_runs

FAILED = {
    "rtfm-s1/tabula_rasa/1": "ValueError: loss is nan | frame 90000",
    "demonstrations:rtfm-s1/2": "OSError: no space left",
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    """A grid with all that can become of cells: five done, one failed, two blocked, one missing, three unavailable."""
    root = tmp_path_factory.mktemp("ours")
    methods = {**METHODS, "vae": {"label": "VAE", "provenance": "reimplemented"}}
    plan = make_plan({"rtfm-s1": "RTFM S1"}, methods, unavailable={"vae": "not built yet"})
    write_runs(root, plan, skip=frozenset({"rtfm-s1/tabula_rasa/2"}), failed=FAILED, points=5)
    return load(root, "synthetic")


def imported(path: Path, root: Path, headline: str | None = None) -> GridData:
    import_results(root, path, "theirs", headline)
    return load(root, "theirs")


def written(folder: Path, text: str, name: str = "scores.csv") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def assert_equal(first: Results, second: Results) -> None:
    """In every cell and every point, down to the last bit."""
    pd.testing.assert_frame_equal(first.scores, second.scores, check_dtype=False, check_exact=True)
    order = ["environment", "method", "seed", "metric", "frames"]
    curves = (one.curves.sort_values(order).reset_index(drop=True) for one in (first, second))
    pd.testing.assert_frame_equal(*curves, check_dtype=False, check_exact=True)


# there and back


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_what_is_exported_and_imported_is_the_same(ours: GridData, tmp_path: Path, format: str) -> None:
    export(ours.root, "synthetic", tmp_path / "out", format)
    theirs = imported(tmp_path / "out", tmp_path / "root")
    assert_equal(of_grid(ours), of_grid(theirs))
    assert theirs.cells["status"].value_counts().to_dict() == {
        "done": 5,
        "unavailable": 3,
        "blocked": 2,
        "failed": 1,
        "missing": 1,
    }
    reasons = dict(zip(theirs.cells["status"], theirs.cells["reason"], strict=True))
    assert reasons["failed"] == "policy: ValueError: loss is nan | frame 90000"
    assert reasons["blocked"] == "demonstrations: OSError: no space left"
    assert (theirs.headlines(), theirs.games_label) == (["win_rate"], "held-out games")
    assert theirs.method_names(["ldd", "ldd_rep"]) == "LDD (released); LDD-rep (ours)"


def test_the_tables_of_a_report_on_imported_results_are_those_of_the_original(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out")
    import_results(tmp_path / "root", tmp_path / "out", "theirs")
    build(ours.root, "synthetic")
    build(tmp_path / "root", "theirs")
    for table in ("main", "seeds", "coverage"):
        there, here = (folder / "tables" / f"{table}.csv" for folder in (ours.folder, tmp_path / "root/grids/theirs"))
        assert here.read_text(encoding="utf-8") == there.read_text(encoding="utf-8"), table


def test_the_report_says_that_nothing_of_it_was_computed_here(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out")
    import_results(tmp_path / "root", tmp_path / "out", "theirs")
    build(tmp_path / "root", "theirs")
    text = (tmp_path / "root/grids/theirs/report.md").read_text(encoding="utf-8")
    digest = load(tmp_path / "root", "theirs").plan.settings["imported"]["sha256"]
    assert f"imported from out (SHA-256 {digest[:12]}); nothing of them was computed or checked here" in text
    assert "--grid theirs 'envs=" not in text, "no command computes it"
    assert "over all cells, what they share counted for each" in text, "of shared stages only the cells tell the time"


def test_how_imported_games_were_played_and_checkpoints_chosen_is_not_known(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out")
    theirs = imported(tmp_path / "out", tmp_path / "root")
    words = ("last checkpoint", "no checkpoint is chosen", "fixed list", "no decision reads", "sampling policy")
    words += ("plays the same evaluation games with both methods",)
    here, there = (to_markdown("report", all_pages(data)) for data in (ours, theirs))
    assert [word for word in words if word not in here] == []
    assert [word for word in words if word in there] == []
    assert "which checkpoint they are of, how it was chosen and whether all methods played the same games" in there
    assert "The curves are imported: how their games were chosen and played is not known here." in there


def test_a_bare_table_is_enough_and_what_it_does_not_say_stays_unknown(tmp_path: Path) -> None:
    path = written(tmp_path, "environment,method,seed,score\nmaze,PPO (theirs),0,0.5\nmaze,PPO (theirs),1,0.7\n")
    theirs = imported(path, tmp_path / "root")
    assert theirs.headline("maze") == "score"
    assert theirs.cells["score"].tolist() == [0.5, 0.7]
    assert theirs.method_label("PPO-theirs") == "PPO (theirs)", "a cell's name has no blank"
    assert theirs.provenance_tag("PPO-theirs") == "unknown"
    assert theirs.games_label == "evaluation games", "nobody says that they were held out"
    for column in ("seconds", "rl_frames", "extra_frames"):
        assert theirs.cells[column].isna().all(), column
    for column in ("commit", "dirty", "deterministic", "device", "finished", "run"):
        assert of_grid(theirs).scores[column].isna().all(), column
    build(tmp_path / "root", "theirs")
    report = (tmp_path / "root/grids/theirs/report.md").read_text(encoding="utf-8")
    assert "Settings: unknown: the imported file does not say them" in report
    assert "0.0 s" not in report, "an unknown time is no short one"
    assert "Determinism: unknown of 4 imported runs" in report


def test_a_failure_that_somebody_tells_is_a_failure(tmp_path: Path) -> None:
    rows = "maze,a,0,done,,0.5\nmaze,a,1,failed,out of memory,\nmaze,a,2,missing,,\nmaze,a,3,unavailable,,\n"
    theirs = imported(written(tmp_path, f"environment,method,seed,status,reason,score\n{rows}"), tmp_path / "root")
    assert theirs.cells["status"].tolist() == ["done", "failed", "missing", "unavailable"]
    assert theirs.cells["reason"].tolist()[1:] == [
        "policy: out of memory", "not among what was imported", "not said why",
    ]  # fmt: skip


def test_the_runs_name_the_file_that_they_were_read_from(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out")
    theirs = imported(tmp_path / "out", tmp_path / "root")
    digest = theirs.plan.settings["imported"]["sha256"]
    store, there = RunStore(tmp_path / "root"), ours.cells.set_index("method")["key"]
    for cell in theirs.plan.cells:
        for key in cell.stages.values():
            assert theirs.plan.stages[key].kind == "imported"
            found = store.provenance(key)
            assert found is not None
            assert (found["imported"]["file"], found["imported"]["sha256"]) == ("out", digest)
    result = theirs.plan.cells[3].stages["result"]
    found = store.provenance(result)
    assert found is not None
    assert found["imported"]["run"] == there["ldd"].iloc[0], "its run folder where it was computed"


def test_a_second_import_of_the_same_changes_nothing_and_of_something_else_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "environment,method,seed,score\nmaze,a,0,0.5\n")
    imported(path, tmp_path / "root")
    before = {one: one.stat().st_mtime_ns for one in (tmp_path / "root").glob("*/*.json")}
    imported(path, tmp_path / "root")
    assert {one: one.stat().st_mtime_ns for one in (tmp_path / "root").glob("*/*.json")} == before
    written(tmp_path, "environment,method,seed,score\nmaze,a,0,0.6\n")
    with pytest.raises(BadInput, match="theirs is another grid's; choose another name"):
        imported(path, tmp_path / "root")
    assert load(tmp_path / "root", "theirs").cells["score"].tolist() == [0.5]


def test_an_exported_folder_has_the_files_of_its_format_alone(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out", "csv")
    export(ours.root, "synthetic", tmp_path / "out", "parquet")
    assert sorted(path.name for path in tmp_path.glob("out/*")) == ["curves.parquet", "grid.json", "scores.parquet"]


def test_a_table_of_scores_opens_with_what_one_looks_for(ours: GridData, tmp_path: Path) -> None:
    export(ours.root, "synthetic", tmp_path / "out", "csv")
    lines = (tmp_path / "out" / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("environment,method,seed,status,reason,win_rate,")
    assert len(lines) == 1 + 12, "a row per planned cell"
    curves = gzip.decompress((tmp_path / "out" / "curves.csv.gz").read_bytes()).decode().splitlines()
    assert curves[0] == "environment,method,seed,frames,metric,value"


# what cannot be read

HEAD = "environment,method,seed,status,win_rate\n"
WRONG = {
    "": "is empty, expected a line of column names and a line per run",
    HEAD: "has no rows; there is nothing to read",
    "environment,method,win_rate\nmaze,a,0.5\n": "has no column 'seed' (it has: environment, method, win_rate)",
    "environment,method,seeed,win_rate\nmaze,a,0,0.5\n": "has no column 'seed'; did you mean its 'seeed'? (it has: …",
    "environment,method,seed,status\nmaze,a,0,done\n": "has no column of scores beside environment, method, …",
    "environment,method,seed,win_rate,win_rate\nmaze,a,0,1,1\n": "has two columns 'win_rate'; drop or rename one",
    f"{HEAD}maze,a,0,done,0.5\nmaze,a,1,done\n": "line 3: it has 4 values for 5 columns",
    f"{HEAD}maze,a,0,done,0.5\nmaze,b,0,done,0.5\nmaze,a,0,done,0.6\n": "line 4: maze/a/0 is there twice, first in …",
    f"{HEAD}maze,a,0,done,high\n": "line 2: win_rate is 'high', expected a number, or nothing where there is none",
    f"{HEAD}maze,a,0,done,NaN\n": "line 2: win_rate is 'NaN', expected a number, or nothing where there is none",
    f"{HEAD}maze,a,0,done,inf\n": "line 2: win_rate is 'inf', expected a number, or nothing where there is none",
    f"{HEAD}maze,a,0,done,\n": "line 2: win_rate is empty; give the number, or say what became of the run in a …",
    f"{HEAD}maze,a,0,failed,0.5\n": "line 2: status is failed, but win_rate has a value; only what is done has scores",
    f"{HEAD}maze,a,first,done,0.5\n": "line 2: seed is 'first', expected a whole number from 0",
    f"{HEAD}maze,a,1.5,done,0.5\n": "line 2: seed is '1.5', expected a whole number from 0",
    f"{HEAD}maze,a,-1,done,0.5\n": "line 2: seed is '-1', expected a whole number from 0",
    f"{HEAD}maze,,0,done,0.5\n": "line 2: method is empty, expected a name",
    f"{HEAD}maze,a,0,finished,0.5\n": "line 2: unknown status 'finished' (valid: blocked, done, …",
    "environment,method,seed,win_rate,notes\nmaze,a,0,0.5,fine\n": "line 2: notes is 'fine', expected a number, …",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=[words.partition(";")[0][:40] for words in WRONG.values()])
def test_a_wrong_table_gets_one_line_and_no_grid(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        imported(path, tmp_path / "root")
    expected, words = WRONG[text], str(caught.value).removeprefix(str(path)).lstrip(", ")
    assert words == expected or (expected.endswith("…") and words.startswith(expected.removesuffix("…")))
    assert "\n" not in words
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("scores.parquet", b"PK no parquet", "is no Parquet file ("),
        ("scores.csv", b"environment,method\xff\xfe", "cannot be read as text in UTF-8 ("),
        ("curves.csv.gz", b"not packed", "cannot be read as text in UTF-8 ("),
        ("scores.txt", b"environment", "is neither .csv, .parquet nor .json; rename it as what it is"),
        ("runs.json", b"", "is empty"),
        ("runs.json", b"{maze: 1}", "is no JSON ("),
    ],
)
def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} {words}")
    assert "\n" not in str(caught.value)


def test_a_place_without_results(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere is not there; name a \.csv, \.parquet or \.json file, or a folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"has neither scores\.csv nor scores\.parquet"):
        read(tmp_path)


def test_parquet_rows_are_counted_from_one(tmp_path: Path) -> None:
    table = pd.DataFrame({"environment": ["maze", "maze"], "method": "a", "seed": [0, 1], "win_rate": [0.5, math.inf]})
    table.to_parquet(tmp_path / "scores.parquet")
    with pytest.raises(BadInput, match=r"scores\.parquet, row 2: win_rate is 'inf', expected a number"):
        read(tmp_path / "scores.parquet")


def test_which_metric_tables_show_is_said_or_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "environment,method,seed,steps,goals\nmaze,a,0,9,1\n")
    with pytest.raises(BadInput, match="which metric tables show is not said; name it with --metric: steps, goals"):
        imported(path, tmp_path / "root")
    with pytest.raises(BadInput, match="unknown metric 'golas'; did you mean 'goals'"):
        imported(path, tmp_path / "root", "golas")
    assert imported(path, tmp_path / "root", "goals").headline("maze") == "goals"


def curve_line(**changes: Any) -> str:
    row = {"environment": "maze", "method": "a", "seed": "0", "frames": "10", "metric": "test/win_rate", "value": "0.5"}
    return ",".join([*row]) + "\n" + ",".join(str(value) for value in {**row, **changes}.values()) + "\n"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": "7"}, "line 2: it is of maze/a/7, of which there is no row of scores"),
        ({"frames": "soon"}, "line 2: frames is 'soon', expected a whole number from 0"),
        ({"value": ""}, "line 2: value is empty; leave the row out"),
        ({"value": "nan"}, "line 2: value is 'nan', expected a number, or nothing where there is none"),
        ({"metric": ""}, "line 2: metric is empty, expected a name"),
    ],
)
def test_a_wrong_curve_gets_one_line(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    written(tmp_path, f"{HEAD}maze,a,0,done,0.5\n")
    (tmp_path / "curves.csv.gz").write_bytes(gzip.compress(curve_line(**changes).encode()))
    with pytest.raises(BadInput) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'curves.csv.gz'}, {words}"


def test_a_grid_file_that_was_edited(tmp_path: Path) -> None:
    written(tmp_path, f"{HEAD}maze,a,0,done,0.5\n")
    written(tmp_path, json.dumps({"grid": "mine"}), "grid.json")
    with pytest.raises(BadInput, match=r"grid\.json is not of `export`"):
        read(tmp_path)
    written(tmp_path, json.dumps({"format": "LDD-Bench results, version 1", "grid": 3}), "grid.json")
    with pytest.raises(BadInput, match=r"grid\.json: grid is 3, expected a str"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["../x", ".x", "a b", ""])
def test_a_name_that_is_no_folder(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, f"{HEAD}maze,a,0,done,0.5\n")
    with pytest.raises(BadInput, match="expected letters, digits and any of _ "):
        import_results(tmp_path / "root", path, name)


def test_two_names_that_become_one(tmp_path: Path) -> None:
    path = written(tmp_path, f"{HEAD}maze,a b,0,done,0.5\nmaze,a-b,0,done,0.5\n")
    with pytest.raises(BadInput, match="method 'a-b' and 'a b' are both 'a-b' in a grid; rename one"):
        imported(path, tmp_path / "root")


def test_a_place_that_cannot_be_written(ours: GridData, tmp_path: Path) -> None:
    written(tmp_path, "mine", "notes")
    for place, format, words in (
        (tmp_path / "out.csv", "csv", "is a file, and csv is a folder of several"),
        (tmp_path / "notes", "parquet", "is a file, and parquet is a folder of several"),
        (tmp_path / "notes" / "out", "csv", "cannot be made"),
        (tmp_path, "marl-eval", "is a folder, expected a file such as"),
    ):
        with pytest.raises(BadInput, match=words):
            export(ours.root, "synthetic", place, format)
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "mine"
