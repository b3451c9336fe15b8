"""Build a grid's report from its run folders. Nothing is computed that the folders do not hold."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reports.figures import Figure
from reports.frame import GridData, load
from reports.output import ReportFolder
from reports.pages import all_pages
from reports.pages.tuning import FILE as TUNED_FILE
from reports.render import to_html, to_markdown
from reports.tables import Table
from reports.tuning import searches, to_yaml, tuned


def build(root: Path, grid: str) -> tuple[Path, Path]:
    """Write `<root>/grids/<grid>/report.md` and `report.html` and return their paths.

    Beside them: figures/ (SVG, PNG, PDF), tables/ (CSV), data/ (the tidy frames), `tuned.yaml` where the grid is a
    search, and beside every figure and table a JSON file with the keys of the runs behind it. A grid that is not
    finished gives a report that says what is missing. Equal run folders give equal files. Raises
    benchmark.errors.BadInput for a grid without a plan in `root`.
    """
    data = load(root, grid)
    pages = all_pages(data)
    folder = ReportFolder(data.folder)
    images = write_figures(folder, [figure for page in pages for figure in page.figures()])
    write_tables(folder, [table for page in pages for table in page.tables()])
    write_frames(folder, data)
    if data.search:
        folder.write(TUNED_FILE, to_yaml(tuned(data, searches(data))).encode())
    title = f"LDD-Bench: {grid}"
    done = int((data.cells["status"] == "done").sum())
    footer = f"{done} of {len(data.cells)} cells · plan {digest(data.plan.to_json())}"
    report_md = folder.write("report.md", f"{to_markdown(title, pages)}\n---\n\n{footer}\n".encode())
    report_html = folder.write("report.html", to_html(title, footer, pages, images).encode())
    folder.remove_others("figures", "tables", "data")
    return report_md, report_html


def write_figures(folder: ReportFolder, figures: Sequence[Figure]) -> dict[str, tuple[bytes, bytes]]:
    """Every figure's files and sidecar; returns id -> SVG for a light and for a dark screen."""
    images = {}
    for figure in figures:
        files = figure.files()
        for name, content in files.items():
            folder.write(f"figures/{name}", content)
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        folder.write_json(f"figures/{figure.id}.json", {**figure.sidecar(), "sha256": digests})
        images[figure.id] = (files[f"{figure.id}.svg"], figure.dark_svg())
    return images


def write_tables(folder: ReportFolder, tables: Sequence[Table]) -> None:
    """Every table as CSV, with its sidecar."""
    for table in tables:
        content = table.to_csv().encode()
        folder.write(f"tables/{table.id}.csv", content)
        digests = {f"{table.id}.csv": hashlib.sha256(content).hexdigest()}
        folder.write_json(f"tables/{table.id}.json", {**table.sidecar(), "sha256": digests})


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
    curves = data.curves.to_csv(index=False, lineterminator="\n").encode()
    folder.write("data/curves.csv.gz", gzip.compress(curves, mtime=0))


def digest(value: Any) -> str:
    """The first 12 hexadecimal digits of a plain JSON value's SHA-256."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
