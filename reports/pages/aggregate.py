"""All environments in one number per method, with what that cannot say."""

from __future__ import annotations

from reports.aggregate import STATISTICS, Aggregate, Estimate, aggregates, improvements, profiles
from reports.contrasts import subject
from reports.evidence import nothing_finished
from reports.figures import MOST_METHODS
from reports.figures.aggregate import improvement_figure, interval_figures, profile_figures
from reports.frame import GridData
from reports.normalise import Normalised, normalised, reference
from reports.page import Block, Folded, Gallery, Page, Text
from reports.pages.crossed import crossed
from reports.stats import mean_interval
from reports.tables import Cell, Column, Table
from reports.text import interval, listed, number, plural

SCALE = (
    "To be put together, the scores of all environments are brought to one scale: 0 is a player of random valid "
    "actions, 1 is our expert, both measured beforehand and fixed in the configuration. A score beyond them is shown "
    "as it is, below 0 or above 1."
)
COVERAGE = (
    "The intervals resample the seeds of each environment. With few seeds they are too narrow: in a simulation of five "
    "environments, 95% intervals held the truth in 84% of cases with 3 seeds, 91% with 5 and 94% with 10."
)
REFERENCES = (
    "Random: uniform over the valid actions. Expert: our planner, which sees the true state of the game. They "
    "stand in `configs/env` and `configs/preset` and are of the very games that results are measured on; they "
    "are in no run's key and never computed from results."
)
FEWEST = 2
"""Environments that make an aggregate; of one, its own results say all, with better intervals."""


def page(data: GridData) -> Page | None:
    """Aggregate; a search has none, for its candidates are chosen by these scores."""
    if data.search:
        return None
    if nothing_finished(data):
        words = "No run is finished, so there is nothing to put together."
        return Page("aggregate", "Aggregate", (Text(words), reference_table(data)))
    scores = normalised(data)
    blocks: list[Block] = [Text(SCALE)]
    if len(scores.references) >= FEWEST:
        blocks += _aggregate(data, scores)
    else:
        one = [data.environment_label(name) for name in scores.references]
        what = f"Only {one[0]} has such a scale here" if one else "No environment has such a scale here"
        blocks.append(Text(f"{what}, so there is nothing to put together. Results has each environment for itself."))
    if scores.references:
        blocks.append(Folded("The scores on the common scale, by environment", score_table(data, scores)))
    return Page("aggregate", "Aggregate", (*blocks, reference_table(data)))


def _aggregate(data: GridData, scores: Normalised) -> list[Block]:
    found = aggregates(data, scores)
    names = listed([data.environment_label(name) for name in scores.references])
    blocks: list[Block] = [
        Text(
            f"{plural(len(scores.references), 'environment')} ({names}) are no sample of all environments: what "
            f"follows is about these alone. {COVERAGE} The comparisons are exploratory.",
            "warning",
        )
    ]
    if scores.left_out:
        why = "; ".join(f"{data.environment_label(name)}, because {why}" for name, why in scores.left_out.items())
        blocks.append(Text(f"Left out of every number on this page: {why}.", "warning"))
    if not found:
        return [*blocks, Text("No method has a finished seed on each of these environments yet.")]
    if len(found) > MOST_METHODS:
        blocks.append(Text(f"{len(found)} methods are more than a figure can tell apart; the table has them all."))
    every = tuple(key for one in found for key in one.runs)
    better = improvements(data, scores)
    improvement = improvement_figure(data, better, every)
    intervals = (*interval_figures(data, found), *([improvement] if improvement else []))
    shapes = profile_figures(data, profiles(scores), every)
    return [
        *blocks,
        *_beyond(data, scores),
        *([Gallery(intervals)] if intervals else []),
        aggregate_table(data, scores, found),
        *([Gallery(shapes)] if shapes else []),
        *_improvements(data, bool(better)),
    ]


