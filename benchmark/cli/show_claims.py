"""What a planned grid can show of its claims, before anything is computed: its power, and what it cannot decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.cli.show import table
from benchmark.spec import Plan

_POWER = 0.8


@dataclass(frozen=True)
class ClaimPower:
    """What the planned seeds can show of one claim.

    comparisons: that it needs; here: of these, with a run on both sides; seeds: on the smaller side, the fewest. level:
    alpha / size of the family, which Holm's first step asks for. effect_first, effect_last: the smallest difference, in
    standard deviations between seeds, that one comparison finds with 80% power at `level` and at alpha. smallest_p: of
    an exact permutation test. spread: metric -> the standard deviation up to which its margin is found at `level`. The
    four are None with fewer than two seeds. warnings: what the grid cannot decide, and why.
    """

    claim: str
    exploratory: bool
    comparisons: int
    here: int
    seeds: int
    alpha: float
    level: float
    effect_first: float | None
    effect_last: float | None
    smallest_p: float | None
    spread: Mapping[str, float] | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Every field by its name."""
        return {**asdict(self), "warnings": list(self.warnings)}


def claim_powers(plan: Plan) -> list[ClaimPower]:
    """One per claim of the plan; empty for a plan without claims."""
    claims = plan.settings.get("claims")
    if not claims:
        return []
    content = claims["content"]
    sizes = Counter[str]()
    for claim in content["claims"].values():
        sizes[claim["family"]] += len(claim["environments"]) * len(claim["against"])
    seeds = Counter((cell.environment, cell.method) for cell in plan.cells if cell.unavailable is None)
    return [_power(name, claim, content, sizes[claim["family"]], seeds) for name, claim in content["claims"].items()]


def _power(
    name: str, claim: Mapping[str, Any], content: Mapping[str, Any], size: int, seeds: Mapping[tuple[str, str], int]
) -> ClaimPower:
    from reports.power import largest_spread, smallest_effect, smallest_p

    places = [(environment, against) for environment in claim["environments"] for against in claim["against"]]
    pairs = {
        place: min(seeds.get((place[0], claim["method"]), 0), seeds.get(place, 0)) for place in places
    }  # the smaller side
    here = {place: n for place, n in pairs.items() if n}
    n = min(here.values(), default=0)
    alpha = content["families"][claim["family"]]
    level = alpha / size
    metrics = {content["environments"][environment] for environment, _ in here}
    margins = {metric: content["metrics"][metric]["margin"] for metric in sorted(metrics)}
    enough = n > 1
    return ClaimPower(
        claim=name,
        exploratory=claim["exploratory"],
        comparisons=len(places),
        here=len(here),
        seeds=n,
        alpha=alpha,
        level=level,
        effect_first=smallest_effect(n, level, _POWER) if enough else None,
        effect_last=smallest_effect(n, alpha, _POWER) if enough else None,
        smallest_p=smallest_p(n) if enough else None,
        spread={metric: largest_spread(n, margin, level, _POWER) for metric, margin in margins.items()}
        if enough
        else None,
        warnings=tuple(_warnings(pairs, n, level, content["seeds"])),
    )


def _warnings(pairs: Mapping[tuple[str, str], int], n: int, level: float, wanted: int) -> Iterator[str]:
    from reports.power import smallest_p

    absent: dict[str, list[str]] = {}
    for (environment, against), seeds in pairs.items():
        if not seeds:
            absent.setdefault(environment, []).append(against)
    if absent:
        every = len({against for _, against in pairs})
        words = [
            name if len(methods) == every else f"{name} ({', '.join(methods)})" for name, methods in absent.items()
        ]
        outcome = "cannot be SUPPORTED here, only REFUTED" if n > 1 else "stays INCOMPLETE here"
        yield f"{outcome}: the grid has no runs for it on {', '.join(words)}"
    if n == 1:
        yield "cannot be decided: one seed on a side has no interval"
    elif 1 < n < wanted:
        yield f"{n} seeds on a side, and the claims ask for {wanted}"
    if n > 1 and smallest_p(n) > level:
        yield (
            f"an exact permutation test of {n} seeds a side has no p below {smallest_p(n):.2g}, and the first step of "
            f"Holm's procedure asks for {level:.2g}: only Welch's test, which trusts the t distribution, can pass it"
        )


def claims_text(plan: Plan) -> str:
    """The claims of a plan, what its seeds can show of each, and what it cannot decide; empty without claims."""
    claims, powers = plan.settings.get("claims"), claim_powers(plan)
    if not claims:
        return ""
    header = ("claim", "comparisons", "here", "seeds", "d at α/m", "d at α", "permutation p", "sd for the margin")
    rows = [
        (
            one.claim,
            one.comparisons,
            one.here,
            one.seeds or "–",
            "–" if one.effect_first is None else f"{one.effect_first:.2f} ({one.level:.2g})",
            "–" if one.effect_last is None else f"{one.effect_last:.2f}",
            "–" if one.smallest_p is None else f"≥ {one.smallest_p:.2g}",
            ", ".join(f"≤ {sd:.2g} {metric}" for metric, sd in (one.spread or {}).items()) or "–",
        )
        for one in powers
    ]
    lines = [f"claims {claims['name']}: configs/claims/{claims['name']}.yaml, SHA-256 {claims['sha256'][:12]}"]
    lines.append(table(header, rows))
    lines.append(
        "  d: the difference, in standard deviations between seeds, that one comparison finds with 80% power:\n"
        "  at α/m as the first of its family's m that Holm's procedure tests, at α as the last. sd: of seeds, at α/m"
    )
    lines += [f"  {one.claim}: {warning}" for one in powers for warning in one.warnings]
    return "\n".join(lines)


def undecidable(plan: Plan) -> str:
    """One line on the claims that the grid can never support, for before a launch; empty where there are none."""
    names = [one.claim for one in claim_powers(plan) if one.here < one.comparisons or one.seeds < 2]
    if not names:
        return ""
    return f"claims that this grid cannot support: {', '.join(names)}; `plan` says why"
