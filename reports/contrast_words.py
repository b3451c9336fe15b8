"""A difference between two methods in words, no surer than its interval."""

from __future__ import annotations

import math

from reports.contrasts import Contrast
from reports.frame import GridData
from reports.text import interval, number, plural, signed


def sentence(data: GridData, contrast: Contrast) -> str:
    """One comparison in words."""
    environment = data.environment_label(contrast.environment)
    name, base = data.method_label(contrast.method), data.method_label(contrast.reference)
    welch = contrast.welch
    if math.isnan(welch.difference):
        absent = name if welch.n[0] == 0 else base
        return f"{environment}: {name} and {base} cannot be compared, {absent} has no finished seed."
    n = f"{welch.n[0]} and {plural(welch.n[1], 'seed')}"
    label, digits = data.headline_label(contrast.environment), data.digits(contrast.environment)
    first, second = (number(mean, digits) for mean in contrast.means)
    told = (
        f"{environment}: {label} {first} with {name}, {second} with {base} ({n}); "
        f"difference {signed(welch.difference, digits)}"
    )
    if welch.excludes_zero is None:
        return f"{told}, without an interval ({welch.why}).{separation(data, contrast)}"
    says = "excludes 0" if welch.excludes_zero else "includes 0: these seeds cannot tell them apart"
    doubt = " The interval is unreliable (†, see Results)." if contrast.unreliable else ""
    return f"{told}, 95% interval {interval(welch.interval, digits, sign=True)}, which {says}.{doubt}"


def separation(data: GridData, contrast: Contrast) -> str:
    """Whether the seeds of the two methods overlap, which can be said even where no interval can be computed."""
    first, second = contrast.scores
    if min(contrast.welch.n) < 2 or (first.min() <= second.max() and second.min() <= first.max()):
        return ""
    side = "above" if first.min() > second.max() else "below"
    name, base = data.method_label(contrast.method), data.method_label(contrast.reference)
    return f" Every seed of {name} is {side} every seed of {base}."


def brief(data: GridData, found: list[Contrast], method: str) -> str:
    """One method on all environments, as short as it can be said with the intervals."""
    about = [contrast for contrast in found if contrast.method == method]
    tags = dict.fromkeys(data.provenance_tag(method, contrast.environment) for contrast in about)
    told = (f"{standing(c)} on {data.environment_label(c.environment)}{_spread(data, c)}" for c in about)
    return f"{data.method_label(method)} ({', '.join(tags)}): {'; '.join(told)}."


def standing(contrast: Contrast) -> str:
    """How the method stands to its reference, by the Welch interval."""
    if math.isnan(contrast.welch.difference):
        return "no finished seed to compare"
    if contrast.welch.excludes_zero is None:
        return "no interval"
    if not contrast.welch.excludes_zero:
        return "cannot be told apart"
    return "higher" if contrast.welch.difference > 0 else "lower"


def _spread(data: GridData, contrast: Contrast) -> str:
    welch, digits = contrast.welch, data.digits(contrast.environment)
    if math.isnan(welch.difference):
        return ""
    if welch.interval is None:
        return f" ({signed(welch.difference, digits)})"
    spread = interval(welch.interval, digits, sign=True)
    return f" ({signed(welch.difference, digits)} {spread}{' †' if contrast.unreliable else ''})"


def p_text(p: float) -> str:
    """A p value: `0.031`, `< 0.001`; "–" where it is undefined."""
    return "< 0.001" if p < 0.001 else number(p)