def _beyond(data: GridData, scores: Normalised) -> list[Block]:
    """The means that lie beyond an end of their scale, for these are easily taken for an error."""
    told: list[Block] = []
    for place, name in enumerate(scores.references):
        means = {method: of[place].mean() for method, of in scores.scores.items() if of[place].size}
        below = [data.method_label(method) for method, mean in means.items() if mean < 0]
        above = [data.method_label(method) for method, mean in means.items() if mean > 1]
        for methods, side in ((below, "below random play"), (above, "above the expert")):
            if methods:
                where = f"On {data.environment_label(name)} the mean is {side} for"
                told.append(Text(f"{where}: {'; '.join(methods)}. It counts as it is.", "note"))
    return told


def _improvements(data: GridData, any_found: bool) -> list[Block]:
    if any_found or len(data.methods) < 2:
        return []
    own = data.method_label(subject(data))
    return [Text(f"No probability of improvement: {own} or all others lack a finished seed on some environment.")]


def aggregate_table(data: GridData, scores: Normalised, found: list[Aggregate]) -> Table:
    """Every method of the grid; one that lacks an environment has no number, for it would be of another task."""
    of_method, what = {one.method: one for one in found}, data.headline_label(*scores.references)
    rows = []
    for method in data.methods:
        one = of_method.get(method)
        if one is None:
            lacking = listed([data.environment_label(name) for name in scores.lacking[method]])
            empty = [Cell("–", mark="weak") for _ in STATISTICS]
            rows.append((data.method_entry(method), *empty, Cell("–", f"no finished seed on {lacking}", "weak")))
        else:
            entries = [_entry(one.estimates[name], one.runs) for name in STATISTICS]
            rows.append((data.method_entry(method), *entries, Cell(f"{one.finished}/{one.planned}")))
    return Table(
        id="aggregate",
        caption=f"Normalised {what} over {plural(len(scores.references), 'environment')}",
        columns=(
            Column("Method", numeric=False),
            *(Column(title, "less is better" if name == "gap" else "") for name, (title, _) in STATISTICS.items()),
            Column("Seeds", "finished/planned"),
        ),
        rows=tuple(rows),
        notes=(
            "[95% interval]: percentiles of a bootstrap with 50,000 seeded repetitions, stratified by environment. "
            "Every environment weighs the same. A seed that is missing is left out and counted, never filled in.",
            "Interquartile mean: the mean of the middle half of all runs. Optimality gap: what is missing to the "
            "expert on average, where a run above the expert counts as equal to it.",
        ),
    )


def _entry(one: Estimate, keys: tuple[str, ...]) -> Cell:
    return Cell(number(one.value), interval(one.interval) if one.interval else "interval undefined", runs=keys)


def score_table(data: GridData, scores: Normalised) -> Table:
    """Environment × method on the common scale."""
    entries = {}
    for method in data.methods:
        for name, values in zip(scores.references, scores.scores[method], strict=True):
            summary = mean_interval(values)
            spread = interval(summary.interval) if summary.why is None else summary.why
            keys = tuple(data.done(name, method)["key"])
            entries[name, method] = Cell(number(summary.mean), spread, "" if summary.n else "weak", runs=keys)
        for name in scores.left_out:
            entries[name, method] = Cell("–", "no scale", "weak")
    note = "Mean over finished seeds, [95% t interval]: the main table's numbers on the scale of each environment."
    return crossed(data, "normalised", f"Normalised {data.headline_label()}", entries, (note,))


def reference_table(data: GridData) -> Table:
    """The ends of every environment's scale, or why it has none."""
    what = data.headline_label()
    rows = []
    for name in data.environments:
        scale = reference(data, name)
        said = Cell(scale.why or scale.source, mark="weak" if scale.why else "")
        ends = (Cell(number(end, data.digits(name))) for end in (scale.random, scale.expert))
        rows.append((data.environment_entry(name), *ends, said))
    return Table(
        id="references",
        caption="The fixed scale of each environment",
        columns=(
            Column("Environment", numeric=False),
            Column("Random", f"{what}, is 0"),
            Column("Expert", f"{what}, is 1"),
            Column("Measured by", numeric=False),
        ),
        rows=tuple(rows),
        notes=(REFERENCES,) if any(_may_have_one(data, name) for name in data.environments) else (),
    )


def _may_have_one(data: GridData, environment: str) -> bool:
    """Not where the environment's file says that it has no reference."""
    return data.plan.environments.get(environment, {}).get("references", "older than references") is not None
