"""One (environment, method) of a request, composed by Hydra, checked, and turned into its pipeline."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, open_dict

from benchmark.configs import Configs, change, leaves, plain, resolved
from benchmark.data_files import DataFiles
from benchmark.errors import BadInput
from benchmark.members import not_installed, unavailable
from benchmark.origin import origin
from benchmark.pipeline import Pipeline, ordered
from benchmark.request import Request
from benchmark.search import Variant
from benchmark.validate import Schema, check_values, lacking

_CURRICULUM = "env.curriculum"
_Path = tuple[tuple[str, str], ...]  # the environments and methods that wait for one of their stages' pipelines


class Unavailable(Exception):
    """An environment and method that cannot be run; the message is the reason."""


class Composer:
    """Composes pipelines of one request, checking presets and overrides against the defaults first.

    An override changes the environments that have its key: learners and networks differ in what can be set. One of
    env.curriculum changes only environments of the grid, not those that they go on from.
    """

    def __init__(self, configs: Configs, schema: Schema, request: Request) -> None:
        self.configs, self.schema, self.request = configs, schema, request
        self._files = DataFiles(configs.project)
        self._pipelines: dict[tuple[str, str], Pipeline] = {}
        self._defaults: dict[str, dict[str, Any]] = {}
        self._checked: dict[str, dict[str, Any]] = {}
        self._tuned: dict[str, dict[str, dict[str, Any]]] = {}
        # Of every environment: dotted key -> [default, here], for the settings that this request has otherwise.
        self.changes: dict[str, dict[str, list[Any]]] = {}
        # What the composition says of each environment, by the name of its file, and of each method, by its name.
        self.environments: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, dict[str, Any]] = {}

    def pipeline(self, environment: str, method: Variant, path: _Path = ()) -> Pipeline:
        """The stages of an environment (a file of the group) and a method. Raises Unavailable and BadInput.

        path: what needs a stage of this pipeline, which needs a stage of the next, ….
        """
        place = (environment, method.name)
        if place in path:
            names = " -> ".join(name for name, _ in (*path[path.index(place) :], place))
            raise BadInput(
                f"environments need each other's stages in a circle: {names}; set {_CURRICULUM} of one to null"
            )
        if place not in self._pipelines:
            reason = unavailable(self.configs, environment, method.file)
            if reason:
                raise Unavailable(reason)
            self._pipelines[place] = self._compose(environment, method, path)
        return self._pipelines[place]

    def _compose(self, environment: str, method: Variant, path: _Path) -> Pipeline:
        request = self.request
        about = f"env={environment} method={method.name}"
        words = [f"env={environment}", f"method={method.file}"]
        if environment not in self._checked:
            self._checked[environment] = self._changes(environment, words, about, path)
        if request.preset is not None:
            words.append(f"+preset/{request.preset}={environment}")
        words += [f"{group}={member}" for group, member in request.choices.items()]
        config = self.configs.compose(words, about)
        self._apply(config, self._checked[environment])
        if environment not in self.changes:
            self.changes[environment] = self._compare(environment, method.file, config)
            self.environments[environment] = self._facts(config, "env", about)
            self._require_own_id(environment)
        reason = not_installed(self.environments[environment].get("needs"), f"{about}: env")
        if reason:
            raise Unavailable(reason)
        absent = lacking(method.values, _settings(config))
        if absent:
            raise Unavailable(f"{' and '.join(absent)}, which {method.name} sets, is no setting of {environment}")
        self._apply(config, self._of_this_pair(config, method.values, method.where))
        if method.name not in self.methods:
            self.methods[method.name] = method.about(self._facts(config, "method", about))
        self._apply(config, self._tuned_values(config, environment, method.file))
        content = self._content(config, about)
        data = self._files.digests(content.get("data", {}), about, functools.partial(origin, config))

        def borrow(stage: str, of: Mapping[str, Any]) -> Pipeline:
            return self._borrowed(stage, of, (*path, (environment, method.name)), about)

        return Pipeline(ordered(content, data, self.configs.shown("config"), borrow))

    def _borrowed(self, stage: str, of: Mapping[str, Any], path: _Path, about: str) -> Pipeline:
        """The pipeline of another environment, of which one stage is needed, under this very request."""
        try:
            environment, method = (self.configs.member(group, of[group]) for group in ("env", "method"))
        except BadInput as error:
            raise BadInput(f"{about}: stages.{stage}.of: {error}") from error
        try:
            return self.pipeline(environment, Variant(method), path)
        except Unavailable as error:
            raise Unavailable(f"its {stage} {environment} is not available: {error}") from error

    def require_known(self) -> None:
        """Call it when all is composed: every override and searched key must be one of some environment's settings.

        Raises BadInput.
        """
        every: dict[str, Any] = {}
        for defaults in self._defaults.values():
            every = {**defaults, **every}
        request = self.request
        asked = [({key: value}, request.sources[key]) for key, value in request.overrides.items()]
        for values, where in (*asked, *((method.values, method.where) for method in request.methods)):
            if every and lacking(values, every):
                check_values(self.schema, values, every, where, self.configs.groups())

    def only_in(self) -> dict[str, list[str]]:
        """Override -> ids of the environments that have its key, where that is not all of them."""
        ids = {name: self.environments[name]["id"] for name in self._defaults}
        having = {
            key: [
                ids[name]
                for name, defaults in self._defaults.items()
                if key in self._meant(name) and not lacking([key], defaults)
            ]
            for key in self.request.overrides
        }
        return {key: names for key, names in having.items() if len(names) < len(ids)}

    def _meant(self, environment: str) -> dict[str, Any]:
        """The overrides that change an environment, if it has their keys."""
        within = environment in self.request.environments
        return {key: value for key, value in self.request.overrides.items() if within or key != _CURRICULUM}

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

    def _require_own_id(self, environment: str) -> None:
        name = self.environments[environment]["id"]
        for other, facts in self.environments.items():
            if other != environment and facts["id"] == name:
                shown, others = (self.configs.shown(f"env/{file}") for file in (environment, other))
                raise BadInput(f"{shown}: env.id is {name}, as in {others}; cells go by it, so give each its own")

    def _content(self, config: DictConfig, about: str) -> dict[str, Any]:
        """The composition with its interpolations filled in and every value as its rule has it. Raises BadInput."""
        with open_dict(config):
            config.env.setdefault("curriculum", None)
        content = resolved(config, about)
        settings = leaves({name: part for name, part in content.items() if name not in ("stages", "executor")})
        checked = {key: self.schema.own(key, value, about) for key, value in settings.items()}
        self.schema.between.check(checked, about)
        retyped = {key: value for key, value in checked.items() if type(value) is not type(settings[key])}
        for key, value in retyped.items():  # a whole number that a file gives for a float
            change(config, key, value)
        return dict(resolved(config, about) if retyped else content)

    def _changes(self, environment: str, words: list[str], about: str, path: _Path) -> dict[str, Any]:
        """Dotted key -> value of everything that the preset and the overrides set, checked against the defaults."""
        request, configs = self.request, self.configs
        preset: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        if request.preset is not None:
            name = f"preset/{request.preset}/{environment}"
            if not (configs.folder / f"{name}.yaml").is_file():
                needed = f", a stage of which {path[-1][0]} needs" if path else ""
                raise BadInput(
                    f"preset {request.preset!r} lacks environment {environment}{needed}; expected "
                    f"{configs.shown(name)}, or preset=null for the sizes of the paper"
                )
            content = dict(configs.read(name))
            for entry in content.pop("defaults", []):
                for group, member in entry.items() if isinstance(entry, dict) else ():
                    group = group.removeprefix("override ").strip().lstrip("/")
                    chosen[group] = configs.member(group, member)
            preset = leaves(content)
        base_words = words + [f"{group}={member}" for group, member in (chosen | dict(request.choices)).items()]
        defaults = self._defaults[environment] = _settings(configs.compose(base_words, about))
        where = configs.shown(f"preset/{request.preset}/{environment}")
        if request.choices:
            where += ", with " + " ".join(f"{group}={member}" for group, member in request.choices.items())
        changes = check_values(self.schema, preset, defaults, where)
        meant = self._meant(environment)
        absent = lacking(meant, defaults)
        for key, value in meant.items():
            if key not in absent:
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
            if default.get(key) != here.get(key) and not key.startswith(("stages.", "executor.", "env.references."))
        }


def _settings(config: DictConfig) -> dict[str, Any]:
    """Dotted key -> value of what can be changed for a cell."""
    return {key: value for key, value in leaves(plain(config)).items() if not key.startswith("executor.")}
