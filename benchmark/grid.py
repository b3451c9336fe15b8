"""From a request to a plan: environment × method is composed, seeds vary as plain data, stages are merged."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmark.composer import Composer
from benchmark.configs import Configs, leaves
from benchmark.errors import BadInput, nearest, unknown
from benchmark.request import Request, nearest_cell
from benchmark.spec import Cell, Plan, Stage
from benchmark.validate import Schema

_FREE_GROUPS = ("env", "executor", "preset")  # whose files need not all have the same keys


def make_plan(configs: Configs, schema: Schema, request: Request) -> Plan:
    """The plan of a request. Raises BadInput for whatever in the configuration does not fit together."""
    environments = {name: _own(configs, "env", name) for name in request.environments}
    methods = {one.name: one.about(_own(configs, "method", one.file)) for one in request.methods}
    for group in configs.groups():
        if group not in _FREE_GROUPS:
            _require_same_keys(configs, group)
    cells: list[Cell] = []
    stages: dict[str, Stage] = {}
    composer = Composer(configs, schema, request)
    with configs.hydra():
        for env_file, environment in environments.items():
            for method in request.methods:
                reason = _unavailable(str(environment["id"]), environment, methods[method.name])
                pipeline = None if reason else composer.pipeline(env_file, method)
                for index, seed in enumerate(request.seeds):
                    if pipeline is None:
                        cells.append(Cell(environment["id"], method.name, seed, unavailable=reason))
                        continue
                    teacher = seed if request.teacher_seeds is None else request.seeds[index % request.teacher_seeds]
                    keys = pipeline.expand(stages, {"policy": seed, "teacher": teacher})
                    cells.append(Cell(environment["id"], method.name, seed, keys))
    root = configs.read("config")
    return Plan(
        grid=request.name,
        description=request.description,
        cells=tuple(cells),
        stages=stages,
        result=root["result"],
        headline=root["headline"],
        settings={
            **request.settings,
            "changes": {environments[n]["id"]: c for n, c in composer.changes.items() if c},
            "tuned": composer.tuned(),
        },
        environments={own["id"]: composer.environments.get(name, own) for name, own in environments.items()},
        methods={name: composer.methods.get(name, own) for name, own in methods.items()},
    )


def select(plan: Plan, patterns: Sequence[str]) -> tuple[Cell, ...]:
    """The cells that match any `environment/method/seed` pattern (shell wildcards; missing parts match all).

    Raises BadInput for a pattern that matches nothing.
    """
    if not patterns:
        return plan.cells
    chosen: dict[str, Cell] = {}
    for pattern in patterns:
        parts = pattern.split("/")
        if len(parts) > 3 or not all(parts):
            raise BadInput(
                f"--only {pattern!r}: expected environment/method/seed, wildcards allowed, as in 'rtfm*/ldd*/0'"
            )
        environment, method, seed = [*parts, "*", "*"][:3]
        matching = {
            cell.name: cell
            for cell in plan.cells
            if _matches(cell.environment, environment)
            and _matches(cell.method, method)
            and fnmatch.fnmatchcase(str(cell.seed), seed)
        }
        if not matching:
            near = nearest_cell(pattern, [cell.name for cell in plan.cells])
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadInput(f"--only {pattern!r} matches none of the {len(plan.cells)} cells of {plan.grid!r}{hint}")
        chosen |= matching
    return tuple(cell for cell in plan.cells if cell.name in chosen)


def _matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern as it is written, or with dashes and underscores being one."""
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.replace("_", "-"), pattern.replace("_", "-"))


def _own(configs: Configs, group: str, name: str) -> dict[str, Any]:
    """What the file says of the environment or method itself."""
    content = configs.read(f"{group}/{name}")
    own = content.get(group, content)
    shown = configs.shown(f"{group}/{name}")
    if group == "env" and not isinstance(own.get("id"), str):
        raise BadInput(f"{shown}: env.id is missing, expected the environment's name")
    if group == "method" and isinstance(own.get("provenance"), Mapping):
        _require_provenance(own["provenance"], configs.environments(), shown)
    return dict(own)


def _require_provenance(words: Mapping[str, Any], environments: Iterable[str], shown: str) -> None:
    if "default" not in words:
        raise BadInput(f"{shown}: provenance.default is missing, expected the word for all other environments")
    for name, word in words.items():
        if name != "default" and name not in environments:
            raise BadInput(f"{shown}: provenance: {unknown('environment', str(name), environments)}")
        if not isinstance(word, str):
            raise BadInput(f"{shown}: provenance.{name} is {word!r}, expected a word")


def _unavailable(name: str, environment: Mapping[str, Any], method: Mapping[str, Any]) -> str | None:
    reasons = [environment.get("unavailable"), method.get("unavailable")]
    reasons.append((method.get("unavailable_on") or {}).get(name))
    found = [str(reason) for reason in reasons if reason]
    return "; ".join(found) or None


def _require_same_keys(configs: Configs, group: str) -> None:
    """Files of one group can stand for each other, so all have the same keys; a misspelt one is found by that."""
    files = {name: _own(configs, group, name) for name in configs.members(group)}
    available = {
        name: {
            key
            for key in leaves({**own, "provenance": None} if "provenance" in own else own)
            if not key.startswith("unavailable")
        }
        for name, own in files.items()
        if not own.get("unavailable")
    }
    for name, keys in available.items():
        others = set().union(*(keys for other, keys in available.items() if other != name))
        for key in sorted(keys - others) if len(available) > 1 else ():
            if len(available) > 2 or nearest(key, others - keys):
                raise BadInput(f"{configs.shown(f'{group}/{name}')}: {unknown('key', key, others)}")
    every = set().union(*available.values())
    for name, keys in available.items():
        for key in sorted(every - keys):
            having = next(other for other, keys in available.items() if key in keys)
            raise BadInput(f"{configs.shown(f'{group}/{name}')}: key {key!r} is missing; {group}/{having}.yaml has it")
