"""One row per environment, one column per method, however many methods there are; nothing is left blank."""

from __future__ import annotations

from pathlib import Path

from benchmark.spec import Plan
from benchmark.store import RunStore
from reports.frame import GridData, load
from reports.pages.results import main_table
from tests.synthetic import ENVIRONMENTS, TEN_METHODS, make_plan, make_search


def planned(root: Path, plan: Plan) -> GridData:
    """A grid of which nothing is computed yet."""
    RunStore(root).write_plan(plan)
    return load(root, "synthetic")


def test_ten_methods_are_ten_columns(tmp_path: Path) -> None:
    table = main_table(planned(tmp_path, make_plan(ENVIRONMENTS, TEN_METHODS, unavailable={"vae": "not built yet"})))
    assert [column.label for column in table.columns[:3]] == ["Environment", "Tabula rasa", "VAE pretraining"]
    assert len(table.columns) == 11
    assert [column.note for column in table.columns[-2:]] == ["ours", "ours"]  # the paper's own stand first
    assert [row[0].text for row in table.rows] == ["Messenger S1", "RTFM S1"]
    assert {cell.plain for row in table.rows for cell in row[1:]} == {"– missing · 0/3", "– unavailable · 0/3"}


def test_what_is_missing_is_said_in_every_format(tmp_path: Path) -> None:
    table = main_table(planned(tmp_path, make_plan(unavailable={"ldd": "not built yet"})))
    for text in (table.to_markdown(), table.to_csv(), table.to_latex(), table.to_html()):
        assert text.count("missing") == 4
        assert text.count("unavailable") == 2


def test_the_candidates_of_a_search_are_rows(tmp_path: Path) -> None:
    plan, of_method = make_search({"ldd": "method.distill", "reward_shaping": "method.shaping"})
    table = main_table(planned(tmp_path, plan))
    assert len(table.rows) == sum(map(len, of_method.values())) == 6
    assert [column.label for column in table.columns[1:]] == list(ENVIRONMENTS.values())
