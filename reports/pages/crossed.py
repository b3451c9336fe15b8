"""Environment × method: the one layout of all tables that have an entry for each pair."""

from __future__ import annotations

from collections.abc import Mapping

from reports.frame import GridData
from reports.tables import Cell, Column, Table


def crossed(
    data: GridData, id: str, caption: str, entries: Mapping[tuple[str, str], Cell], notes: tuple[str, ...]
) -> Table:
    """One row per environment, one column per method, as in the paper's Table 1; a search has a row per candidate.

    entries: (environment, method) -> entry, one for every pair of the grid.
    """
    environments = [data.environment_entry(environment) for environment in data.environments]
    if data.search:  # dozens of candidates; no screen would be wide enough
        return Table(
            id,
            caption,
            (Column("Method", numeric=False), *(Column(cell.text, cell.detail) for cell in environments)),
            tuple(
                (data.method_entry(method), *(entries[environment, method] for environment in data.environments))
                for method in data.methods
            ),
            notes,
        )
    return Table(
        id,
        caption,
        (Column("Environment", numeric=False), *(data.method_column(method) for method in data.methods)),
        tuple(
            (entry, *(entries[environment, method] for method in data.methods))
            for environment, entry in zip(data.environments, environments, strict=True)
        ),
        notes,
    )
