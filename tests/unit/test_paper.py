"""The report on paper: the same pages, of an endless table the first rows and where the others are."""

from __future__ import annotations

from reports.page import Folded, Page
from reports.tables import Cell, Column, Table
from reports.writing.render import PRINTED_ROWS, to_html, to_paper


def page(rows: int) -> Page:
    entries = tuple((Cell(f"run {number};"),) for number in range(rows))
    return Page("runs", "Every run", (Folded("All runs", Table("runs", "Runs", (Column("Key"),), entries)),))


def test_an_endless_table_is_printed_in_part_and_says_where_the_rest_is() -> None:
    long = page(PRINTED_ROWS + 1)
    paper = to_paper("Report", "", [long], {})
    assert f"run {PRINTED_ROWS - 1};" in paper
    assert f"run {PRINTED_ROWS};" not in paper
    assert "The first 500 of 501 rows; all are in <code>tables/<wbr>runs.<wbr>csv</code>." in paper
    assert f"run {PRINTED_ROWS};" in to_html("Report", "", [long], {})


def test_a_table_that_fits_is_printed_whole() -> None:
    paper = to_paper("Report", "", [page(PRINTED_ROWS)], {})
    assert f"run {PRINTED_ROWS - 1};" in paper
    assert "tables/runs.csv" not in paper
