"""Builds all of MLflow from the run folders: every cell, stage, curve and report of the grids that have been run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark.errors import BadInput
from benchmark.plurals import plural
from benchmark.store import RunStore
from benchmark.tracking.mirror import Mirror


def sync(store: RunStore, uri: str, grids: Sequence[str], say: Callable[[str], None]) -> None:
    """Make MLflow show these grids as the folders are, all of the root's where none is named.

    Every run is looked at; what is right stays as it is, so a second call changes nothing. Runs of plans that are no
    more are left. Raises BadInput for a grid without a plan, and where MLflow cannot be written.
    """
    shown = grids or store.grids()
    if not shown:
        say(f"no grid has been run in {store.root}; there is nothing to show in MLflow")
    for grid in shown:
        plan = store.plan(grid)
        mirror = Mirror(plan, store, uri, check=True)
        try:
            mirror.sync(store.report_files(grid))
        except BadInput:
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            trouble = f"{type(error).__name__}: {text}"
            raise BadInput(f"MLflow at {uri} was not written ({trouble}); the runs are safe") from error
        for line in mirror.damaged:
            say(f"{grid}: not shown: {line}")
        all_of_it = f"{plural(len(plan.cells), 'cell')} and {plural(len(plan.stages), 'stage')}"
        say(f"{grid}: {all_of_it} are in MLflow as they are in {store.root}")
