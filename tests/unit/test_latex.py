"""Tables for a paper: every character shows as itself, large tables fit the page, and pdflatex says yes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.frame import load
from reports.tables import Cell, Column, Table
from reports.writing.latex import escaped
from tests import printing
from tests.synthetic import ENVIRONMENTS, TEN_METHODS, all_pages, make_plan, write_runs

NASTY = '50 % of C:\\run_1 cost $5 & #2 {a} ~x ^y <z> |w| "q" `don\'t` [1] * — … − ± × † λ η ≥ ≤ é ñ ß 1 000 µ 中 😀'


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50% & more_of #1", r"50\% \& more\_of \#1"),
        ("−0.5 ± 1 × 2", r"$-$0.5 $\pm$ 1 $\times$ 2"),
        ("† λ η ≥", r"$\dagger$ $\lambda$ $\eta$ $\geq$"),
        ("1\u202f000", r"1\,000"),
        ("\u00e9\u00f6\u00df", r"\'{e}\"{o}\ss{}"),
        ("`--grid a_b` as code", r"\texttt{-{}-grid a\_b} as code"),
        ("an odd ` stays", r"an odd \`{} stays"),
        ("中", "[U+4E2D]"),
    ],
)
def test_a_character_shows_as_itself(text: str, latex: str) -> None:
    assert escaped(text) == latex


@given(st.text())
def test_nothing_is_left_that_pdflatex_has_never_heard_of(text: str) -> None:
    assert escaped(text).isascii()
    assert escaped(text).isprintable()


def row_of(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def test_the_best_is_bold_the_unknown_questioned_and_the_missing_there() -> None:
    row = (Cell("S1"), Cell("0.9", "[0.8, 1.0] · 3/3", "best"), Cell("0.8", mark="tied"), Cell("0.7", mark="unknown"))
    columns = (Column("Environment", numeric=False), Column("LDD", "released"), Column("VAE"), Column("IRL"))
    text = Table("main", "Win rate", columns, (row, row_of("S2", "–", "–", ""))).to_latex()
    assert r"\stacked{t}{r}{\textbf{0.9} \\ {\scriptsize [0.8, 1.0]} \\ {\scriptsize 3/3}}" in text
    assert r"& \textbf{0.8}" in text
    assert "& 0.7 ?" in text
    assert text.count("& --") == 3


def test_a_long_table_is_set_in_parts_that_are_counted() -> None:
    columns = (Column("Key", numeric=False), Column("Value"))
    text = Table("runs", "Runs", columns, tuple(row_of(f"k{n}", "1") for n in range(100))).to_latex()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 4
    assert r"\caption{Runs (part 2 of 4)}\label{tab:runs:2}" in text
    assert [text.count(f"\nk{n}\n") for n in range(100)] == [1] * 100


def compile_(folder: Path, tables: list[Table]) -> str:
    """pdflatex's log of a document with these tables."""
    inputs = []
    for table in tables:
        (folder / f"{table.id}.tex").write_text(table.to_latex(), encoding="utf-8")
        inputs.append(rf"\input{{{table.id}}}\clearpage")
    packages = "\\usepackage{booktabs,graphicx,rotating}"
    lines = ["\\documentclass{article}", packages, "\\begin{document}", *inputs, "\\end{document}"]
    (folder / "paper.tex").write_text("\n".join(lines), encoding="utf-8")
    command = [printing.program("pdflatex"), "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-3000:]
    return log


def test_every_table_of_a_report_compiles_and_fits_the_page(tmp_path: Path) -> None:
    plan = make_plan(ENVIRONMENTS, TEN_METHODS, unavailable={"vae": "not built_yet & 中"})
    write_runs(tmp_path / "runs", plan, failed={"rtfm-s1/ldd/1": "ValueError: {loss} is 100% nan_ \\ $"}, points=6)
    tables = [table for page in all_pages(load(tmp_path / "runs", "synthetic")) for table in page.tables()]
    (main,) = (table for table in tables if table.id == "main")
    assert r"\begin{sidewaystable}" in main.to_latex()  # ten methods: the page is turned
    log = compile_(tmp_path, tables)
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_whatever_a_run_says_compiles(tmp_path: Path) -> None:
    columns = (Column(NASTY, NASTY, numeric=False), Column("λ ≥ η"))
    rows = ((Cell(NASTY, f"{NASTY} · {NASTY}", "best"), Cell("[0.1]", mark="tied")), row_of("[0.1", "*"))
    compile_(tmp_path, [Table("nasty", NASTY, columns, rows, (NASTY,))])
