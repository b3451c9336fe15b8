"""How long each method computed in each kind of stage, and how much room the runs take."""

from __future__ import annotations

import pandas as pd

from benchmark.store import RunStore
from reports.frame import GridData
from reports.tables import Cell, Column, Table
from reports.text import duration

DEVICES = {"cuda": "GPU", "cpu": "CPU"}
"""A device in the store's word and in a reader's."""


def hours_tables(data: GridData, stages: pd.DataFrame) -> list[Table]:
    """One table per kind of device, the GPU first: method × stage. stages: the finished ones."""
    known = stages[stages["device"].notna() & stages["seconds"].notna()]
    devices = sorted(set(known["device"].map(str)), key=lambda device: (device.partition(":")[0] != "cuda", device))
    return [_table(data, known[known["device"].map(str) == device], device) for device in devices]


def device_word(device: str) -> str:
    """`GPU`, `CPU`, or the device's own name."""
    return DEVICES.get(device.partition(":")[0], device)


def _table(data: GridData, stages: pd.DataFrame, device: str) -> Table:
    seconds = dict(zip(stages["key"], stages["seconds"], strict=True))
    kinds = [kind for kind in data.pipeline if (stages["kind"] == kind).any()]
    rows = []
    for method in data.methods:
        own = _kinds_of(data, method)
        parts = [_entry(seconds, [key for key, name in own.items() if name == kind]) for kind in kinds]
        rows.append((data.method_entry(method), *parts, _entry(seconds, list(own))))
    once = [_entry(seconds, list(stages.loc[stages["kind"] == kind, "key"])) for kind in kinds]
    rows.append((Cell("All", "each stage once"), *once, _entry(seconds, list(seconds))))
    return Table(
        id=f"hours-{device.replace(':', '-')}",
        caption=f"{device_word(device)} time per method and stage, all environments and seeds",
        columns=(Column("Method", numeric=False), *(Column(kind) for kind in kinds), Column("Total")),
        rows=tuple(rows),
        notes=(
            "Finished stages, with all of their attempts. A stage that several methods share "
            "counts in full for each of them and once in the last row, under the name that it has for the first cell "
            "that needs it; diagnostics are included.",
        ),
    )


def _kinds_of(data: GridData, method: str) -> dict[str, str]:
    """Key of every stage of a method -> its kind in the table of stages."""
    kinds = dict(zip(data.stages["key"], data.stages["kind"], strict=True))
    cells = [cell for cell in data.plan.cells if cell.method == method]
    return {key: kinds[key] for cell in cells for key in cell.stages.values()}


def _entry(seconds: dict[str, float], keys: list[str]) -> Cell:
    known = tuple(key for key in keys if key in seconds)
    if not known:
        return Cell("–", mark="weak")
    return Cell(duration(sum(seconds[key] for key in known)), runs=known)


def disk(data: GridData, keys: list[str]) -> int | None:
    """Bytes of these run folders, without checkpoints; None where one of them is not here."""
    store = RunStore(data.root)
    try:
        return sum(store.size(key) for key in keys)
    except FileNotFoundError:
        return None


def volume(size: int) -> str:
    """Bytes in the largest unit that fits: `42.0 MB`, `1.3 GB`."""
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.1f} {units[0]}" if units[0] != "bytes" else f"{size} bytes"
