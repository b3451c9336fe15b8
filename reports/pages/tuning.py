"""A search for settings: every candidate, the chosen one marked, and the file that adopts the choice."""

from __future__ import annotations

from reports.frame import GridData
from reports.page import Block, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import count, number, plain_value
from reports.tuning import Candidate, Search, searches

FILE = "tuned.yaml"
"""In the grid's report folder."""


def page(data: GridData) -> Page | None:
    """Tuning; None for a grid that does not search."""
    found = searches(data)
    if not data.search:
        return None
    games = ", ".join(f"`{name}`" for name in data.evaluated_on.values())
    budgets = sorted({len(search.candidates) for search in found})
    seeds = ", ".join(str(seed) for seed in sorted(set(data.cells["seed"])))
    blocks: list[Block] = [
        Text(
            f"Every candidate is trained on the tuning seeds ({seeds}) and measured on {games or data.games_label}, "
            "games that are cut from the training games; the test games are not looked at. Tuning seeds are not test "
            "seeds: no other grid may use them."
        ),
        Text(
            f"Rule: the highest mean {data.headline_label} over the tuning seeds; of equal ones the first listed, "
            "which is the default (the paper's, where it has one). A candidate with a failed seed cannot be chosen. "
            "With few seeds and games the choice is itself noisy: a chosen value is not shown to be better than the "
            "default."
        ),
    ]
    if found:
        blocks += [_budget(budgets), candidate_table(data, found)]
    incomplete = [f"`{s.method}` on {data.environment_label(s.environment)}" for s in found if s.chosen is None]
    if incomplete:
        blocks.append(
            Text(f"Incomplete, so nothing is chosen and the default stays: {', '.join(incomplete)}.", "warning")
        )
    preset = data.plan.settings.get("preset") or "NAME"
    path = (data.folder / FILE).relative_to(data.root.parent)
    blocks.append(Text(f"Written to `{path}`; copy it to `configs/tuned/{preset}.yaml` to adopt it."))
    return Page("tuning", "Tuning", tuple(blocks))


def _budget(sizes: list[int]) -> Text:
    """Whether every searched method was given the same number of candidates."""
    if len(sizes) > 1:
        return Text(f"Budgets differ: from {sizes[0]} to {sizes[-1]} candidates per method.", "warning")
    return Text(f"Equal budgets: {sizes[0]} candidates for every searched method.")


def candidate_table(data: GridData, found: list[Search]) -> Table:
    """One row per candidate, in the order of the search."""
    rows = tuple(
        (
            Cell(data.environment_label(search.environment)),
            data.method_entry(candidate.method, search.environment),
            Cell(", ".join(f"`{key}={plain_value(value)}`" for key, value in candidate.values.items())),
            Cell(number(candidate.mean), mark="best" if candidate is search.chosen else "", runs=candidate.runs),
            Cell(f"{len(candidate.scores)}/{candidate.planned}", _why(candidate)),
            Cell(count(candidate.frames)),
            Cell(_standing(search, candidate)),
        )
        for search in found
        for candidate in search.candidates
    )
    return Table(
        id="tuning",
        caption=f"Candidates: mean {data.headline_label} over the tuning seeds",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Settings", numeric=False),
            Column(data.headline_label.capitalize()),
            Column("Seeds"),
            Column("RL frames", "per seed"),
            Column("Chosen", numeric=False),
        ),
        rows=rows,
        headers=3,
    )


def _why(candidate: Candidate) -> str:
    missing = candidate.planned - len(candidate.scores) - candidate.failed
    counts = ((candidate.failed, "failed"), (missing, "missing"))
    return ", ".join(f"{n} {word}" for n, word in counts if n)


def _standing(search: Search, candidate: Candidate) -> str:
    first = candidate is search.candidates[0]
    if candidate is search.chosen:
        return "chosen, the default" if first else "chosen"
    return "default" if first else ""
