"""An environment whose name begins with another's: no number, table row or figure of one has a run of the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.frame import GridData, load
from reports.page import Page
from reports.tuning import searches
from tests.synthetic import all_pages, make_plan, make_search, write_runs

NAMES = {"messenger-s1": "Messenger S1", "messenger-s1-emma": "Messenger S1 (EMMA)", "s1": "S1"}
LEVELS = {"messenger-s1": 0.2, "messenger-s1-emma": 0.8, "s1": 0.5}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("names")
    write_runs(
        root, make_plan(NAMES, probe=True), lambda environment, _, seed: LEVELS[environment] + 0.01 * seed, points=4
    )
    return load(root, "synthetic")


@pytest.fixture(scope="module")
def pages(data: GridData) -> list[Page]:
    return all_pages(data)


def runs_of(data: GridData) -> dict[str, set[str]]:
    """Environment -> the keys of all of its runs."""
    found: dict[str, set[str]] = {}
    for cell in data.plan.cells:
        found.setdefault(cell.environment, set()).update(cell.stages.values())
    return found


def test_every_row_about_an_environment_rests_on_its_own_runs(data: GridData, pages: list[Page]) -> None:
    own, seen = runs_of(data), set()
    for page in pages:
        for table in page.tables():
            place = next((n for n, column in enumerate(table.columns) if column.label == "Environment"), None)
            for row in table.rows if place is not None else ():
                environment = next((name for name, label in NAMES.items() if label == row[place].text), None)
                used = {key for cell in row for key in cell.runs}
                if environment is not None and used:
                    assert used <= own[environment], (table.id, environment)
                    seen.add((table.id, environment))
    assert {environment for table, environment in seen if table == "main"} == set(NAMES)
    assert len({table for table, _ in seen}) >= 5, seen


def test_every_figure_of_an_environment_rests_on_its_own_runs(data: GridData, pages: list[Page]) -> None:
    own, kinds = runs_of(data), set()
    for page in pages:
        for figure in page.figures():
            for environment in NAMES:
                kind = figure.id.removesuffix(f"-{environment}")
                if figure.title.endswith(f", {NAMES[environment]}") and kind != figure.id:
                    assert set(figure.runs) <= own[environment], figure.id
                    kinds.add((kind, environment))
    assert {kind for kind, _ in kinds} >= {"scores", "curves", "spread", "difference"}
    assert len(kinds) % len(NAMES) == 0, "every kind for every environment"


def test_the_main_tables_numbers_are_each_environments_own(pages: list[Page]) -> None:
    main = next(table for page in pages for table in page.tables() if table.id == "main")
    means = {row[0].text: {cell.text for cell in row[1:]} for row in main.rows}
    assert means == {"Messenger S1": {"0.210"}, "Messenger S1 (EMMA)": {"0.810"}, "S1": {"0.510"}}


def test_a_search_chooses_for_each_environment_from_its_own_candidates(tmp_path: Path) -> None:
    plan, of_method = make_search({"ldd": "method.distill"}, (1.0, 0.1), environments=NAMES)
    default, other = of_method["ldd"]
    best = {"messenger-s1": default, "messenger-s1-emma": other, "s1": default}
    write_runs(tmp_path, plan, lambda e, method, _: 0.9 if method == best[e] else 0.1, points=2)
    chosen = {search.environment: search.chosen for search in searches(load(tmp_path, "synthetic"))}
    assert {name: one.method for name, one in chosen.items() if one is not None} == best
