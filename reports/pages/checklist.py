"""What a reviewer asks of an empirical paper, answered from the data; what they do not tell stays "unknown"."""

from __future__ import annotations

from collections.abc import Iterator

from reports.audit import audit
from reports.claims import since_named
from reports.frame import GridData
from reports.lead import coverage, without_score
from reports.tables import Cell, Column, Table
from reports.text import duration, listed, plural

UNKNOWN = "unknown"
Answer = tuple[str, str, str]
"""Question, answer (yes, partly, no, unknown), what it rests on."""


def checklist(data: GridData) -> Table:
    """The items of the NeurIPS paper checklist that data can answer (statistics.md rule 16)."""
    return Table(
        "checklist",
        "Checklist",
        (Column("Question", numeric=False), Column("Answer", numeric=False), Column("Because", numeric=False)),
        tuple(
            (Cell(question), Cell(answer, mark="weak" if answer == UNKNOWN else ""), Cell(why))
            for question, answer, why in answers(data)
        ),
        (
            "After the NeurIPS paper checklist, in our words, as far as run folders can answer it. Broader impact, "
            "ethics and consent are for people to answer, and are not in it.",
        ),
    )


def answers(data: GridData) -> Iterator[Answer]:
    """One by one."""
    yield _claims(data)
    yield _settings(data)
    yield _tuning(data)
    yield _spread(data)
    yield _seeds(data)
    yield _compute(data)
    yield _code(data)
    yield _packages(data)
    yield _complete(data)
    yield "Are the licences of what it uses named?", "yes", "`LICENSE` and `NOTICE` of the project; none is in the runs"


def _claims(data: GridData) -> Answer:
    question = "Were the claims fixed before there were scores?"
    given = data.plan.settings.get("claims")
    if not given:
        return question, "no", "the grid registers no claims"
    before, named = since_named(data)
    if not named:
        return question, UNKNOWN, "the plan names claims, but not when they were registered"
    registered, *edits = named
    seen = [one for one in edits if not one.blind]
    when = f"registered {registered.at[:10]}, {registered.when}"
    edited = f"claims, seeds or settings changed {plural(len(edits), 'time')}" if edits else "nothing changed since"
    edited += f", {len(seen)} of them after results" if seen else ""
    others = [f"`{name}`" for name in dict.fromkeys(one.name for one in before) if name]
    edited += f"; before that the grid had {listed(others)}" if others else ""
    return question, ("partly" if seen else "yes") if registered.blind else "no", f"{when}; {edited}"


def _settings(data: GridData) -> Answer:
    question = "Are all settings given, with what differs from the defaults?"
    if not data.knows_settings:
        return question, UNKNOWN, "the imported file does not say them"
    changes = data.plan.settings.get("changes") or {}
    reduced = sum(len(of_environment) for of_environment in changes.values())
    differ = f"{plural(reduced, 'setting')} {'differs' if reduced == 1 else 'differ'} from the defaults"
    why = f"{differ}, listed under Protocol" if reduced else "the defaults"
    return question, "yes", why


def _tuning(data: GridData) -> Answer:
    question = "Is the choice of coefficients disclosed?"
    if data.search:
        return question, "yes", "this grid is the search; every candidate is in it"
    if data.tuned:
        return question, "yes", f"`{data.tuned.get('name')}`, with games, seeds and candidates; see Protocol"
    if not data.knows_settings:
        return question, UNKNOWN, "the imported file does not say it"
    return question, "yes", "none was searched: defaults"


def _spread(data: GridData) -> Answer:
    question = "Are errors given, and what they are over?"
    counts = [len(data.done(e, m)) for e in data.environments for m in data.methods if len(data.done(e, m))]
    if not counts:
        return question, UNKNOWN, "nothing is finished"
    if min(counts) < 2:
        return question, "partly", "95% t intervals over training seeds, undefined where one seed is finished"
    seeds = (
        plural(max(counts), "training seed") if min(counts) == max(counts) else f"{min(counts)} to {max(counts)} seeds"
    )
    return question, "yes", f"95% t intervals over {seeds}, every seed shown"


def _seeds(data: GridData) -> Answer:
    question, found = "Do seeds seed everything?", audit(data)
    if not found.pairs:
        return question, UNKNOWN, "no two seeds to compare"
    if found.same:
        return question, "no", f"{plural(len(found.same), 'pair')} of seeds ended with the same weights"
    return question, "yes", f"all {plural(found.pairs, 'pair')} of seeds ended with different weights"


def _compute(data: GridData) -> Answer:
    seconds = float(data.stages["seconds"].sum())
    machines = {str(facts.get("hardware", {}).get("processor") or "") for facts in data.provenance.values()} - {""}
    if not machines:
        return "Are computing time and machines given?", UNKNOWN, "no run has recorded its machine"
    why = f"{duration(seconds)} in finished stages, on {', '.join(sorted(machines))}; energy was not measured"
    return "Are computing time and machines given?", "yes", why


def _code(data: GridData) -> Answer:
    question = "Is the code of every run known?"
    named = [facts for facts in data.provenance.values() if facts.get("commit")]
    if not named:
        return question, UNKNOWN, "no run names a commit"
    dirty = sum(bool(facts.get("dirty")) for facts in named)
    if dirty or len(named) < len(data.provenance):
        rest = len(data.provenance) - len(named)
        return question, "partly", f"{plural(dirty, 'run')} with uncommitted changes, {rest} without a commit"
    commits = {str(facts["commit"]) for facts in named}
    return question, "yes", f"{plural(len(commits), 'commit')}, no uncommitted changes"


def _packages(data: GridData) -> Answer:
    question = "Are package versions recorded?"
    recorded = sum(bool(facts.get("packages")) for facts in data.provenance.values())
    if not data.provenance or not recorded:
        return question, UNKNOWN, "no run has recorded its packages"
    answer = "yes" if recorded == len(data.provenance) else "partly"
    return question, answer, f"of {recorded} of {plural(len(data.provenance), 'begun run')}"


def _complete(data: GridData) -> Answer:
    done, planned = int((data.cells["status"] == "done").sum()), len(data.cells)
    answer = "yes" if done == planned and not without_score(data) else "partly"
    return (
        "Is every planned run reported?",
        answer,
        f"{coverage(data)}; what is not done is listed with a reason",
    )
