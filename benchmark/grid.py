"""From a request to a plan: environment × method is composed, seeds vary as plain data, stages are merged."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from benchmark.configs import Configs, change, leaves, plain, resolved
from benchmark.errors import BadInput, nearest, unknown
from benchmark.request import Request, nearest_cell
from benchmark.spec import Cell, Plan, Stage
from benchmark.validate import Schema, check_values

_STAGE_KEYS = {"target", "version", "seed", "parents", "params", "kind"}
_SEED_NAMES = ("policy", "teacher")
_FREE_GROUPS = ("env", "executor", "preset")  # whose files need not all have the same keys


def make_plan(configs: Configs, schema: Schema, request: Request) -> Plan:
    """The plan of a request. Raises BadInput for whatever in the configuration does not fit together."""
    environments = {name: _own(configs, "env", name) for name in request.environments}
    methods = {name: _own(configs, "method", name) for name in request.methods}
    for group in configs.groups():
        if group not in _FREE_GROUPS:
            _require_same_keys(configs, group)
    cells: list[Cell] = []
    stages: dict[str, Stage] = {}
    composer = _Composer(configs, schema, request)
    with configs.hydra():
        for env_file, environment in environments.items():
            for method, about in methods.items():
                reason = _unavailable(str(environment["id"]), environment, about)
                pipeline = None if reason else composer.pipeline(env_file, method)
                for index, seed in enumerate(request.seeds):
                    if pipeline is None:
                        cells.append(Cell(environment["id"], method, seed, unavailable=reason))
                        continue
                    teacher = seed if request.teacher_seeds is None else request.seeds[index % request.teacher_seeds]
                    keys = pipeline.expand(stages, {"policy": seed, "teacher": teacher})
                    cells.append(Cell(environment["id"], method, seed, keys))
    root = configs.read("config")
    return Plan(
        grid=request.name,
        description=request.description,
        cells=tuple(cells),
        stages=stages,
        result=root["result"],
        headline=root["headline"],
        settings={**request.settings, "changes": {environments[n]["id"]: c for n, c in composer.changes.items() if c}},
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
            if fnmatch.fnmatchcase(cell.environment, environment.replace("_", "-"))
            and fnmatch.fnmatchcase(cell.method, method.replace("-", "_"))
            and fnmatch.fnmatchcase(str(cell.seed), seed)
        }
        if not matching:
            near = nearest_cell(pattern, [cell.name for cell in plan.cells])
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadInput(f"--only {pattern!r} matches none of the {len(plan.cells)} cells of {plan.grid!r}{hint}")
        chosen |= matching
    return tuple(cell for cell in plan.cells if cell.name in chosen)


def _own(configs: Configs, group: str, name: str) -> dict[str, Any]:
    """What the file says of the environment or method itself."""
    content = configs.read(f"{group}/{name}")
    own = content.get(group, content)
    if group == "env" and not isinstance(own.get("id"), str):
        raise BadInput(f"{configs.shown('env/' + name)}: env.id is missing, expected the environment's name")
    return dict(own)


def _unavailable(name: str, environment: Mapping[str, Any], method: Mapping[str, Any]) -> str | None:
    reasons = [environment.get("unavailable"), method.get("unavailable")]
    reasons.append((method.get("unavailable_on") or {}).get(name))
    found = [str(reason) for reason in reasons if reason]
    return "; ".join(found) or None


def _require_same_keys(configs: Configs, group: str) -> None:
    """Files of one group can stand for each other, so all have the same keys; a misspelt one is found by that."""
    files = {name: _own(configs, group, name) for name in configs.members(group)}
    available = {
        name: {key for key in leaves(own) if not key.startswith("unavailable")}
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


@dataclass(frozen=True)
class _Pipeline:
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


class _Composer:
    """Composes pipelines of one request, checking presets and overrides against the defaults first."""

    def __init__(self, configs: Configs, schema: Schema, request: Request) -> None:
        self.configs, self.schema, self.request = configs, schema, request
        self._digests: dict[str, str] = {}
        self._checked: dict[str, dict[str, Any]] = {}
        # Of every environment: dotted key -> [default, here], for the settings that this request has otherwise.
        self.changes: dict[str, dict[str, list[Any]]] = {}
        # What the composition says of each environment and method, by the name of its file.
        self.environments: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, dict[str, Any]] = {}

    def pipeline(self, environment: str, method: str) -> _Pipeline:
        request = self.request
        about = f"env={environment} method={method}"
        words = [f"env={environment}", f"method={method}"]
        if environment not in self._checked:
            self._checked[environment] = self._changes(environment, words, about)
        if request.preset is not None:
            words.append(f"+preset/{request.preset}={environment}")
        words += [f"{group}={member}" for group, member in request.choices.items()]
        config = self.configs.compose(words, about)
        for key, value in self._checked[environment].items():
            change(config, key, value)
        content = self._content(config, about)
        if environment not in self.changes:
            self.changes[environment] = self._compare(environment, method, config)
        self.environments.setdefault(environment, content["env"])
        self.methods.setdefault(method, content["method"])
        return _Pipeline(_ordered(content, self._data(content["env"], environment), self.configs.shown("config")))

    def _content(self, config: DictConfig, about: str) -> dict[str, Any]:
        """The composition with its interpolations filled in and every value as its rule has it. Raises BadInput."""
        content = resolved(config, about)
        settings = leaves({name: part for name, part in content.items() if name not in ("stages", "executor")})
        checked = {key: self.schema.own(key, value, about) for key, value in settings.items()}
        self.schema.between.check(checked, about)
        retyped = {key: value for key, value in checked.items() if type(value) is not type(settings[key])}
        for key, value in retyped.items():  # a whole number that a file gives for a float
            change(config, key, value)
        return dict(resolved(config, about) if retyped else content)

    def _changes(self, environment: str, words: list[str], about: str) -> dict[str, Any]:
        """Dotted key -> value of everything that the preset and the overrides set, checked against the defaults."""
        request, configs = self.request, self.configs
        if request.preset is None and not request.overrides:
            return {}
        preset: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        if request.preset is not None:
            name = f"preset/{request.preset}/{environment}"
            if not (configs.folder / f"{name}.yaml").is_file():
                raise BadInput(
                    f"preset {request.preset!r} lacks environment {environment}; expected {configs.shown(name)}"
                )
            content = dict(configs.read(name))
            for entry in content.pop("defaults", []):
                for group, member in entry.items() if isinstance(entry, dict) else ():
                    group = group.removeprefix("override ").strip().lstrip("/")
                    chosen[group] = configs.member(group, member)
            preset = leaves(content)
        base_words = words + [f"{group}={member}" for group, member in (chosen | dict(request.choices)).items()]
        defaults = leaves(plain(configs.compose(base_words, about)))
        defaults = {key: value for key, value in defaults.items() if not key.startswith("executor.")}
        changes = check_values(self.schema, preset, defaults, configs.shown(f"preset/{request.preset}/{environment}"))
        for key, value in request.overrides.items():
            where = request.sources[key] + (f", for {environment}" if key.startswith("env.") else "")
            changes |= check_values(self.schema, {key: value}, defaults, where, configs.groups())
        return changes

    def _compare(self, environment: str, method: str, config: DictConfig) -> dict[str, list[Any]]:
        """Dotted key -> [default, here] of every setting that this request has otherwise than the defaults."""
        if not (self._checked[environment] or self.request.choices):
            return {}
        words = [f"env={environment}", f"method={method}"]
        default = leaves(plain(self.configs.compose(words, f"env={environment} method={method}")))
        here = leaves(plain(config))
        return {
            key: [default.get(key), here.get(key)]
            for key in {**default, **here}
            if default.get(key) != here.get(key) and not key.startswith(("stages.", "executor."))
        }

    def _data(self, own: Mapping[str, Any], environment: str) -> dict[str, str]:
        """File -> SHA-256 of the data files that the environment declares: what is in them is part of every key."""
        for file in own.get("data") or []:
            if file not in self._digests:
                path = self.configs.project / file
                if not path.is_file():
                    shown = self.configs.shown(f"env/{environment}")
                    raise BadInput(f"{shown}: env.data names {file}, which is not in {self.configs.project}")
                self._digests[file] = _sha256(path)
        return {file: self._digests[file] for file in own.get("data") or []}


def _ordered(content: Mapping[str, Any], data: Mapping[str, str], shown: str) -> dict[str, dict[str, Any]]:
    """The pipeline's stages with a target, as far as the result needs them, parents before children."""
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

    visit(content["result"], ())
    return ordered


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
