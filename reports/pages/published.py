"""This grid's results beside what others have printed, and beside what they say without a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from reports.claims import since_named
from reports.figures.forest import forest, name
from reports.frame import GridData
from reports.page import Block, Facts, Gallery, Page, Text
from reports.published import Match, Published, matches
from reports.stats import welch_difference
from reports.tables import Cell, Column, Table
from reports.text import in_words, interval, listed, number, plural, signed

TITLE = "Ours vs published"
KINDS = {"sd": "sd", "se": "se", "ci95": "95% interval", "unknown": "of what?"}
"""What ± is of, as short as it can be said."""


def page(data: GridData) -> Page | None:
    """The ledger against the grid; None for a search, which is about no method's result."""
    if data.search:
        return None
    ledger = data.plan.settings.get("published")
    if ledger is None:
        words = "This plan was made before there was a ledger of published values; plan the grid again to see them."
        return Page("published", TITLE, (Text(words),))
    found = matches(data)
    if not ledger:
        words = "The ledger (`configs/published/`) has nothing on the environments of this grid."
        return Page("published", TITLE, (Text(words),))
    figures = [
        forest(data, environment, [match for match in found if match.published.environment == environment])
        for environment in data.environments
    ]
    drawn = tuple(figure for figure in figures if figure is not None)
    blocks: list[Block] = [
        Text(summary(found), "lead"),
        *_empty(data, found),
        *([Gallery(drawn)] if drawn else []),
        *([ledger_table(data, found)] if found else []),
        *_statements(data, ledger),
        Text("Sources, and the digest of the ledger's file as it stands in the plan:"),
        Facts(tuple(_source(file) for file in ledger)),
    ]
    return Page("published", TITLE, tuple(blocks))


def summary(found: Sequence[Match]) -> str:
    """How many values of the ledger have which verdict."""
    verdicts = [match.judgement.verdict for match in found]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    if not counts:
        return "The ledger has statements, but no value, on the environments of this grid."
    return f"{plural(len(found), 'value')} of the ledger on these environments: {listed(counts)}."


def _empty(data: GridData, found: Sequence[Match]) -> list[Block]:
    """Which publications have entries without a number."""
    empty = [match for match in found if match.published.value is None]
    blocks: list[Block] = []
    for publication in dict.fromkeys(match.published.publication for match in empty):
        files = [file["name"] for file in data.plan.settings["published"] if file["content"]["title"] == publication]
        n = sum(match.published.publication == publication for match in empty)
        words = (
            f"The ledger lacks {plural(n, 'value')} of {publication} for these environments: nobody of this project "
            f"has read its tables. Whoever has it fills them in, in `configs/published/{files[0]}.yaml`; a value that "
            "was not read from the source is never entered."
        )
        blocks.append(Text(words, "warning"))
    return blocks


def ledger_table(data: GridData, found: Sequence[Match]) -> Table:
    """One row per value."""
    return Table(
        id="published",
        caption=f"Ours, on {data.games_label}, and published",
        columns=(
            Column("Environment", numeric=False),
            Column("Method", numeric=False),
            Column("Published", "what, ±, seeds"),
            Column("Ours", "what, 95% interval"),
            Column("Difference", "prediction interval"),
            Column("Verdict", numeric=False),
            Column("Why, and known differences", numeric=False),
        ),
        rows=tuple(_row(data, match) for match in found),
        notes=(
            "Prediction interval: where the mean of as many seeds as ours falls in 95 of 100 exact replications, from "
            "the published value, its spread and its seeds. REPRODUCED: our mean is inside it, and two one-sided tests "
            "(α = .05) put the difference inside a margin that stands in the ledger. HIGHER, LOWER: outside it. "
            "INCONCLUSIVE: neither, or the ledger does not know the seeds, the spread, the frames or the split. NOT "
            "COMPARABLE: another setting. INCOMPLETE: the published value, or some of our seeds, are missing.",
            "A published value of another setting is a band to see whether a number is sane; no difference to it is "
            "computed.",
        ),
        headers=2,
    )


def _row(data: GridData, match: Match) -> tuple[Cell, ...]:
    one, judgement = match.published, match.judgement
    difference = Cell("–", mark="weak")
    if not math.isnan(judgement.difference):
        prediction = interval(judgement.prediction, one.digits) if judgement.prediction else "none"
        difference = Cell(signed(judgement.difference, one.digits), prediction, runs=match.runs)
    return (
        Cell(data.environment_label(one.environment)),
        data.method_entry(one.method, one.environment) if one.method else Cell(name(data, match)),
        _published(data, one),
        _ours(data, match),
        difference,
        Cell(judgement.verdict),
        Cell("; ".join(remarks(match))),
    )


