"""The claims of a grid's plan, tested on its results (rules 7, 8 and 13; configs/claims/ldd2022.yaml says how)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from reports.claims.comparing import RESAMPLES, Compare, alone, compared, gate
from reports.claims.registration import since_named
from reports.claims.results import ClaimResult, ClaimsReport, Comparison, Gate, Status
from reports.claims.sides import Pair, ScaleOf, ScoresOf, Scoring, pair
from reports.frame import GridData
from reports.normalise import reference
from reports.stats import welch_difference
from reports.text import listed, number, plural

_registered: WeakKeyDictionary[GridData, ClaimsReport | None] = WeakKeyDictionary()


def as_registered(data: GridData) -> ClaimsReport | None:
    """The claims by the analysis that was registered, computed once for all pages; None where the plan names none."""
    if data not in _registered:
        _registered[data] = evaluate(data)
    return _registered[data]


def evaluate(
    data: GridData,
    values: ScoresOf | None = None,
    compare: Compare = welch_difference,
    resamples: int = RESAMPLES,
    scale: ScaleOf | None = None,
) -> ClaimsReport | None:
    """The status of every claim that the grid's plan names; None where it names none.

    values: one score per finished run of (environment, method), instead of the claim's metric; more must be better in
    the same way. compare: instead of Welch's test. scale: for the scores and for the ends of their metric; the margin
    is taken to be one of that scale. With any of them it is another analysis than the one registered.
    resamples: of each permutation test, where its arrangements are too many to count.
    """
    claims = data.plan.settings.get("claims")
    if not claims:
        return None
    content = claims["content"]
    scoring = Scoring(values, scale, cache(lambda environment: reference(data, environment)))
    pairs = {name: _pairs(data, content, claim, scoring) for name, claim in content["claims"].items()}
    gates, results = [], {}
    for family, alpha in content["families"].items():
        of_family = {name: pairs[name] for name, claim in content["claims"].items() if claim["family"] == family}
        every = [one for its in of_family.values() for one in its]
        gates.append(gate(family, every, alpha, resamples))
        found = iter(compared(every, alpha, compare, resamples))
        for name, its in of_family.items():
            comparisons = tuple(next(found) for _ in its)
            status, why = decide(data, comparisons, gates[-1])
            about = {key: content["claims"][name][key] for key in ("text", "source", "family", "exploratory")}
            results[name] = ClaimResult(id=name, **about, status=status, why=why, comparisons=comparisons)
    before, named = since_named(data)
    first, *edits = named or (None,)
    return ClaimsReport(
        name=claims["name"],
        sha256=claims["sha256"],
        about=content["about"],
        scope=scope(data),
        registered=first,
        edits=tuple(edits),
        before=tuple(before),
        gates=tuple(gates),
        claims=tuple(results[name] for name in content["claims"]),
        exploratory=tuple(_exploratory(data, content, scoring, compare, resamples)),
    )


def _pairs(data: GridData, content: Mapping[str, Any], claim: Mapping[str, Any], scoring: Scoring) -> list[Pair]:
    found = [pair(data, content, claim, e, a, scoring) for e in claim["environments"] for a in claim["against"]]
    return [one for one in found if one is not None]


def _exploratory(
    data: GridData, content: Mapping[str, Any], scoring: Scoring, compare: Compare, resamples: int
) -> list[Comparison]:
    """The claims' comparisons where the grid has both methods, but no claim of theirs has the environment."""
    claims = content["claims"].values()
    tested = {(e, c["method"], a) for c in claims for e in c["environments"] for a in c["against"]}
    found: dict[tuple[str, str, str], Comparison] = {}
    for claim in claims:
        for environment in data.environments:
            for against in claim["against"]:
                place = (environment, claim["method"], against)
                planned = all(len(data.group(environment, method)) for method in place[1:])
                if planned and place not in tested and place not in found:
                    one = pair(data, content, claim, environment, against, scoring)
                    if one is not None:
                        found[place] = alone(one, content["families"][claim["family"]], compare, resamples)
    return list(found.values())


def decide(data: GridData, comparisons: Sequence[Comparison], gate: Gate) -> tuple[Status, str]:
    """The status of a claim with these comparisons, and why in one line."""
    of = {word: [one for one in comparisons if one.verdict == word] for word in ("holds", "fails", "incomplete")}
    total = plural(len(comparisons), "comparison")
    if of["fails"]:
        more = f" ({len(of['fails'])} of {total} fail)" if len(comparisons) > 1 else ""
        first = next((one for one in of["fails"] if not one.level), of["fails"][0])
        remark = f"; {first.remark}" if first.remark else ""
        return "REFUTED", f"{_place(data, first)}: {first.why}{remark}{more}"
    held = f"{len(of['holds'])} of {total} {'holds' if len(comparisons) == 1 else 'hold'}"
    if of["incomplete"]:
        return "INCOMPLETE", f"{held}; {_missing(data, of['incomplete'])}"
    if len(of["holds"]) == len(comparisons):
        if gate.passed:
            return "SUPPORTED", f"{held}, the gate's p is {number(gate.p, 4)}"
        worst = "" if gate.p >= gate.alpha else " with the worst that missing runs could have shown"
        p = gate.p if gate.p >= gate.alpha else gate.p_worst
        return "INCONCLUSIVE", f"{held}, but the family's gate is not passed{worst}: its p is {number(p, 4)}"
    open_ones = [one for one in comparisons if one.verdict == "undecided"]
    return "INCONCLUSIVE", f"{held}; {_place(data, open_ones[0])}: {open_ones[0].why}"


def _place(data: GridData, one: Comparison) -> str:
    return f"{data.method_label(one.method)} against {data.method_label(one.against)} on {_environment(data, one)}"


def _environment(data: GridData, one: Comparison) -> str:
    return data.environment_label(one.environment)


def _missing(data: GridData, incomplete: Sequence[Comparison]) -> str:
    """What is missing, by reason: `not in this grid: ALFWorld (5)`."""
    reasons: dict[str, dict[str, int]] = {}
    for one in incomplete:
        places = reasons.setdefault(one.why, {})
        places[_environment(data, one)] = places.get(_environment(data, one), 0) + 1
    return "; ".join(
        f"{reason}: {listed([f'{name} ({n})' if n > 1 else name for name, n in places.items()])}"
        for reason, places in reasons.items()
    )


def scope(data: GridData) -> str:
    """What the statuses are about, where that is not the settings of the files; else empty."""
    settings = data.plan.settings
    preset, overrides = settings.get("preset"), settings.get("overrides")
    words = [f"the reduced preset {preset}"] if preset else []
    words += [f"coefficients from a search ({data.tuned.get('name')})"] if data.tuned else []
    words += [plural(len(overrides), "override")] if overrides else []
    if not words:
        return ""
    return f"The statuses are about {listed(words)}; they are no verdict on the paper, whose settings were others."
