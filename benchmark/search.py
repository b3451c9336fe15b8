"""A grid's `search`: a method stands for one variant per combination of values that it lists.

    methods: [tabula_rasa, ldd]
    search:
      ldd: {method.distill: [0.1, 1.0], learner.entropy_cost: [0.02, 0.05]}

plans tabula_rasa, ldd@distill=0.1,entropy_cost=0.02, ldd@distill=0.1,entropy_cost=0.05, and so on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown

# A value is part of a name, which people write in patterns and MLflow in filters.
_WORD = re.compile(r"[A-Za-z0-9_.+-]+")


@dataclass(frozen=True)
class Variant:
    """A method of a plan: a file of the group, with values of its own for what is searched.

    values: dotted key -> value; empty for the method as its file has it. where: the place in which they are written.
    """

    file: str
    values: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    @property
    def name(self) -> str:
        """The method's name in the plan: `ldd`, or `ldd@distill=0.1`."""
        return (
            f"{self.file}@{','.join(f'{key}={_word(v)}' for key, v in self._short().items())}"
            if self.values
            else self.file
        )

    def about(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What its file says of the method, with the variant in its label: `LDD, distill 0.1`."""
        if not self.values:
            return dict(own)
        words = [f"{key} {_word(value)}" for key, value in self._short().items()]
        return {**own, "label": ", ".join([str(own.get("label", self.file)), *words])}

    def _short(self) -> dict[str, Any]:
        """The values by the last part of their keys, where that tells them apart."""
        last = [key.rpartition(".")[2] for key in self.values]
        return dict(zip(last if len(set(last)) == len(last) else self.values, self.values.values(), strict=True))


def variants(configs: Configs, methods: Sequence[str], search: Mapping[Any, Any], where: str) -> tuple[Variant, ...]:
    """The methods of a plan, in order: every searched one replaced by its variants. Raises BadInput."""
    found: dict[str, list[Variant]] = {}
    for name, settings in search.items():
        method, place = str(name).replace("-", "_"), f"{where}: search.{name}"
        if method not in configs.members("method"):
            raise BadInput(f"{where}: search: {unknown('method', str(name), configs.members('method'))}")
        if method not in methods:
            raise BadInput(f"{where}: search: {name} is not among methods; add it to them, or choose cells by --only")
        if not isinstance(settings, Mapping) or not settings:
            raise BadInput(f"{place} is {settings!r}, expected lists of values, as in {{method.distill: [0.1, 1.0]}}")
        for key, values in settings.items():
            _require_values(f"{place}: {key}", values)
        combinations = itertools.product(*settings.values())
        found[method] = [Variant(method, dict(zip(settings, values, strict=True)), place) for values in combinations]
    return tuple(variant for method in methods for variant in found.get(method, [Variant(method)]))


def _require_values(what: str, values: Any) -> None:
    if not isinstance(values, list) or not values:
        raise BadInput(f"{what} is {values!r}, expected a list of values, as in [0.1, 1.0]")
    for value in values:
        if type(value) not in (bool, int, float) and not (isinstance(value, str) and _WORD.fullmatch(value)):
            raise BadInput(f"{what} contains {value!r}, expected numbers, words or true and false")
        if values.count(value) > 1:
            raise BadInput(f"{what} contains {_word(value)} twice; give it once")


def _word(value: Any) -> str:
    """A value as it is written in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)
