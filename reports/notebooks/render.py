"""The notebooks, executed on a grid's results, as HTML: `python -m reports.notebooks.render --grid NAME`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.errors import BadInput
from benchmark.store import RunStore
from reports.notebooks import GRID, PROJECT, ROOT
from reports.writing.output import ReportFolder

FOLDER = Path(__file__).parent
SECONDS = 600
"""For one cell, after which a notebook counts as hanging."""


def render(root: Path, grid: str) -> Iterator[Path]:
    """Write `<root>/grids/<grid>/notebooks/*.html`, one by one; their paths.

    Every page needs nothing but itself. Raises BadInput for a grid that was never run in `root`, for a machine without
    the packages of the extra `report`, and for a notebook with a cell that fails.
    """
    store = RunStore(root)
    store.plan(grid)
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from nbconvert import HTMLExporter
        from traitlets.config import Config
    except ModuleNotFoundError as error:
        remedy = "`make report` installs what the notebooks need (requirements/report.lock)"
        raise BadInput(f"{sys.executable} has no package {error.name}; {remedy}") from None
    folder = ReportFolder(store.grid_folder(grid))
    exporter = HTMLExporter(require_js_url="", mathjax_url="", jquery_url="", mermaid_js_url="", embed_images=True)
    environment = {**os.environ, ROOT: str(store.root.absolute()), GRID: grid, "PYTHONPATH": str(PROJECT)}
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with TemporaryDirectory(prefix="ldd-") as sockets:  # instead of ports, which other users could reach
            private = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
            try:
                NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", config=private).execute(
                    env=environment
                )
            except CellExecutionError as error:
                raise BadInput(f"{path.name} fails on grid {grid!r}: {error.ename}: {error.evalue}") from error
        html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": f"{path.stem} · {grid}"}})
        yield folder.write(f"notebooks/{path.stem}.html", html.encode())


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports.notebooks.render", description=__doc__)
    parser.add_argument("--grid", required=True)
    parser.add_argument("--root", type=Path, default=Path("runs"))
    given = parser.parse_args()
    try:
        for path in render(given.root, given.grid):
            print(path)
    except BadInput as error:
        print(f"reports.notebooks.render: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
