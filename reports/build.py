"""Build a grid's report from its run folders. Nothing is computed that the folders do not hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from threadpoolctl import threadpool_limits

from reports.curve_data import write_curves
from reports.figures import Figure
from reports.frame import GridData, load
from reports.making import Drawn, made
from reports.pages import PAGES, SLOW
from reports.pages.tuning import FILE as TUNED_FILE
from reports.tables import Table
from reports.text import plural
from reports.tuning import searches, to_yaml, tuned
from reports.writing.output import ReportFolder
from reports.writing.pdf import NoPdf, print_page
from reports.writing.progress import Listen, followed, silent
from reports.writing.render import to_html, to_markdown, to_paper


class Report(NamedTuple):
    """paths: of report.html, report.md and, where it could be printed, report.pdf; note: why there is no PDF."""

    paths: tuple[Path, ...]
    note: str | None


def build(root: Path, grid: str, listen: Listen = silent) -> Report:
    """Write the report of a grid to `<root>/grids/<grid>/`.

    report.html, report.md and report.pdf are the same pages. Beside them: figures/ (SVG, PNG, PDF), tables/ (Markdown,
    LaTeX, CSV, HTML), data/ (the tidy frames), `tuned.yaml` where the grid is a search, beside every figure and table a
    JSON file with the keys of the runs behind it, and report.json with the SHA-256 of every file. A grid that is not
    finished gives a report that says what is missing. Equal run folders give equal files (report.pdf: with one version
    of Chromium). listen: hears how far it is. Raises benchmark.errors.BadInput for a grid without a plan in `root`.
    """
    with threadpool_limits(limits=1):  # of small matrices, more threads are slower, and may round otherwise
        folder, paths, paper = _write(root, grid, listen)
    listen(0, 1, "printing the PDF")
    try:
        report_pdf = folder.write("report.pdf", print_page(paper))
    except NoPdf as why:
        folder.remove("report.pdf")  # of an earlier state
        return Report(paths, f"no report.pdf: {why}")
    listen(1, 1, "printing the PDF")
    return Report((*paths, report_pdf), None)


def _write(root: Path, grid: str, listen: Listen) -> tuple[ReportFolder, tuple[Path, Path], str]:
    """All but the PDF; the folder, report.html and report.md, and what is to be printed.

    The runs are forgotten when it is done: while it prints, the browser needs as much memory as they did.
    """
    listen(0, 1, "reading the runs")
    data = load(root, grid, listen)
    listen(1, 1, "reading the runs")
    found = made(data, PAGES, SLOW, listen)
    pages = [one.page for one in found]
    folder = ReportFolder(data.folder)
    images = write_figures(folder, [(figure, one.figures[figure.id]) for one in found for figure in one.page.figures()])
    write_tables(folder, [table for page in pages for table in page.tables()], listen)
    listen(0, 1, "writing the data")
    write_frames(folder, data)
    listen(1, 1, "writing the data")
    if data.search:
        folder.write(TUNED_FILE, to_yaml(tuned(data, searches(data))).encode())
    title = f"LDD-Bench: {grid}"
    text = to_markdown(title, pages)
    about = _about(data, digest({"pages": text, "files": folder.sha256}))
    footer = f"plan {about['plan']} · report {about['report']} · {about['done']} of {plural(about['cells'], 'cell')}"
    report_md = folder.write("report.md", f"{text}\n---\n\n{footer}\n".encode())
    report_html = folder.write("report.html", to_html(title, footer, pages, images).encode())
    folder.write_json("report.json", {**about, "sha256": folder.sha256})
    folder.remove_others("figures", "tables", "data")
    return folder, (report_html, report_md), to_paper(title, footer, pages, images)


def _about(data: GridData, report: str) -> dict[str, Any]:
    """What the footer of every page says."""
    done = int((data.cells["status"] == "done").sum())
    return {
        "grid": data.plan.grid,
        "plan": digest(data.plan.to_json()),
        "report": report,
        "done": done,
        "cells": len(data.cells),
    }


def write_figures(folder: ReportFolder, figures: Sequence[tuple[Figure, Drawn]]) -> dict[str, tuple[bytes, bytes]]:
    """Every figure's files and sidecar; returns id -> SVG for a light and for a dark screen."""
    images = {}
    for figure, (files, dark) in figures:
        _write_with_sidecar(folder, f"figures/{figure.id}.json", files, figure.sidecar())
        images[figure.id] = (files[f"{figure.id}.svg"], dark)
    return images


def write_tables(folder: ReportFolder, tables: Sequence[Table], listen: Listen = silent) -> None:
    """Every table in its four formats, with its sidecar."""
    for table in followed(tables, "tables", listen):
        _write_with_sidecar(folder, f"tables/{table.id}.json", table.files(), table.sidecar())


def _write_with_sidecar(folder: ReportFolder, name: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    beside = name.rpartition("/")[0]
    for file, content in files.items():
        folder.write(f"{beside}/{file}", content)
    folder.write_json(name, {**facts, "sha256": {file: folder.sha256[f"{beside}/{file}"] for file in files}})


def write_frames(folder: ReportFolder, data: GridData) -> None:
    """The tidy frames, for anybody's own analysis."""
    cells = data.cells.assign(keys=[" ".join(keys) for keys in data.cells["keys"]])
    folder.write("data/cells.csv", cells.to_csv(index=False, lineterminator="\n").encode())
    stages = data.stages.drop(columns="metrics")
    folder.write("data/stages.csv", stages.to_csv(index=False, lineterminator="\n").encode())
    metrics = pd.DataFrame(
        [
            (row["key"], row["kind"], row["environment"], name, int(value) if isinstance(value, bool) else value)
            for row in data.stages.to_dict("records")
            for name, value in row["metrics"].items()
            if isinstance(value, int | float)
        ],
        columns=["key", "kind", "environment", "metric", "value"],
    )
    folder.write("data/metrics.csv", metrics.to_csv(index=False, lineterminator="\n").encode())
    stage_of = dict(zip(data.stages["key"], data.stages["kind"], strict=True))
    folder.fill("data/curves.parquet", lambda path: write_curves(path, data.curves, stage_of))


def digest(value: Any) -> str:
    """The first 12 hexadecimal digits of a plain JSON value's SHA-256."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
