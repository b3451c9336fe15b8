"""Notebooks over a grid's results. They call functions of `reports` alone and are stored without output.

`make report GRID=… ROOT=…` executes them and writes them as HTML; in a notebook server they open as they are, on the
grid that LDD_BENCH_GRID names in the folder of runs LDD_BENCH_ROOT.
"""

from __future__ import annotations

import os
from pathlib import Path

from reports.frame import GridData, load

GRID = "LDD_BENCH_GRID"
ROOT = "LDD_BENCH_ROOT"
PROJECT = Path(__file__).resolve().parent.parent.parent


def chosen() -> GridData:
    """The grid to look at: GRID and ROOT of the environment, else grid demo in the project's own runs.

    Raises benchmark.errors.BadInput for a grid that was never run there.
    """
    return load(Path(os.environ.get(ROOT) or PROJECT / "runs"), os.environ.get(GRID) or "demo")
