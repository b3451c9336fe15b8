"""What all seeds of a stage have in common, so that thousands of them are keyed, written and read at little cost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmark.spec import KEY_FORMAT, Budget, Plan, Stage, canonical, without_places


@dataclass(frozen=True)
class Recipe:
    """A stage without its seed and its parents' keys; params: plain JSON values, of which the seed is none."""

    kind: str
    target: str
    version: int
    params: Mapping[str, Any]
    budget: Budget | None = None

    def key(self, seed: int, parents: Mapping[str, str]) -> str:
        """The key of the stage with this seed: hashed from the same text as `Stage.key`, most of it prepared.

        Raises ValueError where params are no plain JSON values.
        """
        before, between, after = self._text
        text = f"{before}{seed}{between}{canonical(parents)}{after}"
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]

    def stage(self, seed: int, parents: Mapping[str, str], key: str) -> Stage:
        """The stage with this seed. key: what `key` says of it."""
        stage = Stage(self.kind, self.target, {**self.params, "seed": seed}, parents, self.version, self.budget)
        vars(stage)["key"] = key  # where its cached property would keep it
        return stage

    @cached_property
    def _text(self) -> tuple[str, str, str]:
        """The canonical text of a stage up to its seed, from there to its parents, and from there to the end."""
        canonical({"params": self.params})  # as a whole, so that an error names the place
        params = without_places(self.params)
        items = {name: f"{canonical(name)}:{canonical(params[name])}" for name in sorted(params)}
        low, high = ([text for name, text in items.items() if (name < "seed") == first] for first in (True, False))
        opening = canonical({"format": KEY_FORMAT, "kind": self.kind})[:-1]
        closing = canonical({"target": self.target, "version": self.version})[1:]
        return (
            f'{opening},"params":{{{",".join([*low, ""])}"seed":',
            f'{",".join(["", *high])}}},"parents":',
            f",{closing}",
        )


def packed(plan: Plan) -> dict[str, Any]:
    """A plan as JSON in which what stages have in common beside their seed and parents is told once.

    recipes: such content; stages: key -> [number of its recipe, seed or null, parents].
    """
    numbers: dict[str, int] = {}
    recipes: list[dict[str, Any]] = []
    known: dict[tuple[object, ...], int] = {}
    rows: dict[str, list[Any]] = {}
    for key, stage in plan.stages.items():
        names = [name for name in stage.params if name != "seed"]
        # Seeds share the very objects, by which their recipe is found without a look into them.
        same = (stage.kind, stage.target, stage.version, *names, *(id(stage.params[name]) for name in names))
        if same not in known:
            params = {name: stage.params[name] for name in names}
            recipe = {"kind": stage.kind, "target": stage.target, "version": stage.version, "params": params}
            known[same] = numbers.setdefault(canonical(recipe), len(recipes))
            if known[same] == len(recipes):
                recipes.append(recipe)
        rows[key] = [known[same], stage.params.get("seed"), dict(stage.parents)]
    return {**plan.facts(), "recipes": recipes, "stages": rows}


def unpacked(data: Mapping[str, Any]) -> Plan:
    """The plan of `packed`, or of `Plan.to_json`. Raises ValueError where a stage's content has another key."""
    if "recipes" not in data:
        return Plan.from_json(data)
    recipes = [Recipe(**content) for content in data["recipes"]]
    stages: dict[str, Stage] = {}
    for key, (number, seed, parents) in data["stages"].items():
        recipe = recipes[number]
        if seed is None:
            stages[key] = Stage(recipe.kind, recipe.target, recipe.params, parents, recipe.version)
        else:
            stages[key] = recipe.stage(seed, parents, recipe.key(seed, parents))
        if stages[key].key != key:
            raise ValueError(f"stage {key}: its content has key {stages[key].key}; the plan was edited")
    return Plan.from_facts(data, stages)
