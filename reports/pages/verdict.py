"""The top of the report: what the data say in one sentence, and how much of the grid there is."""

from __future__ import annotations

from reports.claims import evaluate, strip
from reports.contrasts import Contrast, contrasts, reference, subject
from reports.frame import STATUSES, GridData
from reports.page import Block, Facts, Page, Text
from reports.text import duration, listed, plural


def page(data: GridData) -> Page:
    """One sentence, the claims with their status, coverage and cost."""
    if data.search:
        lead = (
            f"A search for settings on {data.games_label}: what it chose stands under Tuning. It compares no methods."
        )
        return Page(
            "verdict", "Verdict", (Text(lead, "lead"), *_imported(data), *_incomplete(data), Facts(facts(data)))
        )
    own = subject(data)
    about = [contrast for contrast in contrasts(data) if contrast.method == own]
    claims = evaluate(data)
    blocks: list[Block] = [Text(summary(data, own, about), "lead"), *_imported(data), *_incomplete(data)]
    blocks += [strip(claims)] if claims else [Text("The grid registers no claims: all of it is exploratory.", "note")]
    return Page("verdict", "Verdict", (*blocks, Facts(facts(data))))


def _imported(data: GridData) -> list[Block]:
    if data.plan.origin is None:
        return []
    words = f"These results were imported from {data.plan.origin}; nothing of them was computed or checked here."
    return [Text(words, "warning")]


def _incomplete(data: GridData) -> list[Block]:
    if not data.cells["status"].isin(("failed", "blocked", "missing")).any():
        return []
    return [Text(f"This report is incomplete: {coverage(data)}. What is missing is not counted as 0.", "warning")]


def summary(data: GridData, own: str, about: list[Contrast]) -> str:
    """One sentence on the subject over all environments, counted from the intervals."""
    base = reference(data)
    name, base_name = data.method_label(own), data.method_label(base)
    if own == base or not about:
        return f"The grid does not compare {name} with another method."
    groups: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    worse: list[str] = []
    for contrast in about:
        label = data.environment_label(contrast.environment)
        is_worse = contrast.welch.excludes_zero is True and contrast.welch.difference < 0
        (worse if is_worse else groups[contrast.welch.excludes_zero]).append(label)
    says = (
        (f"has a higher {data.headline_label} than {base_name} on", groups[True]),
        (f"has a lower {data.headline_label} than {base_name} on", worse),
        (f"cannot be told from {base_name} on", groups[False]),
    )
    told = [f"{words} {listed(names)}" for words, names in says if names]
    measure = f"the 95% Welch interval of the difference on {data.games_label}"
    unknown = listed(groups[None]) if groups[None] else ""
    if not told:
        return f"Nothing can be said of {name} against {base_name} on {unknown}: {measure} cannot be computed."
    rest = f"; on {unknown} that interval cannot be computed" if unknown else ""
    return f"{name} {listed(told)}, by {measure}{rest}."


def coverage(data: GridData) -> str:
    """`16 of 18 cells done, 1 failed, 1 missing`."""
    counts = data.cells["status"].value_counts()
    others = [f"{counts[status]} {status}" for status in STATUSES if status != "done" and counts.get(status, 0)]
    return ", ".join([f"{counts.get('done', 0)} of {len(data.cells)} cells done", *others])


def settings(data: GridData) -> str:
    """Whose settings these are."""
    if not data.knows_settings:
        return "unknown: the imported file does not say them"
    preset, overrides = data.plan.settings.get("preset"), data.plan.settings.get("overrides")
    base = f"the reduced preset {preset}" if preset else "the paper's"
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
