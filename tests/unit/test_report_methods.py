"""The report of every method of the paper at once: where each comes from, what it costs, and what a probe reads."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from benchmark.store import RunStore
from reports.build import write_frames
from reports.frame import GridData, load
from reports.page import Bullets, Text
from reports.pages import teachers
from reports.pages.provenance import command
from reports.tables import Cell, Column, Table
from reports.variants import variants
from reports.writing.output import ReportFolder
from tests.synthetic import TEN_METHODS, all_pages, make_plan, make_search, write_runs
from tests.toy import Toy

ENVIRONMENTS = {"rtfm-s1": "RTFM S1", "touchdown-lang": "Touchdown"}
CHANGES = {"rtfm-s1": {"learner.frames": [100_000_000, 150_000]}}
TUNED = {"name": "demo", "sha256": "ab" * 32, "values": {"rtfm-s1": {"ldd": {"method.distill": 0.1}}}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("ten")
    plan = make_plan(ENVIRONMENTS, TEN_METHODS, seeds=(0, 1), probe=True, changes=CHANGES, tuned=TUNED)
    write_runs(root, plan, points=3, failed={"rtfm-s1/ldd_no_language/1": "nan"}, skip=frozenset({"rtfm-s1/vae/0"}))
    return load(root, "synthetic")


@pytest.fixture(scope="module")
def tables(data: GridData) -> dict[str, Table]:
    return tables_of(data)


def tables_of(data: GridData) -> dict[str, Table]:
    return {table.id: table for page in all_pages(data) for table in page.tables()}


def row_of(table: Table, *headings: str) -> dict[str, Cell]:
    """A row by its first entries, as column label -> entry."""
    found = next(row for row in table.rows if tuple(cell.text for cell in row[: len(headings)]) == headings)
    return dict(zip([column.label for column in table.columns], found, strict=True))


# Where a method comes from


def untagged(data: GridData, table: Table) -> list[str]:
    """Every mention of a method in a table, its caption included, that is not followed by a word on its origin."""
    longest_first = sorted((data.method_label(method) for method in data.methods), key=len, reverse=True)
    mention = re.compile("|".join(f"(?<![\\w-]){re.escape(label)}(?![\\w-])" for label in longest_first))
    tags = "released|reimplemented|unavailable in release|ours"
    entries = [(column.label, column.note) for column in table.columns]
    entries += [(cell.text, cell.detail) for row in table.rows for cell in row]
    entries.append((table.caption, ""))
    missing = []
    for text, quiet in entries:
        for found in mention.finditer(text):
            under = found.group() == text and re.match(tags, quiet)
            behind = re.match(rf" \((?:{tags})", text[found.end() :])
            if not under and not behind:
                missing.append(f"{table.id}: {text}")
    return missing


def test_every_table_that_names_a_method_says_where_it_comes_from(data: GridData, tables: dict[str, Table]) -> None:
    assert [found for table in tables.values() for found in untagged(data, table)] == []
    naming = {
        "main", "coverage", "seeds", "metrics", "differences", "extra", "methods", "tuned", "absent", "probe", "runs",
        "demonstrations", "teachers", "teachers-vae", "teachers-cloning", "teachers-inverse",
    }  # fmt: skip
    assert naming <= set(tables)


def test_the_tables_of_a_search_say_it_too(tmp_path: Path) -> None:
    plan, _ = make_search({"ldd": "method.distill", "vae": "vae.beta"}, probe=True)
    write_runs(tmp_path, plan, points=2)
    data = load(tmp_path, "synthetic")
    found = tables_of(data)
    assert "tuning" in found
    assert [mention for table in found.values() for mention in untagged(data, table)] == []


def test_a_forgotten_tag_would_be_noticed(data: GridData, tables: dict[str, Table]) -> None:
    main = tables["main"]
    bare = dataclasses.replace(main, columns=tuple(Column(column.label) for column in main.columns))
    assert len(untagged(data, bare)) == 10


def test_the_origin_is_that_on_the_rows_environment(data: GridData, tables: dict[str, Table]) -> None:
    """The paper controlled language on Touchdown, not on RTFM."""
    seeds = tables["seeds"]
    assert row_of(seeds, "RTFM S1", "LDD, no language")["Method"].detail == "ours"
    assert row_of(seeds, "Touchdown", "LDD, no language")["Method"].detail == "reimplemented"
    notes = {column.label: column.note for column in tables["main"].columns}
    assert notes["LDD, no language"] == "ours / reimplemented"


def test_ours_stand_last_and_the_comparisons_keep_them_apart(data: GridData, tables: dict[str, Table]) -> None:
    assert data.methods[-1] == "ldd_rep"  # which the grid lists first
    assert tables["main"].columns[-1].label == "LDD-rep"
    found = next(page for page in all_pages(data) if page.id == "comparisons")
    text = "\n".join(str(block) for block in found.blocks if isinstance(block, Bullets | Text))
    papers, ours = text.index("The paper's other methods against Tabula rasa:"), text.index("Ours against Tabula rasa:")
    assert papers < text.index("LDD, initialisation only (released): ") < ours < text.index("LDD-rep (ours): ")
    assert text.count("LDD, no language (reimplemented): ") == text.count("LDD, no language (ours): ") == 1


def test_the_main_table_is_the_papers_an_environment_a_row_and_a_method_a_column(tables: dict[str, Table]) -> None:
    assert [row[0].text for row in tables["main"].rows] == ["RTFM S1", "Touchdown"]
    assert len(tables["main"].columns) == 1 + 10


# What a method costs


def test_a_shared_stage_counts_in_full_for_each_of_its_methods(tables: dict[str, Table]) -> None:
    for method in ("LDD", "LDD, initialisation only", "Reward shaping"):
        row = row_of(tables["extra"], "RTFM S1", method)
        assert (row["Demonstrations"].plain, row["Pretraining"].plain) == ("7\u202f811 1.4 s", "1\u202f500 1 min")
        assert (row["Fitted"].text, row["Extra in all"].plain) == ("48\u202f000", "55\u202f811 37%")
        assert row["Extra"].text == "1 min 1 s"


def test_own_interaction_is_listed_apart_and_counted(data: GridData, tables: dict[str, Table]) -> None:
    row = row_of(tables["extra"], "RTFM S1", "Inverse RL")
    assert row["Own interaction"].plain == "7\u202f811 1.4 s"
    assert row["Inverse model"].plain == "1\u202f900 20 s"
    cell = data.group("rtfm-s1", "inverse_rl").iloc[0]
    assert cell["extra_frames"] == 7811 + 7811 + 190_000 + 48_000
    assert cell["pretraining_updates"] == 1900 + 1500
    assert cell["extra_seconds"] == pytest.approx(1.4 + 1.4 + 20 + 60)


def test_tabula_rasa_costs_nothing_extra_and_a_probe_is_no_cost(data: GridData, tables: dict[str, Table]) -> None:
    cell = data.group("rtfm-s1", "tabula_rasa").iloc[0]
    assert (cell["extra_frames"], cell["extra_seconds"], cell["rl_frames"]) == (0, 0, 150_000)
    assert cell["seconds_probe"] > 0
    assert cell["seconds"] == pytest.approx(cell["seconds_policy"] + cell["seconds_evaluate"])
    assert ("RTFM S1", "probe") in [(row[0].text, row[1].text) for row in tables["cost"].rows]


def test_a_demonstrator_that_was_trained_is_paid_for(tmp_path: Path) -> None:
    """demos: checkpoint needs the tabula rasa run of the same seed before anything can be demonstrated."""
    plan = make_plan({"rtfm-s1": "RTFM S1"}, {name: TEN_METHODS[name] for name in ("tabula_rasa", "ldd")}, seeds=(0,))
    alone, taught = plan.cells
    demonstrations = dataclasses.replace(
        plan.stages[taught.stages["demonstrations"]], parents={"demonstrator": alone.stages["policy"]}
    )
    stages, keys = dict(plan.stages), {"demonstrator": alone.stages["policy"], "demonstrations": demonstrations.key}
    stages[demonstrations.key] = demonstrations
    for name, parent in (("pretrain", "demonstrations"), ("policy", "pretrain"), ("evaluate", "policy")):
        stage = dataclasses.replace(plan.stages[taught.stages[name]], parents={parent: keys[parent]})
        keys[name], stages[stage.key] = stage.key, stage
    cells = (alone, dataclasses.replace(taught, stages=keys))
    write_runs(tmp_path, dataclasses.replace(plan, cells=cells, stages=stages).only(cells), points=2)
    data = load(tmp_path, "synthetic")
    assert data.group("rtfm-s1", "ldd").iloc[0]["demonstrator_frames"] == 150_000
    assert row_of(tables_of(data)["extra"], "RTFM S1", "LDD")["Demonstrator"].text == "150\u202f000"
    assert data.pipeline.index("demonstrator") < data.pipeline.index("demonstrations")


def test_what_is_not_recorded_is_a_dash_and_not_a_zero(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0,))
    store = write_runs(tmp_path, plan, points=2)
    for key, stage in plan.stages.items():
        if stage.kind == "pretrain":
            path = store.folder(key) / "result.json"
            path.write_text(path.read_text().replace('"fitted_frames"', '"forgotten"'))
    row = row_of(tables_of(load(tmp_path, "synthetic"))["extra"], "RTFM S1", "LDD")
    assert (row["Fitted"].text, row["Extra in all"].text) == ("–", "–")
    assert row["Pretraining"].text == "1\u202f500"


def test_own_play_that_is_also_the_demonstrations_is_paid_once(tmp_path: Path) -> None:
    """demos: random needs no other interaction for the inverse model: one stage under two names."""
    random = {"inverse_rl": {**TEN_METHODS["inverse_rl"], "demos": "random"}}
    plan = make_plan({"rtfm-s1": "RTFM S1"}, random, seeds=(0,))
    stages = plan.cells[0].stages
    assert stages["demonstrations"] == stages["interaction"]
    write_runs(tmp_path, plan, points=2)
    data = load(tmp_path, "synthetic")
    cell = data.group("rtfm-s1").iloc[0]
    assert (cell["demonstration_frames"], cell["interaction_frames"]) == (7811, 0)
    assert cell["extra_frames"] == 7811 + 190_000 + 48_000
    assert cell["extra_seconds"] == pytest.approx(1.4 + 20 + 60)
    assert cell["seconds"] == pytest.approx(1.4 + 20 + 60 + cell["seconds_policy"] + cell["seconds_evaluate"])
    assert cell["attempts"] == len(set(stages.values()))
    row = row_of(tables_of(data)["extra"], "RTFM S1", "Inverse RL")
    assert (row["Demonstrations"].text, row["Own interaction"].plain) == ("7\u202f811", "0 the demonstrations")


# What was pretrained, and what a probe reads from it


def test_each_kind_of_pretraining_has_its_own_table(tables: dict[str, Table]) -> None:
    shared = "Reward shaping (reimplemented); LDD (released); LDD, initialisation only (released); "
    shared += "LDD, distillation only (released)"
    rows = [(row[0].text, row[1].text) for row in tables["teachers"].rows if row[0].text == "RTFM S1"]
    assert {methods for _, methods in rows} == {
        shared,
        "LDD, no language (ours)",
        "LDD, non-expert (unavailable in release)",
        "LDD-rep (ours)",
    }
    vae = row_of(tables["teachers-vae"], "RTFM S1")
    assert [vae[name].text for name in ("Token accuracy", "KL divergence", "ELBO", "Score")] == [
        "0.9610",
        "12.400",
        "−31.500",
        "−20.340",
    ]
    cloning = row_of(tables["teachers-cloning"], "RTFM S1")
    assert [cloning[n].text for n in ("Agreement", "Always the most frequent label", "Gain")] == [
        "0.6400",
        "0.3100",
        "+0.3300",
    ]
    inverse = row_of(tables["teachers-inverse"], "RTFM S1")
    assert (inverse["Accuracy"].text, inverse["Converged"].text) == ("0.8300", "2 of 2")


def test_a_measure_of_no_model_has_no_column_and_is_not_explained(data: GridData, tables: dict[str, Table]) -> None:
    """A screen of letters is no grid of things; with one model that tells of things, the column is there for all."""
    measures = ["Teacher", "Copying the last frame", "Gain", "On changed tokens", "Best update"]
    assert [column.label for column in tables["teachers"].columns[3:]] == measures
    assert not any("On things" in note for note in tables["teachers"].notes)
    one = next(v for v in variants(data, "pretrain") if v.methods == ("ldd_no_language",)).keys[0]
    metrics = [
        {**own, "valid/accuracy_entities": 0.75} if key == one else own
        for key, own in data.stages[["key", "metrics"]].itertuples(index=False)
    ]
    page = teachers.page(dataclasses.replace(data, stages=data.stages.assign(metrics=metrics)))
    table = next(table for table in page.tables() if table.id == "teachers")
    assert [column.label for column in table.columns[3:]] == [*measures[:4], "On things", "Best update"]
    assert {row[7].text for row in table.rows} == {"0.7500", "–"}
    assert any("On things: where cells hold entities" in note for note in table.notes)


def test_a_model_that_reports_nothing_known_breaks_no_report(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS, seeds=(0,), probe=True)
    store = write_runs(tmp_path, plan, points=2)
    for key, stage in plan.stages.items():
        if stage.kind not in ("policy", "evaluate"):
            path = store.folder(key) / "result.json"
            path.write_text(re.sub(r'"metrics": \{[^}]*\}', '"metrics": {"odd": 1}', path.read_text()))
    found = tables_of(load(tmp_path, "synthetic"))
    assert [column.label for column in found["teachers-vae"].columns[3:]] == ["Token accuracy"]
    assert {cell.text for cell in found["teachers-vae"].rows[0][3:]} == {"–"}
    assert {cell.text for cell in found["probe"].rows[0][4:]} == {"–"}


def test_a_probe_is_shown_per_pretraining_beside_the_majority_move(tables: dict[str, Table]) -> None:
    table = tables["probe"]
    assert [column.label for column in table.columns[4:]] == ["rep", "pooled", "spatial", "Majority move"]
    on_rtfm = [row for row in table.rows if row[0].text == "RTFM S1"]
    kinds = [(row[1].text, row[1].detail) for row in on_rtfm]
    assert kinds[0] == ("none", "untrained network")
    assert set(kinds[1:]) == {
        ("vae", ""), ("inverse_bc", ""), ("dynamics", ""), ("dynamics", "no language"), ("dynamics", "head rep"),
        ("dynamics", "random demonstrations"),
    }  # fmt: skip
    assert all(row[3].text == "2/2" for row in on_rtfm)
    assert all(row[-1].text == "0.290" for row in on_rtfm)


def test_without_a_probe_there_is_no_page_for_it(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0,))
    write_runs(tmp_path, plan, points=2)
    assert "diagnostics" not in [page.id for page in all_pages(load(tmp_path, "synthetic"))]


# Settings that a search has chosen


def test_the_settings_that_a_search_chose_are_shown_with_their_file(data: GridData, tables: dict[str, Table]) -> None:
    row = [cell.plain for cell in tables["tuned"].rows[0]]
    assert row == ["RTFM S1", "LDD released", "`method.distill`", "0.1 changed", "1.0"]
    assert "`configs/tuned/demo.yaml`, which also lists every candidate" in tables["tuned"].notes[0]
    assert "abababababab" in tables["tuned"].notes[0]


def test_the_methods_table_marks_what_a_search_changed_and_only_that(tables: dict[str, Table]) -> None:
    marked = {row[0].text for row in tables["methods"].rows if any(cell.detail.startswith("tuned") for cell in row[1:])}
    assert marked == {"LDD"}
    assert row_of(tables["methods"], "LDD")["distill"].plain == "1.0 tuned, see below"


def test_candidates_are_shown_where_the_plan_carries_them(tmp_path: Path) -> None:
    listed = [{"vae.beta": 1.0, "win_rate": 0.31, "n": 1}, {"vae.beta": 0.1, "win_rate": 0.33, "n": 1}]
    about = {"values": {"rtfm-s1": {"vae": {"vae.beta": 0.1}}}, "candidates": {"rtfm-s1": {"vae": listed}}}
    plan = make_plan(ENVIRONMENTS, {"vae": TEN_METHODS["vae"]}, seeds=(0,), tuned={**TUNED, **about})
    write_runs(tmp_path, plan, points=2)
    row = [cell.plain for cell in tables_of(load(tmp_path, "synthetic"))["tuned"].rows[0][2:]]
    assert row == ["`vae.beta`", "0.1 changed", "1.0", "1.0: 0.310; 0.1: 0.330"]


def text_of(data: GridData, page: str) -> str:
    found = next(p for p in all_pages(data) if p.id == page)
    return "\n".join(block.text for block in found.blocks if isinstance(block, Text))


def test_methods_that_differ_in_a_coefficient_beside_their_switch_are_named(data: GridData) -> None:
    for page in ("protocol", "comparisons"):
        text = text_of(data, page)
        assert "may differ in λ (`method.distill`) as well" in text
        assert "On RTFM S1 `method.distill` is 0.1 with LDD (released)" in text
        assert "1.0 with LDD, distillation only (released); LDD, no language (ours)" in text
        assert "initialisation only" not in text  # it has no λ
        assert "Touchdown" not in text


def test_where_all_use_the_default_nothing_is_said_of_it(tmp_path: Path) -> None:
    about = {**TUNED, "values": {"rtfm-s1": {"ldd": {"method.distill": 1.0}}}}
    write_runs(tmp_path, make_plan(ENVIRONMENTS, TEN_METHODS, seeds=(0,), tuned=about), points=2)
    data = load(tmp_path, "synthetic")
    assert "differ in λ" not in text_of(data, "protocol") + text_of(data, "comparisons")
    assert row_of(tables_of(data)["methods"], "LDD")["distill"].detail == ""


def test_the_command_repeats_the_tuned_file_and_the_search(data: GridData, tmp_path: Path) -> None:
    assert "tuned=demo claims=null search=null" in command(data)
    plan, _ = make_search({"ldd": "method.distill", "vae": "vae.beta"}, (1.0, 0.1))
    write_runs(tmp_path, plan, points=2)
    words = shlex.split(command(load(tmp_path, "synthetic")))
    assert "methods=[ldd,vae]" in words
    assert "tuned=null" in words
    assert "search={ldd:{method.distill:[1.0,0.1]},vae:{vae.beta:[1.0,0.1]}}" in words


def test_a_grid_named_on_the_command_line_is_repeated_from_its_file(toy: Toy) -> None:
    plan = toy.plan("toy", "name=tiny", "envs=[north]", "seeds=2", "learner.lr=0.125")
    store = RunStore(toy.root)
    store.write_plan(plan)
    line = shlex.split(command(load(toy.root, "tiny")))
    assert line[2:5] == ["--grid", "toy", "name=tiny"]
    again = toy.run("plan", *line[2:], "--json")
    assert again.returncode == 0, again.stderr
    assert set(json.loads(again.stdout)["stages"]) == set(plan.stages)
    assert toy.plan(line[3], *line[4:]) == plan
    store.write_plan(toy.plan("toy"))
    assert shlex.split(command(load(toy.root, "toy")))[2:5] == ["--grid", "toy", "envs=[north,far-south]"]


def test_files_for_others_hold_flags_as_numbers_and_what_was_applied(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS, seeds=(0,)), points=2)
    write_frames(ReportFolder(tmp_path / "out"), load(tmp_path, "synthetic"))
    metrics = pd.read_csv(tmp_path / "out" / "data" / "metrics.csv")
    assert metrics["value"].dtype == float
    assert metrics[metrics["metric"] == "converged"]["value"].tolist() == [1.0]
    cells = pd.read_csv(tmp_path / "out" / "data" / "cells.csv").set_index("method")
    assert cells.loc["reward_shaping", ["provenance", "initialise", "shaping"]].tolist() == [
        "reimplemented",
        False,
        0.01,
    ]
    stages = pd.read_csv(tmp_path / "out" / "data" / "stages.csv")
    assert {"commit", "dirty"} <= set(stages.columns) & set(cells.columns)
