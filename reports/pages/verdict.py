"""The top of the report: what the data say in one sentence per comparison, and how much of the grid there is."""

from __future__ import annotations

import math

from reports.frame import STATUSES, GridData
from reports.page import Block, Bullets, Facts, Page, Text
from reports.pages.comparisons import Contrast, contrasts, reference
from reports.text import duration, interval, listed, number, plural, signed

SUBJECT = "ldd"
"""The method that the benchmark is about; otherwise the grid's last method."""


def page(data: GridData) -> Page:
    """Verdict, coverage and cost."""
    if data.search:
        lead = (
            f"A search for settings on {data.games_label}: what it chose stands under Tuning. It compares no methods."
        )
        return Page("verdict", "Verdict", (Text(lead, "lead"), *_incomplete(data), Facts(facts(data))))
    found = contrasts(data)
    subject = SUBJECT if SUBJECT in data.methods else data.methods[-1]
    about = [contrast for contrast in found if contrast.method == subject]
    others = [contrast for contrast in found if contrast.method != subject]
    papers = [contrast for contrast in others if not data.is_ours(contrast.method, contrast.environment)]
    ours = [contrast for contrast in others if data.is_ours(contrast.method, contrast.environment)]
    blocks: list[Block] = [Text(summary(data, subject, about), "lead"), *_incomplete(data)]
    if about:
        blocks.append(Bullets(tuple(sentence(data, contrast) for contrast in about)))
    base = data.method_label(reference(data))
    for title, group in ((f"The paper's other methods against {base}:", papers), (f"Ours against {base}:", ours)):
        if group:
            blocks += [Text(title), Bullets(tuple(brief(data, group, method) for method in _methods(group)))]
    if found:
        blocks.append(
            Text(
                "Exploratory: the intervals are not adjusted for the number of comparisons, and few seeds "
                "can tell only large differences from chance.",
                "note",
            )
        )
    blocks.append(Facts(facts(data)))
    return Page("verdict", "Verdict", tuple(blocks))


def _incomplete(data: GridData) -> list[Block]:
    if not data.cells["status"].isin(("failed", "blocked", "missing")).any():
        return []
    return [Text(f"This report is incomplete: {coverage(data)}. What is missing is not counted as 0.", "warning")]


def _methods(found: list[Contrast]) -> list[str]:
    return list(dict.fromkeys(contrast.method for contrast in found))


def brief(data: GridData, found: list[Contrast], method: str) -> str:
    """One method on all environments, as short as it can be said with the intervals."""
    return (
        f"{data.method_label(method)} ({_tags(data, found, method)}): "
        + "; ".join(
            f"{_standing(data, contrast)} on {data.environment_label(contrast.environment)}{_spread(contrast)}"
            for contrast in found
            if contrast.method == method
        )
        + "."
    )


def _tags(data: GridData, found: list[Contrast], method: str) -> str:
    return ", ".join(dict.fromkeys(data.provenance_tag(method, c.environment) for c in found if c.method == method))


def _standing(data: GridData, contrast: Contrast) -> str:
    if math.isnan(contrast.welch.difference):
        return "no finished seed to compare"
    if contrast.welch.excludes_zero is None:
        return "no interval"
    if not contrast.welch.excludes_zero:
        return "cannot be told apart"
    return "higher" if contrast.welch.difference > 0 else "lower"


def _spread(contrast: Contrast) -> str:
    welch = contrast.welch
    if math.isnan(welch.difference):
        return ""
    if welch.interval is None:
        return f" ({signed(welch.difference)})"
    return f" ({signed(welch.difference)} {interval(welch.interval, sign=True)}{' †' if contrast.unreliable else ''})"


def summary(data: GridData, subject: str, about: list[Contrast]) -> str:
    """One sentence on the subject over all environments, counted from the intervals."""
    base = reference(data)
    name, base_name = data.method_label(subject), data.method_label(base)
    if subject == base or not about:
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


def sentence(data: GridData, contrast: Contrast) -> str:
    """One comparison in words."""
    environment = data.environment_label(contrast.environment)
    name, base = data.method_label(contrast.method), data.method_label(contrast.reference)
    welch = contrast.welch
    if math.isnan(welch.difference):
        absent = name if welch.n[0] == 0 else base
        return f"{environment}: {name} and {base} cannot be compared, {absent} has no finished seed."
    n = f"{welch.n[0]} and {welch.n[1]} seeds"
    told = (
        f"{environment}: {data.headline_label} {number(contrast.means[0])} with {name}, {number(contrast.means[1])} "
        f"with {base} ({n}); difference {signed(welch.difference)}"
    )
    if welch.excludes_zero is None:
        return f"{told}, without an interval ({welch.why}).{separation(data, contrast)}"
    says = "excludes 0" if welch.excludes_zero else "includes 0: these seeds cannot tell them apart"
    doubt = " The interval is unreliable (†, see Results)." if contrast.unreliable else ""
    return f"{told}, 95% interval {interval(welch.interval, sign=True)}, which {says}.{doubt}"


def separation(data: GridData, contrast: Contrast) -> str:
    """Whether the seeds of the two methods overlap, which can be said even where no interval can be computed."""
    name, base = data.method_label(contrast.method), data.method_label(contrast.reference)
    first, second = contrast.ranges
    if min(contrast.welch.n) < 2 or (first[0] <= second[1] and second[0] <= first[1]):
        return ""
    return f" Every seed of {name} is {'above' if first[0] > second[1] else 'below'} every seed of {base}."


def coverage(data: GridData) -> str:
    """`16 of 18 cells done, 1 failed, 1 missing`."""
    counts = data.cells["status"].value_counts()
    others = [f"{counts[status]} {status}" for status in STATUSES if status != "done" and counts.get(status, 0)]
    return ", ".join([f"{counts.get('done', 0)} of {len(data.cells)} cells done", *others])


def settings(data: GridData) -> str:
    """Whose settings these are."""
    preset, overrides = data.plan.settings.get("preset"), data.plan.settings.get("overrides")
    base = f"the reduced preset {preset}" if preset else "the paper's"
    others = [plural(len(overrides), "override")] if overrides else []
    others += [f"tuned coefficients ({data.tuned['name']})"] if data.tuned else []
    return f"{base}, with {listed(others)} (see Protocol)" if others else base


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
        ("Computing time", f"{duration(float(data.stages['seconds'].sum()))} over all finished stages"),
    )
