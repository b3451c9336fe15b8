"""Recordings that are left out are counted where a person looks: in the report and at the end of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli.show import skipped_lines
from benchmark.spec import Plan
from benchmark.store import RunStore
from reports.frame import load
from reports.pages import teachers
from reports.writing.render import to_markdown
from tests.synthetic import METHODS, make_plan, write_runs


def runs(folder: Path, *skipped: int | None) -> tuple[Plan, RunStore]:
    """LDD with a seed per number: how many recordings its demonstrations left out; None: they do not say."""
    methods = {name: METHODS[name] for name in ("tabula_rasa", "ldd")}
    plan = make_plan({"rtfm-s1": "RTFM S1"}, methods, seeds=tuple(range(len(skipped))))
    store = write_runs(folder, plan, points=3)
    for seed, number in enumerate(skipped):
        path = folder / demonstrations(plan, seed) / "result.json"
        result = json.loads(path.read_text())
        result["metrics"] |= {} if number is None else {"skipped": number}
        path.write_text(json.dumps(result))
    return plan, RunStore(store.root)


def demonstrations(plan: Plan, seed: int) -> str:
    return next(cell.stages["demonstrations"] for cell in plan.cells if (cell.method, cell.seed) == ("ldd", seed))


@pytest.mark.parametrize(("skipped", "column"), [((0, 0), "0"), ((2, 1), "3"), ((None, None), None)])
def test_the_report_counts_them_and_says_where_each_is_named(
    tmp_path: Path, skipped: tuple[int | None, ...], column: str | None
) -> None:
    plan, _ = runs(tmp_path, *skipped)
    page = teachers.page(load(tmp_path, "synthetic"))
    table = next(table for table in page.tables() if table.id == "demonstrations")
    entries = dict(zip([one.label for one in table.columns], [cell.text for cell in table.rows[0]], strict=True))
    assert entries.get("Files left out") == column
    text = to_markdown("report", [page])
    said = [f"file{'s' * (n > 1)} in {name}" for n in skipped if n for name in ("demonstrations rtfm-s1/ldd",)]
    assert ("Left out: " in text) == bool(said) and all(words in text for words in said)
    assert (f"`{demonstrations(plan, 0)}/log.txt`" in text) == bool(said)


def test_a_run_ends_with_a_line_for_every_stage_that_skipped_some(tmp_path: Path) -> None:
    plan, store = runs(tmp_path, 0, 1, 3)
    one, two = (demonstrations(plan, seed) for seed in (1, 2))
    assert skipped_lines(plan, store.outcomes(plan), store) == [
        f"demonstrations rtfm-s1/ldd/1 skipped 1 file, named with the reason in {tmp_path / one / 'log.txt'}",
        f"demonstrations rtfm-s1/ldd/2 skipped 3 files, named with the reason in {tmp_path / two / 'log.txt'}",
    ]
