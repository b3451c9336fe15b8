"""From a request to a plan: environment × method is composed, seeds vary as plain data, stages are merged."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from benchmark.composer import Composer, Unavailable
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.members import own, require_known_rules, require_same_keys
from benchmark.plurals import plural
from benchmark.published import published
from benchmark.request import Request, nearest_cell
from benchmark.spec import Cell, Plan, Stage
from benchmark.validate import Schema


def make_plan(configs: Configs, schema: Schema, request: Request) -> Plan:
    """The plan of a request. Raises BadInput for whatever in the configuration does not fit together."""
    environments = {name: own(configs, "env", name) for name in request.environments}
    methods = {one.name: one.about(own(configs, "method", one.file)) for one in request.methods}
    require_same_keys(configs)
    require_known_rules(configs, schema)
    cells: list[Cell] = []
    stages: dict[str, Stage] = {}
    composer = Composer(configs, schema, request)
    with configs.hydra():
        for env_file, environment in environments.items():
            for method in request.methods:
                try:
                    pipeline = composer.pipeline(env_file, method)
                except Unavailable as error:
                    reason = str(error)
                    cells += [Cell(environment["id"], method.name, seed, {}, reason) for seed in request.seeds]
                    continue
                for index, seed in enumerate(request.seeds):
                    teacher = seed if request.teacher_seeds is None else request.seeds[index % request.teacher_seeds]
                    keys = pipeline.expand(stages, {"policy": seed, "teacher": teacher})
                    cells.append(Cell(environment["id"], method.name, seed, keys))
    composer.require_known()
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
            "changes": {composer.environments[n]["id"]: c for n, c in composer.changes.items() if c},
            "only_in": composer.only_in(),
            "tuned": composer.tuned(),
            "labels": _labels(configs, request, composer),
            "published": published(configs, [said["id"] for said in environments.values()]),
        },
        environments={said["id"]: composer.environments.get(name, said) for name, said in environments.items()},
        methods={name: composer.methods.get(name, said) for name, said in methods.items()},
    )


def _labels(configs: Configs, request: Request, composer: Composer) -> dict[str, dict[str, str]]:
    """{environments, methods}: id -> label of all that a plan names; claims and curricula name others than its own."""
    content = (request.settings.get("claims") or {}).get("content") or {"environments": {}, "claims": {}}
    files = configs.environments()
    environments = {said["id"]: said for said in composer.environments.values()}
    environments |= {name: own(configs, "env", files[name]) for name in content["environments"]}
    of_claims = [name for claim in content["claims"].values() for name in (claim["method"], *claim["against"])]
    methods = composer.methods | {name: own(configs, "method", name) for name in of_claims}
    return {
        group: {name: str(said.get("label", name)) for name, said in members.items()}
        for group, members in (("environments", environments), ("methods", methods))
    }


def select(plan: Plan, patterns: Sequence[str], called: str = "--only ") -> tuple[Cell, ...]:
    """The cells that match any `environment/method/seed` pattern (shell wildcards; missing parts match all).

    called: what stands before the pattern in an error. Raises BadInput for a pattern that matches nothing.
    """
    if not patterns:
        return plan.cells
    chosen: dict[str, Cell] = {}
    for pattern in patterns:
        parts = pattern.split("/")
        if len(parts) > 3 or not all(parts):
            raise BadInput(
                f"{called}{pattern!r}: expected environment/method/seed, wildcards allowed, as in 'rtfm*/ldd*/0'"
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
            raise BadInput(
                f"{called}{pattern!r} matches none of the {plural(len(plan.cells), 'cell')} of {plan.grid!r}{hint}"
            )
        chosen |= matching
    return tuple(cell for cell in plan.cells if cell.name in chosen)


def _matches(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern as it is written, or with dashes and underscores being one."""
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.replace("_", "-"), pattern.replace("_", "-"))
