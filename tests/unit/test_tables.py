"""One table, three formats; and text that shows what was written, whatever is in it."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats import Interval
from reports.tables import Cell, Column, Table
from reports.text import count, duration, html, interval, markdown, number, signed


@pytest.fixture
def table() -> Table:
    return Table(
        id="main",
        caption="Win rate",
        columns=(Column("Environment", numeric=False), Column("LDD", "released"), Column("Tabula rasa", "released")),
        rows=(
            (
                Cell("RTFM"),
                Cell("0.52", "[0.40, 0.64] · 3/3", "best", runs=("aa", "bb")),
                Cell("0.47", mark="unknown", runs=("cc",)),
            ),
            (Cell("Messenger"), Cell("–", "1 failed · 0/1", "weak"), Cell("0.34", mark="tied", runs=("aa",))),
        ),
        notes=("Bold: best.",),
    )


def test_markdown_has_caption_head_marks_and_notes(table: Table) -> None:
    lines = table.to_markdown().splitlines()
    assert lines[0] == "**Win rate**"
    assert lines[2] == "| Environment | LDD<br>released | Tabula rasa<br>released |"
    assert lines[3] == "| :-- | --: | --: |"
    assert lines[4] == "| RTFM | **0.52**<br>[0.40, 0.64] · 3/3 | 0.47 ? |"
    assert lines[5] == "| Messenger | –<br>1 failed · 0/1 | **0.34** |"
    assert lines[-1] == "Bold: best."


def test_csv_reads_back(table: Table) -> None:
    rows = list(csv.reader(io.StringIO(table.to_csv())))
    assert rows[0] == ["Environment", "LDD (released)", "Tabula rasa (released)"]
    assert rows[1] == ["RTFM", "0.52 [0.40, 0.64] · 3/3 [best]", "0.47 [unknown]"]


def test_the_runs_behind_every_number_are_listed(table: Table) -> None:
    sidecar = table.sidecar()
    assert sidecar["runs"] == ["aa", "bb", "cc"]
    assert sidecar["entries"][0] == {
        "row": ["RTFM"],
        "column": "LDD (released)",
        "text": "0.52 [0.40, 0.64] · 3/3",
        "runs": ["aa", "bb"],
    }
    assert len(sidecar["entries"]) == 3


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="row 0: 1 entries for 2 columns"):
        Table("t", "t", (Column("a"), Column("b")), ((Cell("1"),),))


def test_a_reason_from_a_log_cannot_break_a_table() -> None:
    reason = "KeyError: 'a|b' in `x|y`\n<script>*now*</script> [see](elsewhere)"
    line = Table("t", "t", (Column("Reason"),), ((Cell(reason),),)).to_markdown().splitlines()[-1]
    assert line == r"| KeyError: 'a\|b' in `x\|y` &lt;script&gt;\*now\*&lt;/script&gt; [see]\(elsewhere) |"


def test_a_link_leads_to_its_log() -> None:
    line = Table("t", "t", (Column("Log"),), ((Cell("log", href="../a b/log.txt"),),)).to_markdown().splitlines()[-1]
    assert line == "| [log](../a%20b/log.txt) |"


@given(st.text())
def test_html_shows_the_text_and_nothing_else(text: str) -> None:
    without_code = re.sub("<code>|</code>|<wbr>", "", str(html(text)))
    assert "<" not in without_code
    assert unescape(without_code) == (text if text.count("`") % 2 else text.replace("`", ""))


def test_code_stands_between_backticks() -> None:
    assert html("set `a<b` now") == "set <code>a&lt;b</code> now"
    assert html("`a.b_c`") == "<code>a.<wbr>b_<wbr>c</code>", "where a line may break"
    assert html("an odd ` stays") == "an odd ` stays"
    assert markdown("snake_case stays, _emphasis_ does not") == r"snake_case stays, \_emphasis\_ does not"


def test_in_a_notebook_numbers_stay_on_one_line_and_reasons_wrap() -> None:
    columns = (Column("Why", numeric=False), Column("Score"))
    shown = Table("why", "Why", columns, ((Cell("no", "a long reason"), Cell("0.5", "[0.4, 0.6]")),))._repr_html_()
    assert [line for line in shown.splitlines() if "white-space: nowrap" in line] == [
        ".ldd .number small span { white-space: nowrap; }"
    ]
    assert '<th scope="row" class="">no<small><span>a long reason</span></small></th>' in shown
    assert '<td class="number">0.5<small><span>[0.4, 0.6]</span></small></td>' in shown


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (-0.5, "−0.500"), (-0.0001, "0.000"), (float("nan"), "–")]
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_differences_carry_their_sign() -> None:
    assert [signed(x) for x in (0.25, -0.25, 0.0, float("nan"))] == ["+0.250", "−0.250", "0.000", "–"]
    assert interval(Interval(-0.1, 0.2), sign=True) == "[−0.100, +0.200]"
    assert interval(None) == "–"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (59.6, "1 min"), (185, "3 min 5 s"), (7800, "2 h 10 min"), (90_000, "1 d 1 h"), (86_400, "1 d")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts_have_thin_spaces() -> None:
    assert count(1234567) == "1\u202f234\u202f567"
