"""A plan as text for a terminal: its cells, the stages they share, and what is not available."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from benchmark.cli.show import table
from benchmark.plurals import plural
from benchmark.spec import Cell, Plan, provenance_of
from benchmark.store import RunStore

_NAMED = 4  # so many methods of a stage are always named
_LEFT_OUT = 2  # of more, those without it are named where they are so few


def plan_text(plan: Plan, store: RunStore) -> str:
    """Cells, shared stages and what is not available, with how much of it is done."""
    available = [cell for cell in plan.cells if cell.unavailable is None]
    wanted = sum(len(cell.stages) for cell in available)
    parts = [f"grid {plan.grid}: {plan.description}" if plan.description else f"grid {plan.grid}", *_settings(plan)]
    done = {key for key in store.begun() if key in plan.stages and store.is_done(key)}
    parts.append(
        f"\n{plural(len(available), 'cell needs', 'cells need')} {plural(wanted, 'stage')}; "
        f"shared ones counted once, {len(plan.stages)}"
        f" ({len(done)} done, {len(plan.stages) - len(done)} to compute)"
    )
    if available:
        header = ("environment", "method", "provenance", "seeds", "stages")
        parts.append("\ncells\n" + table(header, _cell_rows(plan, available)))
        columns = ("stage", "environment", "stages", "done", "seeds", "cells each", "methods")
        parts.append("\nstages\n" + table(columns, _stage_rows(plan, done)))
    missing = _unavailable(plan)
    if missing:
        count = len(plan.cells) - len(available)
        parts.append(f"\nnot available: {count} of {plural(len(plan.cells), 'cell')}\n{missing}")
    return "\n".join(parts)


def _settings(plan: Plan) -> Iterator[str]:
    """A line per thing that the grid has otherwise than the files."""
    preset, tuned = plan.settings.get("preset"), plan.settings.get("tuned")
    if preset:
        yield f"preset {preset}: reduced, see configs/preset/{preset}/"
    if tuned:
        count = sum(len(values) for methods in tuned["values"].values() for values in methods.values())
        yield f"tuned {tuned['name']}: {plural(count, 'value')} of configs/tuned/{tuned['name']}.yaml"
    only_in, overrides = plan.settings.get("only_in") or {}, plan.settings.get("overrides") or {}
    for key, value in overrides.items():
        yield f"override {key}={value}" + (f", only in {', '.join(only_in[key])}" if key in only_in else "")
    for environment, changes in (plan.settings.get("changes") or {}).items():
        reached = [key for key in overrides if any(f"{name}.".startswith(f"{key}.") for name in changes)]
        if reached and environment not in plan.environments:
            yield f"overrides also change {environment}, whose policy others go on from: {', '.join(reached)}"


def _cell_rows(plan: Plan, cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    groups: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}
    for cell in cells:
        groups.setdefault((cell.environment, cell.method, tuple(cell.stages)), []).append(cell.seed)
    return [
        (environment, method, provenance_of(plan, method, environment), _span(seeds), " → ".join(stages))
        for (environment, method, stages), seeds in groups.items()
    ]


def _stage_rows(plan: Plan, done: Collection[str]) -> list[tuple[str, ...]]:
    """One row for the stages that the same methods share, one for those that several methods have for themselves."""
    shared: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for key in plan.stages:
        users = plan.users[key]
        methods = tuple(dict.fromkeys(cell.method for cell in users))
        environments = tuple(dict.fromkeys((plan.environment(key), *(cell.environment for cell in users))))
        shared.setdefault(("+".join(plan.names(key)), environments, methods), []).append(key)
    rows: dict[tuple[Any, ...], tuple[list[str], list[str]]] = {}
    for (name, environments, methods), keys in shared.items():
        each = ", ".join(dict.fromkeys(str(len(plan.users[key])) for key in keys))
        alone = "" if len(methods) == 1 else ", ".join(methods)
        row = rows.setdefault((name, environments, _seeds(plan, keys), each, alone), ([], []))
        row[0].extend(keys)
        row[1].extend(methods)
    return [
        (
            name,
            " for ".join(filter(None, (environments[0], ", ".join(environments[1:])))),
            str(len(keys)),
            str(sum(key in done for key in keys)),
            seeds,
            each,
            _methods(plan, environments, methods) + (", each its own" if not alone and len(methods) > 1 else ""),
        )
        for (name, environments, seeds, each, alone), (keys, methods) in rows.items()
    ]


def _seeds(plan: Plan, keys: Sequence[str]) -> str:
    """Which seeds of cells the stages serve: `0-4, each its own`, or `0 serves 0-4` where seeds share a stage."""
    served: dict[int, list[int]] = {}
    for key in keys:
        served[plan.stages[key].params["seed"]] = list(dict.fromkeys(cell.seed for cell in plan.users[key]))
    if all(seeds == [own] for own, seeds in served.items()):
        return _span(list(served)) + (", each its own" if len(served) > 1 else "")
    return "; ".join(f"{own} serves {_span(seeds)}" for own, seeds in served.items())


def _span(numbers: Sequence[int]) -> str:
    """`0-4` for three and more in a row, else `0 2 4`."""
    first, count = numbers[0], len(numbers)
    if count > 2 and list(numbers) == list(range(first, first + count)):
        return f"{first}-{numbers[-1]}"
    return " ".join(map(str, numbers))


def _methods(plan: Plan, environments: Sequence[str], methods: Sequence[str]) -> str:
    """The methods that have a stage; where those that have not are fewer to name, these."""
    every = dict.fromkeys(c.method for c in plan.cells if c.environment in environments and c.unavailable is None)
    others = [method for method in every if method not in methods]
    if len(methods) > _NAMED and len(others) <= _LEFT_OUT:
        return f"all {len(methods)}" if not others else f"{len(methods)}, all but {', '.join(others)}"
    search = plan.settings.get("search") or {}
    families: dict[str, list[str]] = {}
    for method in every:
        families.setdefault(search.get(method, {}).get("method", method), []).append(method)
    words: dict[str, None] = {}
    for base, family in families.items():
        whole = len(family) > 1 and set(family) <= set(methods)
        words |= {f"{base}@… ({len(family)})": None} if whole else {name: None for name in family if name in methods}
    return ", ".join(words)


def _unavailable(plan: Plan) -> str:
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for cell in plan.cells:
        if cell.unavailable is not None:
            methods = reasons.setdefault((cell.environment, cell.unavailable), {})
            methods[cell.method] = methods.get(cell.method, 0) + 1
    return "\n".join(
        f"  {environment}: {', '.join(methods)} ({plural(sum(methods.values()), 'cell')}): {reason}"
        for (environment, reason), methods in reasons.items()
    )
