"""The price of a plan as text for a terminal, and what its seeds can show."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.cli.show import duration
from benchmark.cost.price import BASES, Price
from benchmark.plurals import noun, plural
from benchmark.spec import Plan

_NAMED = 6  # so many of the stages without a price are named
_WORDS = {
    "exact": "stages that differ in the seed alone",
    "rate": "the speed of stages with the same code, task and network",
    "kind": "a rough guess from the same kind of stage elsewhere",
}


def cost_text(price: Price) -> str:
    """Two short sections: what the unfinished stages of a plan will cost, and what all of its seeds can show."""
    return "\n\n".join(filter(None, (_cost(price), _power(price))))


def _cost(price: Price) -> str:
    """Computing time, time on the clock, disk, and how well they are known."""
    if not price.stages:
        return "cost: nothing is left to compute"
    unpriced = len(price.stages) - len(price.expected)
    if unpriced > len(price.stages) / 2:
        nothing = f"nothing like {unpriced} of them was computed here" if price.expected else "nothing like them was"
        unknown = f"unknown, {nothing}" + ("" if price.expected else " computed here")
        return f"cost of {_stages(price)}: {unknown}\n{_probe(price)}"
    least = "at least " if price.unknown else ""
    lines = []
    if price.uses_gpus:
        lines.append(("GPU time", f"{least}{hours(price.gpu_hours)}"))
    lines.append(("core time", f"{least}{hours(price.core_hours)}"))
    at_once = "one stage at a time" if price.slots == 1 else f"{price.slots} stages at once"
    longest = f"; the longest chain of stages takes {duration(price.longest_s)}" if price.slots > 1 else ""
    lines.append(("on the clock", f"{least}{duration(price.wall_s)} with {at_once}{longest}"))
    short = f", {plural(price.without_disk, 'stage')} not counted" if price.without_disk else ""
    if price.without_disk < len(price.stages):
        lines.append(("disk", f"{'at least ' if short else ''}{volume(price.disk)}{short}"))
    lines.append(("known from", "; ".join(_bases(price))))
    text = f"cost of {_stages(price)}\n"
    text += "\n".join(f"  {name:12}  {words}" for name, words in lines)
    return text + (f"\n{_probe(price)}" if price.unmeasured else "")


def _stages(price: Price) -> str:
    return f"the {len(price.stages)} stages to compute" if len(price.stages) > 1 else "the one stage to compute"


def _power(price: Price) -> str:
    """One line; none for a plan without two methods to compare."""
    power = price.power
    if power is None:
        return ""
    if power["effect"] is None:
        return "what 1 seed can show: no difference between methods, for a test needs at least 2"
    return (
        f"what {power['seeds']} seeds can show: a difference of {power['effect']:.1f} standard deviations between two "
        f"methods (Welch's t, alpha .05, power .8); an exact rank test reaches p = {power['rank_p']:.2g} at best"
    )


def budget_text(plan: Plan, kept: Plan, price: Price, text: str) -> str:
    """Which seeds of a plan a budget keeps, what they take of it, and which it leaves out; price: of the plan."""
    seeds = list(dict.fromkeys(cell.seed for cell in plan.cells))
    inside = {cell.seed for cell in kept.cells}
    spent = sum(price.hours(key) for key in kept.stages)
    left_out = [str(seed) for seed in seeds if seed not in inside]
    names = ", ".join(map(str, sorted(inside)))
    words = f"budget {text}: keeps {len(inside)} of {plural(len(seeds), 'seed')} ({names})"
    words += f" with {len(kept.cells)} of {plural(len(plan.cells), 'cell')}, {hours(spent)} of {price.unit}"
    return words + (f"; left out: {', '.join(left_out)}" if left_out else "")


def hours(number: float) -> str:
    """929.1 h, 42 min."""
    return f"{number:.1f} h" if number >= 1 else f"{number * 60:.0f} min" if number >= 1 / 60 else "under a minute"


def volume(size: float) -> str:
    """42 MB, 1.3 GB."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _bases(price: Price) -> Iterator[str]:
    whole = sum(seconds for _, seconds in price.bases.values())
    for basis in BASES:
        stages, seconds = price.bases[basis]
        if stages and basis == "unknown":
            yield f"nothing: {stages} of {plural(len(price.stages), 'stage')} {noun(stages, 'has', 'have')} no price"
        elif stages:
            yield f"{_WORDS[basis]}: {seconds / whole if whole else 0:.0%}"


def _probe(price: Price) -> str:
    """What a probe would measure: kind and environment of stages, each once."""
    plan = price.plan
    found = list(dict.fromkeys(f"{plan.stages[key].kind} of {plan.environment(key)}" for key in price.unmeasured))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"  --probe measures what no finished stage here is like: {', '.join(found[:_NAMED])}{more}"
