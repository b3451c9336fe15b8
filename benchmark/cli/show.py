"""The state and the results of a plan as text for a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from benchmark.decimals import decimals
from benchmark.plurals import plural
from benchmark.spec import SKIPPED, Outcome, Plan, headline_of, provenance_of
from benchmark.store import RunStore


def table(header: Sequence[str], rows: Iterable[Sequence[object]], indent: str = "  ") -> str:
    """Left-aligned columns two spaces apart."""
    lines = [list(header), *([str(item) for item in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(indent + line.rstrip() for line in padded)


def failure_lines(
    plan: Plan, cells: Mapping[str, Outcome], outcomes: Mapping[str, Outcome], store: RunStore
) -> list[str]:
    """One line per cell that failed by a stage of its own, and per other failed stage: why, and where its log is.

    A stage that cells share is told once, with those that it blocks. cells: outcome of each of the plan's cells, by its
    name. outcomes: of its stages, by key.
    """
    failed = {name: outcome for name, outcome in cells.items() if outcome.state == "failed"}
    said = {outcome.key for outcome in failed.values()}
    lines = [f"{name} failed: {outcome.reason}{log_words(outcome, store)}" for name, outcome in failed.items()]
    for key in plan.stages:
        outcome = outcomes[key]
        if outcome.state == "failed" and key not in said:
            needing = [cell.name for cell in plan.users[key] if key in plan.required(cell)]
            blocked = [name for name in needing if cells[name].state == "blocked"]
            effect = f"; it blocks {_some(blocked)}" if blocked else "" if needing else "; no result needs it"
            lines.append(f"{plan.label(key)} failed{effect}: {outcome.reason}{log_words(outcome, store)}")
    return lines


def skipped_lines(plan: Plan, outcomes: Mapping[str, Outcome], store: RunStore) -> list[str]:
    """One line per finished stage whose result says `skipped` above 0: so many files it left out, each in its log."""
    counts = {key: outcome.metrics.get(SKIPPED, 0) for key, outcome in outcomes.items() if outcome.state == "done"}
    return [
        f"{plan.label(key)} skipped {plural(count, 'file')}, named with the reason in {store.log_file(key)}"
        for key, count in counts.items()
        if count > 0
    ]


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{plural(len(names), 'cell')}, such as {names[0]}"


def log_words(outcome: Outcome, store: RunStore) -> str:
    """Where a stage's log is, in brackets; nothing where it has none."""
    return f" (log: {store.root / outcome.log})" if outcome.log else ""


def results_asked_for(plan: Plan, chosen: Plan, cells: Mapping[str, Outcome]) -> str:
    """The table of the methods and environments of the chosen cells, with all their seeds; then how many others are."""
    asked = {(cell.environment, cell.method) for cell in chosen.cells}
    shown = plan.only(tuple(cell for cell in plan.cells if (cell.environment, cell.method) in asked))
    others = len(plan.cells) - len(shown.cells)
    words = (
        f"\nnot asked for: {plural(others, 'cell')} of other methods and environments; see `status`" if others else ""
    )
    return result_table(shown, cells) + words


def result_table(plan: Plan, cells: Mapping[str, Outcome]) -> str:
    """Method × environment: the mean of the headline metric over the seeds that are done, and how many those are."""
    means = {
        method: {name: _mean(own, headline_of(plan, name)) for name, own in pairs.items()}
        for method, pairs in by_pair(plan, cells)
    }
    return f"{headline_words(plan)}, mean over seeds (seeds done / planned)\n" + method_table(plan, means)


def headline_words(plan: Plan) -> str:
    """`win_rate`; where environments have several: `win_rate (rtfm-s1, rtfm-s2), episode_return (nethack-score)`."""
    places: dict[str, list[str]] = {}
    for name in dict.fromkeys(cell.environment for cell in plan.cells):
        places.setdefault(headline_of(plan, name), []).append(name)
    if len(places) < 2:
        return next(iter(places), plan.headline)
    return ", ".join(f"{metric} ({', '.join(names)})" for metric, names in places.items())


def _mean(own: Sequence[Outcome], metric: str) -> str:
    if all(outcome.state == "unavailable" for outcome in own):
        return "n/a"
    numbers = headlines(own, metric)
    return f"{score(fmean(numbers)) if numbers else '–'} ({len(numbers)}/{len(own)})"


def headlines(own: Iterable[Outcome], metric: str) -> list[float]:
    """The metric of those outcomes that are done."""
    values = [outcome.metrics.get(metric) for outcome in own if outcome.state == "done"]
    return [float(value) for value in values if isinstance(value, int | float)]


def score(value: float) -> str:
    """0.512, 312.4 or 2012."""
    return f"{value:.{decimals([value])}f}"


def by_pair(plan: Plan, cells: Mapping[str, Outcome]) -> Iterable[tuple[str, dict[str, list[Outcome]]]]:
    """Method, and environment -> the outcomes of its cells."""
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for cell in plan.cells:
        groups.setdefault(cell.method, {}).setdefault(cell.environment, []).append(cells[cell.name])
    return groups.items()


def method_table(plan: Plan, entries: Mapping[str, Mapping[str, str]]) -> str:
    """A row per method, with where it comes from, and a column per environment; entries: method -> environment."""
    environments = list(dict.fromkeys(cell.environment for cell in plan.cells))
    rows = [
        [method, provenance_of(plan, method), *(own.get(name, "") for name in environments)]
        for method, own in entries.items()
    ]
    return table(["", "", *environments], rows)


def folded(text: str) -> str:
    """On a terminal, lines broken between words, what follows two spaces further in; elsewhere the text as it is."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        broken = textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=False
        )
        lines += [part.rstrip() for part in broken] or [""]
    return "\n".join(lines)


def abbreviated(commit: str | None) -> str:
    """The first digits of a commit, with a `+` where its working tree had changes."""
    digits, plus, _ = (commit or "").partition("+")
    return digits[:12] + plus


def short(number: float) -> str:
    """1234567 as 1.2M, for a narrow column."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if number >= size:
            return f"{number / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
