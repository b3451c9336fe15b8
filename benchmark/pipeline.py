"""The stages of a configuration: which of them a cell needs, in which order, and what they become with seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.errors import BadInput, unknown
from benchmark.spec import Stage

_STAGE_KEYS = {"target", "version", "seed", "parents", "params", "kind"}
_SEED_NAMES = ("policy", "teacher")


@dataclass(frozen=True)
class Pipeline:
    """The stages that one (environment, method) needs, in order, still without seeds."""

    stages: Mapping[str, Mapping[str, Any]]

    def expand(self, stages: dict[str, Stage], seeds: Mapping[str, int]) -> dict[str, str]:
        """Add the stages with these seeds to `stages`, unless equal ones are there; returns name -> key."""
        keys: dict[str, str] = {}
        for name, data in self.stages.items():
            stage = Stage(
                kind=data.get("kind", name),
                target=data["target"],
                params={**data["params"], "seed": seeds[data["seed"]]},
                parents={parent: keys[parent] for parent in data["parents"]},
                version=data["version"],
            )
            try:
                keys[name] = stage.key
            except ValueError as error:
                raise BadInput(f"stage {name}: {error}") from error
            stages.setdefault(stage.key, stage)
        return keys


def ordered(content: Mapping[str, Any], data: Mapping[str, str], shown: str) -> dict[str, dict[str, Any]]:
    """The pipeline's stages with a target that the result needs, then the diagnostics, parents before children."""
    declared: dict[str, dict[str, Any]] = {}
    for name, stage in content["stages"].items():
        for key in stage:
            if key not in _STAGE_KEYS:
                raise BadInput(f"{shown}: {unknown(f'key of stages.{name}', key, _STAGE_KEYS)}")
        if stage["seed"] not in _SEED_NAMES:
            raise BadInput(f"{shown}: stages.{name}.seed: {unknown('seed', str(stage['seed']), _SEED_NAMES)}")
        declared[name] = stage
    for name, stage in declared.items():
        for parent in stage["parents"]:
            if parent not in declared:
                raise BadInput(f"{shown}: stages.{name}.parents: {unknown('stage', parent, declared)}")
    diagnostics = content.get("diagnostics") or []
    if not isinstance(diagnostics, list):
        raise BadInput(f"{shown}: diagnostics is {diagnostics!r}, expected a list of stages")
    for name in diagnostics:
        if name not in declared:
            raise BadInput(f"{shown}: diagnostics: {unknown('stage', str(name), declared)}")
    if content["result"] not in declared or declared[content["result"]]["target"] is None:
        raise BadInput(f"{shown}: result: {unknown('stage', content['result'], declared)}")
    ordered: dict[str, dict[str, Any]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise BadInput(f"{shown}: stages need each other in a circle: {' -> '.join((*path, name))}")
        stage = declared[name]
        if name in ordered or stage["target"] is None:
            return
        for parent in stage["parents"]:
            visit(parent, (*path, name))
        parents = [parent for parent in stage["parents"] if declared[parent]["target"] is not None]
        params = {**stage["params"], **({"data_sha256": dict(data)} if data and "env" in stage["params"] else {})}
        ordered[name] = {**stage, "parents": parents, "params": params}

    for name in (content["result"], *diagnostics):
        visit(name, ())
    return ordered
