"""Typed validation: a value is checked against the default that stands in the YAML, and against rules that are data.

The rules stand in configs/schema.yaml, one dotted key a line (`*` for any one part):

    method.pretrain: {choices: [none, dynamics]}
    learner.lr: {above: 0}          # greater than
    learner.discount: {min: 0, max: 1}
    evaluation.limit: {type: int}   # for keys whose default is null, which stays allowed
"""

from __future__ import annotations

import fnmatch
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmark.errors import BadInput, nearest, unknown

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", list: "a list"}
_TYPES = {"bool": bool, "int": int, "float": float, "str": str, "list": list}
_LIMITS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("min", "at least", operator.ge),
    ("max", "at most", operator.le),
    ("above", "more than", operator.gt),
)
_RULE_KEYS = {"choices", "min", "max", "above", "type"}


class Schema:
    """The rules of one file, looked up by dotted key."""

    def __init__(self, rules: Mapping[str, Any], file: str) -> None:
        for key, rule in rules.items():
            if not isinstance(rule, dict) or not rule or set(rule) - _RULE_KEYS:
                raise BadInput(f"{file}: rule of {key!r} is {rule!r}, expected some of {', '.join(sorted(_RULE_KEYS))}")
        self.rules = dict(rules)

    def rule(self, key: str) -> dict[str, Any]:
        if key in self.rules:
            return dict(self.rules[key])
        for pattern, rule in self.rules.items():
            if fnmatch.fnmatchcase(key, pattern) and key.count(".") == pattern.count("."):
                return dict(rule)
        return {}

    def check(self, key: str, value: Any, default: Any, where: str) -> Any:
        """The value, as the type its default has. Raises BadInput, whose line begins with `where`."""
        rule = self.rule(key)
        value = self._typed(key, value, default, rule, where)
        if "choices" in rule and value not in rule["choices"]:
            choices = [str(choice) for choice in rule["choices"]]
            near = nearest(str(value), choices)
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadInput(f"{where}: {key} is {value!r}, expected one of {', '.join(choices)}{hint}")
        if type(value) in (int, float):
            for name, words, holds in _LIMITS:
                if name in rule and not holds(value, rule[name]):
                    raise BadInput(f"{where}: {key} is {value}, expected {words} {rule[name]}")
        return value

    def _typed(self, key: str, value: Any, default: Any, rule: Mapping[str, Any], where: str) -> Any:
        expected = _TYPES[rule["type"]] if "type" in rule else type(default)
        if "${" in str(value) or (default is None and (value is None or "type" not in rule)):
            return value
        if value is None and "type" in rule:
            return value
        if expected is float and type(value) is int:
            return float(value)
        if type(value) is not expected:
            words = _WORDS.get(expected, expected.__name__)
            raise BadInput(f"{where}: {key} is {value!r}, expected {words}, such as {default!r}")
        if isinstance(value, list) and default:
            return [self.check(f"{key}[{i}]", item, default[0], where) for i, item in enumerate(value)]
        return value


def check_values(
    schema: Schema, values: Mapping[str, Any], defaults: Mapping[str, Any], where: str, groups: Iterable[str] = ()
) -> dict[str, Any]:
    """Check dotted keys against the defaults that exist: every key must be known, every value of its type.

    groups: names that could have been meant as well, since `group=member` is written like a key.
    """
    checked = {}
    for key, value in values.items():
        if key not in defaults:
            inside = sorted(name for name in defaults if name.startswith(f"{key}."))
            if inside:
                shown = ", ".join(inside[:8]) + (", …" if len(inside) > 8 else "")
                raise BadInput(f"{where}: {key} is a section, expected one of its keys: {shown}")
            raise BadInput(f"{where}: {unknown('key', key, [*defaults, *groups])}")
        checked[key] = schema.check(key, value, defaults[key], where)
    return checked
