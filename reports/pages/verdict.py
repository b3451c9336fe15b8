"""The top of the report: one sentence, the claims, how much of the grid there is, and what it is."""

from __future__ import annotations

from reports.claims import as_registered, strip
from reports.evidence import too_few
from reports.frame import GridData
from reports.lead import coverage, lead, without_score
from reports.page import Block, Facts, Page, Text
from reports.text import duration, listed, plural


def page(data: GridData) -> Page:
    """One sentence, the claims with their status, coverage and cost."""
    if data.search:
        words = f"A search for settings on {data.games_label}: what it chose stands under Tuning."
        found: list[Block] = [Text(f"{words} It compares no methods.", "lead"), *_imported(data), *_incomplete(data)]
        return Page("verdict", "Verdict", (*found, Facts(facts(data))))
    claims = as_registered(data)
    blocks: list[Block] = [Text(lead(data, claims), "lead"), *_imported(data), *_incomplete(data), *too_few(data)]
    blocks += [strip(claims)] if claims else [Text("The grid registers no claims: all of it is exploratory.", "note")]
    return Page("verdict", "Verdict", (*blocks, Facts(facts(data))))


def _imported(data: GridData) -> list[Block]:
    if data.plan.origin is None:
        return []
    words = f"These results were imported from {data.plan.origin}; nothing of them was computed or checked here."
    return [Text(words, "warning")]


def _incomplete(data: GridData) -> list[Block]:
    if not data.cells["status"].isin(("failed", "blocked", "missing")).any() and not without_score(data):
        return []
    return [Text(f"This report is incomplete: {coverage(data)}. What is missing is not counted as 0.", "warning")]


def settings(data: GridData) -> str:
    """Whose settings these are."""
    if not data.knows_settings:
        return "unknown: the imported file does not say them"
    preset, overrides = data.plan.settings.get("preset"), data.plan.settings.get("overrides")
    base = f"the reduced preset {preset}" if preset else "the defaults"
    others = [plural(len(overrides), "override")] if overrides else []
    others += [f"tuned coefficients ({data.tuned['name']})"] if data.tuned else []
    return f"{base}, with {listed(others)} (see Protocol)" if others else base


def computing_time(data: GridData) -> str:
    """Of all that is finished; imported results say it per cell only, stages that cells share in full for each."""
    seconds = duration(float(data.stages["seconds"].sum(min_count=1)))
    if data.plan.origin is None:
        return f"{seconds} over all finished stages"
    return f"{seconds} over all cells, what they share counted for each"


def facts(data: GridData) -> tuple[tuple[str, str], ...]:
    """Grid, coverage, commit, dates and cost."""
    seeds = sorted(set(data.cells["seed"]))
    commits = {str(facts.get("commit"))[:12] for facts in data.provenance.values() if facts.get("commit")}
    dirty = any(facts.get("dirty") for facts in data.provenance.values())
    finished = sorted(str(time) for time in data.stages["finished"].dropna())
    return (
        ("Grid", data.plan.grid),
        ("What it is", data.plan.description or "–"),
        ("Coverage", coverage(data)),
        ("Seeds", ", ".join(map(str, seeds))),
        ("Settings", settings(data)),
        ("Commit", (", ".join(sorted(commits)) or "unknown") + (" with uncommitted changes" if dirty else "")),
        ("Last result", finished[-1].replace("T", " ")[:19] if finished else "none"),
        ("Computing time", computing_time(data)),
    )
