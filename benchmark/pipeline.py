"""The stages of a configuration: which of them a cell needs, in which order, and what they become with seeds.

A stage is declared with a target of its own, or as a stage of another environment:

    curriculum:
      of: {env: messenger_s1, method: tabula_rasa, stage: policy}   # env null: left out, as a null target is

which is planned there, with all that it needs, and has the key that it has there. An environment whose code does not
read some of a stage's params takes them away, so that they are in no key:

    demonstrations:
      without: [terminal, training.prior_lr]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from benchmark.configs import leaves
from benchmark.errors import BadInput, unknown
from benchmark.recipes import Recipe
from benchmark.spec import Budget, Stage

_STAGE_KEYS = {"target", "version", "seed", "parents", "params", "without", "kind", "budget"}
_BUDGET_KEYS = ("key", "small", "times")
_OF_KEYS = ("env", "method", "stage")
_SEED_NAMES = ("policy", "teacher")


@dataclass(frozen=True)
class Planned:
    """A stage that still has no seed.

    seed: whose it will have, "policy" or "teacher". parents: what the stage calls a parent -> its name in the pipeline.
    merged: the stage's name in a cell where both seeds are one, and with them the two versions of a borrowed stage.
    """

    kind: str
    target: str
    version: int
    seed: str
    params: Mapping[str, Any]
    parents: Mapping[str, str]
    merged: str
    budget: Budget | None = None


@dataclass(frozen=True)
class Pipeline:
    """The stages that one (environment, method) needs, parents before children."""

    stages: Mapping[str, Planned]

    def expand(self, stages: dict[str, Stage], seeds: Mapping[str, int]) -> dict[str, str]:
        """Add the stages with these seeds to `stages`, unless equal ones are there; returns name -> key."""
        keys: dict[str, str] = {}
        for name, planned in self.stages.items():
            recipe, seed = self._recipes[name], seeds[planned.seed]
            parents = {parent: keys[its_name] for parent, its_name in planned.parents.items()}
            try:
                key = recipe.key(seed, parents)
            except ValueError as error:
                raise BadInput(f"stage {name}: {error}") from error
            if key not in stages:
                stages[key] = recipe.stage(seed, parents, key)
            keys[name] = stages[key].key
        if len(set(seeds.values())) > 1:
            return keys
        return {planned.merged: keys[name] for name, planned in self.stages.items()}

    @cached_property
    def _recipes(self) -> dict[str, Recipe]:
        return {
            name: Recipe(
                one.kind,
                one.target,
                one.version,
                {key: value for key, value in one.params.items() if key != "seed"},
                one.budget,
            )
            for name, one in self.stages.items()
        }

    def lent(self, stage: str, name: str, seed: str) -> dict[str, Planned]:
        """A stage, last, after all that it needs, for the pipeline of another environment that calls it `name`.

        There the stages it needs are called `name.theirs`. For a child with the policy's seed they are those of this
        environment's cell of that seed; for one with the teacher's they are of the cell of that one, and their names
        begin with `teacher_`.
        """
        of_teacher = seed == "teacher"
        prefix = f"teacher_{name}" if of_teacher else name
        needed = {stage}
        for own, planned in reversed(list(self.stages.items())):
            if own in needed:
                needed |= set(planned.parents.values())
        chosen = {own: planned for own, planned in self.stages.items() if own in needed}
        names = {own: f"{prefix}.{one.merged if of_teacher else own}" for own, one in chosen.items()}
        merged = {own: f"{name}.{one.merged}" for own, one in chosen.items()}
        names[stage], merged[stage] = prefix, name
        return {
            names[own]: replace(
                planned,
                seed="teacher" if of_teacher else planned.seed,
                parents={parent: names[its_name] for parent, its_name in planned.parents.items()},
                merged=merged[own],
            )
            for own, planned in chosen.items()
        }


Borrow = Callable[[str, Mapping[str, Any]], Pipeline]
"""Name and `of` of a stage -> the pipeline of the environment and method that it names."""


def ordered(
    content: Mapping[str, Any], data: Mapping[str, Mapping[str, str]], shown: str, borrow: Borrow
) -> dict[str, Planned]:
    """The pipeline's stages with a target that the result needs, then the diagnostics, parents before children.

    data: parameter -> file -> SHA-256, of the files that a stage with this parameter reads.
    """
    declared = _declared(content, shown)
    stages: dict[str, Planned] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise BadInput(f"{shown}: stages need each other in a circle: {' -> '.join((*path, name))}")
        stage = declared[name]
        if name in stages or stage["target"] is None:
            return
        parents = {}
        for parent in stage["parents"]:
            if "of" in declared[parent]:
                lent = borrowed(parent, declared[parent]["of"], stage["seed"])
                stages.update(lent)
                its_name = next(reversed(lent), parent)
            else:
                visit(parent, (*path, name))
                its_name = parent
            if its_name in stages:
                parents[parent] = its_name
        params = _params(name, stage, shown)
        read: dict[str, str] = {}
        for parameter in [name for name in data if name in params]:
            read.update(data[parameter])
        if read:
            params["data_sha256"] = read
        kind, version = stage.get("kind", name), stage["version"]
        budget = _budget(name, stage, params, shown)
        stages[name] = Planned(kind, stage["target"], version, stage["seed"], params, parents, name, budget)

    def borrowed(name: str, of: Mapping[str, Any], seed: str) -> dict[str, Planned]:
        if of["env"] is None:
            return {}
        pipeline = borrow(name, of)
        if of["stage"] not in pipeline.stages:
            raise BadInput(f"{shown}: stages.{name}.of: {unknown('stage', str(of['stage']), pipeline.stages)}")
        lent = pipeline.lent(of["stage"], name, seed)
        for its_name in lent:
            if its_name != name and its_name in declared:
                raise BadInput(f"{shown}: stages.{its_name} has the name of a stage behind {name}; rename it")
        return lent

    for name in (content["result"], *(content.get("diagnostics") or [])):
        visit(name, ())
    return stages


def _declared(content: Mapping[str, Any], shown: str) -> dict[str, Mapping[str, Any]]:
    """The stages as they are written, all names in them checked. Raises BadInput."""
    declared: dict[str, Mapping[str, Any]] = dict(content["stages"])
    for name, stage in declared.items():
        if "of" in stage:
            _require_of(name, stage, shown)
            continue
        for key in stage:
            if key not in _STAGE_KEYS:
                raise BadInput(f"{shown}: {unknown(f'key of stages.{name}', key, [*_STAGE_KEYS, 'of'])}")
        if stage["seed"] not in _SEED_NAMES:
            raise BadInput(f"{shown}: stages.{name}.seed: {unknown('seed', str(stage['seed']), _SEED_NAMES)}")
        for parent in stage["parents"]:
            if parent not in declared:
                raise BadInput(f"{shown}: stages.{name}.parents: {unknown('stage', parent, declared)}")
    diagnostics = content.get("diagnostics") or []
    if not isinstance(diagnostics, list):
        raise BadInput(f"{shown}: diagnostics is {diagnostics!r}, expected a list of stages")
    with_target = [name for name, stage in declared.items() if "of" not in stage]
    for name in diagnostics:
        if name not in with_target:
            raise BadInput(f"{shown}: diagnostics: {unknown('stage', str(name), with_target)}")
    if content["result"] not in with_target or declared[content["result"]]["target"] is None:
        raise BadInput(f"{shown}: result: {unknown('stage', content['result'], with_target)}")
    return declared


def _params(name: str, stage: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """The params but for those that the stage is `without`. Raises BadInput."""
    params, without = dict(stage["params"]), stage.get("without", [])
    if not isinstance(without, list):
        raise BadInput(f"{shown}: stages.{name}.without is {without!r}, expected a list of its params")
    for path in map(str, without):
        *outer, last = path.split(".")
        inside: Any = params
        for part in outer:
            inside[part] = dict(inside[part]) if isinstance(inside.get(part), Mapping) else {}
            inside = inside[part]
        if last not in inside:
            raise BadInput(f"{shown}: stages.{name}.without: {unknown('param', path, leaves(stage['params']))}")
        del inside[last]
    return params


def _budget(name: str, stage: Mapping[str, Any], params: Mapping[str, Any], shown: str) -> Budget | None:
    """What says how much work a stage is; None where it declares nothing. Raises BadInput."""
    given, where = stage.get("budget"), f"{shown}: stages.{name}.budget"
    if given is None:
        return None
    if not isinstance(given, Mapping) or not {"key", "small"} <= set(given) <= set(_BUDGET_KEYS):
        raise BadInput(f"{where} is {given!r}, expected {{key: one of its params, small: a whole number}}")
    if type(given["small"]) is not int or given["small"] < 1:
        raise BadInput(f"{where}.small is {given['small']!r}, expected a whole number, at least 1")
    budget = Budget(str(given["key"]), given["small"], given.get("times"))
    numbers = {key: value for key, value in leaves(params).items() if type(value) in (int, float)}
    for key in filter(None, (budget.key, budget.times)):
        if key not in numbers:
            raise BadInput(f"{where}: {unknown('number among its params', str(key), numbers)}")
    return budget


def _require_of(name: str, stage: Mapping[str, Any], shown: str) -> None:
    for key in stage:
        if key != "of":
            raise BadInput(f"{shown}: stages.{name} has `of` and {key}; another environment's stage is `of` alone")
    of = stage["of"]
    if not isinstance(of, Mapping) or set(of) != set(_OF_KEYS):
        raise BadInput(f"{shown}: stages.{name}.of is {of!r}, expected {{env: …, method: …, stage: …}}")
