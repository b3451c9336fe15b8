"""Part of a grid that fits into a budget: whole seeds, each with all its environments and methods."""

from __future__ import annotations

import re

from benchmark.cli.show_cost import hours
from benchmark.cost.price import Price
from benchmark.errors import BadInput
from benchmark.plurals import noun, plural
from benchmark.spec import Cell, Plan

_HOURS = {"m": 1 / 60, "h": 1.0, "d": 24.0}


def parse(text: str) -> float:
    """Hours of `40h`, `90m`, `2d`, `1.5h`. Raises BadInput."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([mhd])", text.strip())
    given = float(found[1]) * _HOURS[found[2]] if found else 0.0
    if given <= 0:
        raise BadInput(f"--budget is {text!r}, expected a time such as 40h, 90m or 2d")
    return given


def within(plan: Plan, price: Price, text: str) -> Plan:
    """The seeds of a plan that fit into a budget, as many as possible; a stage that seeds share is paid once.

    Hours are of GPUs where a stage uses one, else of cores. Seeds that need least come first, which are those already
    begun; else they are taken in the order of the grid. Raises BadInput where a price is unknown, and where not even
    one seed fits.
    """
    limit = parse(text)
    if price.unknown:
        share = f"{len(price.unknown)} of {plural(len(price.stages), 'stage')}"
        raise BadInput(
            f"--budget {text}: {share} {noun(len(price.unknown), 'has', 'have')} no price, for nothing like "
            f"{noun(len(price.unknown), 'it', 'them')} has been computed here; add --probe, which measures their speed"
        )
    blocks = _blocks(plan)
    needs = {
        seed: dict.fromkeys(key for cell in cells for key in cell.stages.values()) for seed, cells in blocks.items()
    }
    alone = {seed: sum(map(price.hours, keys)) for seed, keys in needs.items()}
    kept: list[int] = []
    paid: set[str] = set()
    spent = 0.0
    for seed in sorted(blocks, key=lambda seed: alone[seed]):
        more = sum(price.hours(key) for key in needs[seed] if key not in paid)
        if spent + more > limit:
            break
        kept.append(seed)
        paid.update(needs[seed])
        spent += more
    if not kept:
        cheapest = min(alone, key=lambda seed: alone[seed])
        raise BadInput(
            f"--budget {text} is not enough for one seed; seed {cheapest}, with all its environments and methods, "
            f"takes {hours(alone[cheapest])} of {price.unit}"
        )
    return plan.only(tuple(cell for cell in plan.cells if cell.seed in kept))


def _blocks(plan: Plan) -> dict[int, list[Cell]]:
    """Seed -> its cells."""
    blocks: dict[int, list[Cell]] = {}
    for cell in plan.cells:
        blocks.setdefault(cell.seed, []).append(cell)
    return blocks
