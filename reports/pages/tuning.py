"""A search for settings: every candidate, the chosen one marked, and the file that adopts the choice."""

from __future__ import annotations

from reports.frame import GridData
from reports.page import Block, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import count, listed, number, plain_value, plural
from reports.tuning import Candidate, Search, rule, searches

FILE = "tuned.yaml"
"""In the grid's report folder."""

VALIDATION = "-dev"
"""How the names of games end that are cut from the training games."""

NOISY = "With few seeds the choice is itself noisy: a chosen value is not shown to be better than the default."

WHY = (
    "Few games cannot justify leaving the paper's value: were the highest of several noisy scores taken, methods that "
    "differ in one switch would often run with different coefficients too. Twice the standard error counts games only, "
    "not the spread between seeds, which one seed cannot show: a chosen value is not shown to be better on other seeds."
)


def page(data: GridData) -> Page | None:
    """Tuning; None for a grid that does not search."""
    found = searches(data)
    if not data.search:
        return None
    budgets = sorted({len(search.candidates) for search in found})
    blocks: list[Block] = [
        *_games(data),
        Text(f"Rule: {rule(data)[0].lower()}{rule(data)[1:]} A candidate with a failed seed cannot be chosen."),
        Text(WHY if any(map(data.counts_wins, data.environments)) else NOISY),
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


def _games(data: GridData) -> list[Block]:
    """What the candidates are measured on, and a warning unless the plan says that no test game is among it."""
    names = list(dict.fromkeys(data.evaluated_on.values()))
    seeds = ", ".join(str(seed) for seed in sorted(set(data.cells["seed"])))
    on = listed([f"`{name}`" for name in names]) if names else "games that the plan does not name"
    measured = f"Every candidate is trained on the tuning seeds ({seeds}) and measured on {on}"
    apart = "Tuning seeds are not test seeds: no other grid may use them."
    if names and all(name.endswith(VALIDATION) for name in names):
        cut = "games that are cut from the training games; the test games are not looked at"
        return [Text(f"{measured}, {cut}. {apart}")]
    seen = [f"`{name}`" for name in names if not name.endswith(VALIDATION)]
    looked = f"This search looked at test games ({', '.join(seen)})" if seen else "This search may have seen test games"
    warning = f"{looked}: settings that it chooses must not be reported on them as if they were held out."
    return [Text(f"{measured}. {apart}"), Text(warning, "warning")]


def _budget(sizes: list[int]) -> Text:
    """Whether every searched method was given the same number of candidates."""
    if len(sizes) > 1:
        return Text(f"Budgets differ: from {sizes[0]} to {sizes[-1]} candidates per method.", "warning")
    return Text(f"Equal budgets: {plural(sizes[0], 'candidate')} for every searched method.")


def candidate_table(data: GridData, found: list[Search]) -> Table:
    """One row per candidate, in the order of the search."""
    rows = tuple(
        (
            data.environment_entry(search.environment),
            data.method_entry(candidate.method, search.environment),
            Cell(", ".join(f"`{key}={plain_value(value)}`" for key, value in candidate.values.items())),
            Cell(
                number(candidate.mean, data.digits(search.environment)),
                mark="best" if candidate is search.chosen else "",
                runs=candidate.runs,
            ),
            Cell(f"{len(candidate.scores)}/{candidate.planned}", _why(candidate)),
            Cell(count(candidate.frames)),
            Cell(_standing(search, candidate)),
        )
        for search in found
        for candidate in search.candidates
    )
    return Table(
        id="tuning",
        caption=f"Candidates: mean {data.headline_label()} over the tuning seeds",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Settings", numeric=False),
            Column(data.headline_label().capitalize()),
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