def _unit(data: GridData, one: Published) -> str:
    """What its numbers are, as they stand in the table, where a percentage has become a fraction of 1."""
    metric = in_words(one.metric or data.headline(one.environment))
    return f"{metric}, points" if one.unit == "points" else metric


def _published(data: GridData, one: Published) -> Cell:
    if one.value is None:
        return Cell("–", "not read yet", "weak")
    spread = None if one.spread is None else f"± {number(one.spread, one.digits)} ({KINDS[str(one.spread_kind)]})"
    seeds = "seeds not said" if one.seeds is None else plural(one.seeds, "seed")
    return Cell(number(one.value, one.digits), " · ".join(filter(None, (_unit(data, one), spread, seeds))))


def _ours(data: GridData, match: Match) -> Cell:
    one, ours = match.published, match.ours
    if one.method is None:
        return Cell("–", "no method of ours", "weak")
    if ours.n == 0:
        return Cell("–", f"0/{match.planned}" if match.planned else "not in this grid", "weak")
    spread = interval(ours.interval, one.digits) if ours.interval else (ours.why or "")
    about = f"{_unit(data, one)} · {spread} · {ours.n}/{match.planned}"
    return Cell(number(ours.mean, one.digits), about, runs=match.runs)


def remarks(match: Match) -> list[str]:
    """Why the verdict is what it is, the known differences, and where the value is printed."""
    one = match.published
    found = [] if match.judgement.verdict == "NOT COMPARABLE" else [match.judgement.why]
    found += [*one.differences, *match.mismatches]
    if one.where:
        found.append(f"{one.publication}, {one.where}")
    return found


def _statements(data: GridData, ledger: Sequence[dict[str, Any]]) -> list[Block]:
    said = {e for file in ledger for one in file["content"]["statements"] for e in one["environments"]}
    if not said:
        return []
    if all(data.done(environment).empty for environment in said):
        words = "The ledger also has statements without a number; nothing is finished here that they are about."
        return [Text(words, "note")]
    return [statement_table(data, ledger)]


def statement_table(data: GridData, ledger: Sequence[dict[str, Any]]) -> Table:
    """What is said without a number, and which way this grid's means point."""
    rows = [
        row
        for file in ledger
        for statement in file["content"]["statements"]
        for environment in data.environments
        if environment in statement["environments"] and not data.done(environment).empty
        for row in [_direction(data, file["content"]["title"], statement, environment)]
    ]
    return Table(
        id="statements",
        caption="What is said without a number, and which way our means point",
        columns=(
            Column("Statement", "where it stands", numeric=False),
            Column("Environment", numeric=False),
            *(Column(words, numeric=False) for words in DIRECTIONS),
        ),
        rows=tuple(rows),
        notes=(
            "Higher, lower: the 95% Welch interval of the difference excludes 0; not adjusted for the number of "
            f"comparisons. {_tests(data)}All of it is about the settings of this grid.",
        ),
        headers=2,
    )


def _tests(data: GridData) -> str:
    """Where the adjusted tests of the same stand, and whether they were registered before there were results."""
    claims = data.plan.settings.get("claims")
    if not claims:
        return ""
    _, noted = since_named(data)
    before = bool(noted) and all(one.blind for one in noted)
    words = "registered beforehand" if before else "not all registered before the results (see Protocol)"
    return f"The tests of the claims of {claims['name']}, adjusted and {words}, stand under Verdict and Comparisons. "


DIRECTIONS = ("Higher than", "Cannot be told from", "Lower than", "Nothing known against")


def _direction(data: GridData, publication: str, statement: dict[str, Any], environment: str) -> tuple[Cell, ...]:
    groups: dict[str, list[str]] = {words: [] for words in DIRECTIONS}
    runs = list(data.done(environment, statement["better"])["key"])
    for method in statement["worse"]:
        found = welch_difference(data.scores(environment, statement["better"]), data.scores(environment, method))
        if found.excludes_zero is None:
            groups[DIRECTIONS[3]].append(method)
            continue
        place = 1 if not found.excludes_zero else 0 if found.difference > 0 else 2
        groups[DIRECTIONS[place]].append(method)
        runs += list(data.done(environment, method)["key"])
    subject = data.method_names([statement["better"]], environment)
    return (
        Cell(statement["text"], f"{publication}, {statement['where']}"),
        Cell(data.environment_label(environment), f"our {subject} is"),
        *(
            Cell(data.method_names(names, environment) or "–", mark="" if names else "weak", runs=tuple(runs))
            for names in groups.values()
        ),
    )


def _source(file: dict[str, Any]) -> tuple[str, str]:
    content = file["content"]
    return content["title"], f"{content['source']}. Read: {content['read_in']}. `{file['sha256'][:12]}`"
