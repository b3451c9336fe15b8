"""Rules between settings, as data: what contradicts itself is refused before anything is computed.

They stand under `rules` in configs/schema.yaml:

    - when: {method.pretrain: none}               # all of these hold (left out: always)
      require: {method.distill: 0}                # then all of these must
      say: there is no teacher to distil from     # why, for the person who reads the refusal

A setting is compared with a value, or with conditions: {above: 0}, {min: 1}, {max: 9}, {one_of: [a, b]}, {not: a},
{elements: 3} of a list, {less_than: <another setting>}, {multiple_of: <another setting, or a list for their product>},
{divides: [<settings whose product it divides>]}.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.errors import BadInput

_KEYS = {"when", "require", "say"}
# name -> (in words, what must hold of a setting and the limit).
LIMITS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "min": ("at least", operator.ge),
    "max": ("at most", operator.le),
    "above": ("more than", operator.gt),
}
_CONDITIONS = (*LIMITS, "one_of", "not", "elements", "multiple_of", "less_than", "divides")
_OF_OTHERS = ("multiple_of", "less_than", "divides")


class Rules:
    """The rules of one file. Raises BadInput for one that is not understood."""

    def __init__(self, rules: Sequence[Any], file: str) -> None:
        for rule in rules:
            if not isinstance(rule, dict) or set(rule) - _KEYS or not rule.get("require") or "say" not in rule:
                raise BadInput(f"{file}: rule {rule!r} is not understood, expected `require`, `say` and perhaps `when`")
            for wanted in (*rule.get("when", {}).values(), *rule["require"].values()):
                if not _understood(wanted):
                    raise BadInput(f"{file}: {wanted!r} is no condition, expected some of {', '.join(_CONDITIONS)}")
        self._rules = tuple(rules)

    def keys(self) -> Iterator[str]:
        """Every setting that a rule mentions."""
        for rule in self._rules:
            for key, wanted in (*rule.get("when", {}).items(), *rule["require"].items()):
                yield from sorted(_mentioned(key, wanted))

    def check(self, settings: Mapping[str, Any], where: str) -> None:
        """settings: dotted key -> value. Raises BadInput.

        A rule about settings that are not there, as those of another learner, says nothing.
        """
        for rule in self._rules:
            when = rule.get("when", {})
            if not all(
                _mentioned(key, wanted) <= settings.keys() and _holds(settings[key], wanted, settings)
                for key, wanted in when.items()
            ):
                continue
            for key, wanted in rule["require"].items():
                if not _mentioned(key, wanted) <= settings.keys():
                    continue
                if not _holds(settings[key], wanted, settings):
                    given = " and ".join(f"{name} is {_word(settings[name])}" for name in when)
                    condition = f" where {given}" if given else ""
                    expected = _expected(wanted, settings)
                    raise BadInput(
                        f"{where}: {key} is {_word(settings[key])}, expected {expected}{condition}: {rule['say']}"
                    )


def _understood(wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return True
    lists = all(isinstance(wanted[name], list) for name in ("one_of", "divides") if name in wanted)
    return bool(wanted) and not set(wanted) - {*_CONDITIONS} and lists and [] not in wanted.values()


def _mentioned(key: str, wanted: Any) -> set[str]:
    """The settings that one condition is about."""
    if not isinstance(wanted, Mapping):
        return {key}
    return {key, *(other for name in _OF_OTHERS if name in wanted for other in _listed(wanted[name]))}


def _listed(settings: str | list[str]) -> list[str]:
    """The settings that a condition names: one, or a list of them."""
    return settings if isinstance(settings, list) else [settings]


def _product(names: str | list[str], settings: Mapping[str, Any]) -> Any:
    return math.prod(settings[name] for name in _listed(names))


def _holds(value: Any, wanted: Any, settings: Mapping[str, Any]) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    return all(_fits(value, name, limit, settings) for name, limit in wanted.items())


def _fits(value: Any, name: str, limit: Any, settings: Mapping[str, Any]) -> bool:
    """Whether one condition of a setting holds."""
    if name == "one_of":
        return value in limit
    if name == "not":
        return bool(value != limit)
    if name == "elements":
        return bool(len(value) == limit)
    if name == "multiple_of":
        return bool(value % _product(limit, settings) == 0)
    if name == "less_than":
        return bool(value < settings[limit])
    if name == "divides":
        return bool(_product(limit, settings) % value == 0)
    return LIMITS[name][1](value, limit)


def _expected(wanted: Any, settings: Mapping[str, Any]) -> str:
    if not isinstance(wanted, Mapping):
        return _word(wanted)
    return " and ".join(_in_words(name, limit, settings) for name, limit in wanted.items())


def _in_words(name: str, limit: Any, settings: Mapping[str, Any]) -> str:
    if name == "one_of":
        return " or ".join(map(_word, limit))
    if name == "not":
        return f"anything but {_word(limit)}"
    if name == "elements":
        return f"{limit} elements"
    if name == "multiple_of":
        return f"a multiple of {' × '.join(_listed(limit))} ({_product(limit, settings)})"
    if name == "less_than":
        return f"less than {limit} ({settings[limit]})"
    if name == "divides":
        return f"a divisor of {' × '.join(limit)} ({_product(limit, settings)})"
    return f"{LIMITS[name][0]} {limit}"


def _word(value: Any) -> str:
    """A value as it is written in YAML."""
    return {None: "null", True: "true", False: "false"}[value] if value is None or type(value) is bool else str(value)
