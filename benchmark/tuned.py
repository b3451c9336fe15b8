"""A file of configs/tuned/: values that a search has chosen, for each environment and method.

    selected_on: {grid: tune, seeds: [100], preset: demo, …}          # how they were chosen; its seeds test nothing
    values: {rtfm-s1: {ldd: {method.distill: 1.0}}}                   # environment id -> method -> dotted key -> value
    candidates: {rtfm-s1: {ldd: [{method.distill: 0.1, win_rate: 0.4}, …]}}         # what they were chosen from

A grid with `tuned: NAME` changes each (environment, method) by its values; what the file does not mention stays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown

_KEYS = ("selected_on", "values", "candidates")


@dataclass(frozen=True)
class Tuned:
    """values: environment id -> method -> dotted key -> value, not yet checked. file: its name for a person.

    sha256: of the file. origin: how they were chosen; of its keys, ``seeds`` and ``preset`` are held against a grid.
    candidates: what they were chosen from, for reports.
    """

    name: str
    file: str
    sha256: str
    origin: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Mapping[str, Any]]]
    candidates: Mapping[str, Any]

    def check(self, seeds: Collection[int], preset: str | None) -> None:
        """Raises BadInput for seeds that have chosen the values, or another size than theirs."""
        for seed in self.origin.get("seeds", ()):
            if seed in seeds:
                raise BadInput(f"seed {seed} has chosen the values of {self.file}; take other seeds to test them")
        chosen_at = self.origin.get("preset", preset)
        if preset != chosen_at:
            raise BadInput(
                f"tuned={self.name} was chosen at preset {_null(chosen_at)}, and preset is {_null(preset)}; "
                "set tuned=null, or the same preset"
            )

    def where(self, environment: str, method: str) -> str:
        """The place of a method's values, for a person."""
        return f"{self.file}: values.{environment}.{method}"

    def of(self, environment: str, method: str, without: Collection[str] = ()) -> dict[str, Any]:
        """Dotted key -> value for one environment and method, but for some keys."""
        values = self.values.get(environment, {}).get(method, {})
        return {key: value for key, value in values.items() if key not in without}


def read_tuned(configs: Configs, name: str) -> Tuned:
    """Raises BadInput where the file names an environment or a method that there is not, or is not understood."""
    member = name.replace("-", "_")
    if member not in configs.members("tuned"):
        raise unknown("tuned file", name, configs.members("tuned"), do="null is the values of the files as they are")
    file, content = configs.shown(f"tuned/{member}"), configs.read(f"tuned/{member}")
    for key in content:
        if key not in _KEYS:
            raise BadInput(f"{file}: {unknown('key', str(key), _KEYS)}")
    values: dict[str, dict[str, dict[str, Any]]] = {}
    for environment, methods in _items(content.get("values"), f"{file}: values"):
        if environment not in configs.environments():
            raise BadInput(f"{file}: values: {unknown('environment', environment, configs.environments())}")
        own = values[environment] = {}
        for method, settings in _items(methods, f"{file}: values.{environment}"):
            known = method.replace("-", "_")
            if known not in configs.members("method"):
                raise BadInput(f"{file}: values.{environment}: {unknown('method', method, configs.members('method'))}")
            own[known] = dict(_items(settings, f"{file}: values.{environment}.{method}"))
    origin = dict(_items(content.get("selected_on") or {}, f"{file}: selected_on"))
    digest = hashlib.sha256((configs.folder / "tuned" / f"{member}.yaml").read_bytes()).hexdigest()
    return Tuned(member, file, digest, origin, values, dict(content.get("candidates") or {}))


def _items(content: Any, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, dict):
        raise BadInput(
            f"{where} is {content!r}, expected `name: …` lines, as {{rtfm-s1: {{ldd: {{method.distill: 1.0}}}}}}"
        )
    yield from ((str(name), value) for name, value in content.items())


def _null(word: str | None) -> str:
    return "null" if word is None else word
