"""One (environment, method) of a request, composed by Hydra, checked, and turned into its pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from benchmark.configs import Configs, change, leaves, plain, resolved
from benchmark.errors import BadInput
from benchmark.pipeline import Pipeline, ordered
from benchmark.request import Request
from benchmark.search import Variant
from benchmark.validate import Schema, check_values


class Composer:
    """Composes pipelines of one request, checking presets and overrides against the defaults first."""

    def __init__(self, configs: Configs, schema: Schema, request: Request) -> None:
        self.configs, self.schema, self.request = configs, schema, request
        self._digests: dict[str, str] = {}
        self._checked: dict[str, dict[str, Any]] = {}
        self._tuned: dict[str, dict[str, dict[str, Any]]] = {}
        # Of every environment: dotted key -> [default, here], for the settings that this request has otherwise.
        self.changes: dict[str, dict[str, list[Any]]] = {}
        # What the composition says of each environment, by the name of its file, and of each method, by its name.
        self.environments: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, dict[str, Any]] = {}

    def pipeline(self, environment: str, method: Variant) -> Pipeline:
        request = self.request
        about = f"env={environment} method={method.name}"
        words = [f"env={environment}", f"method={method.file}"]
        if environment not in self._checked:
            self._checked[environment] = self._changes(environment, words, about)
        if request.preset is not None:
            words.append(f"+preset/{request.preset}={environment}")
        words += [f"{group}={member}" for group, member in request.choices.items()]
        config = self.configs.compose(words, about)
        self._apply(config, self._checked[environment])
        if environment not in self.changes:
            self.changes[environment] = self._compare(environment, method.file, config)
            self.environments[environment] = self._facts(config, "env", about)
        self._apply(config, self._of_this_pair(config, method.values, method.where))
        if method.name not in self.methods:
            self.methods[method.name] = method.about(self._facts(config, "method", about))
        self._apply(config, self._tuned_values(config, environment, method.file))
        content = self._content(config, about)
        return Pipeline(ordered(content, self._data(content["env"], environment), self.configs.shown("config")))

    def tuned(self) -> dict[str, Any] | None:
        """The tuned file, and what of it is applied: environment id -> method -> dotted key -> value."""
        file = self.request.tuned
        if file is None:
            return None
        about = {"name": file.name, "sha256": file.sha256, "selected_on": file.origin, "candidates": file.candidates}
        return {**about, "values": self._tuned}

    def _tuned_values(self, config: DictConfig, environment: str, method: str) -> dict[str, Any]:
        """The tuned values of a pair, but for those that the request overrides."""
        file, name = self.request.tuned, self.environments[environment]["id"]
        if file is None:
            return {}
        values = file.of(name, method, without=self.request.overrides)
        checked = self._of_this_pair(config, values, file.where(name, method))
        if checked:
            self._tuned.setdefault(name, {})[method] = checked
        return checked

    def _of_this_pair(self, config: DictConfig, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The values that a pair has for itself, checked against what it would have without."""
        return check_values(self.schema, values, _settings(config), where) if values else {}

    @staticmethod
    def _apply(config: DictConfig, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            change(config, key, value)

    def _facts(self, config: DictConfig, section: str, about: str) -> dict[str, Any]:
        """A section of the composition, every value as its rule has it."""

        def as_ruled(content: Mapping[str, Any], prefix: str) -> dict[str, Any]:
            return {
                name: as_ruled(value, f"{prefix}.{name}")
                if isinstance(value, Mapping)
                else self.schema.own(f"{prefix}.{name}", value, about)
                for name, value in content.items()
            }

        return as_ruled(resolved(config[section], about), section)

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
        defaults = _settings(configs.compose(base_words, about))
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


def _settings(config: DictConfig) -> dict[str, Any]:
    """Dotted key -> value of what can be changed for a cell."""
    return {key: value for key, value in leaves(plain(config)).items() if not key.startswith("executor.")}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
