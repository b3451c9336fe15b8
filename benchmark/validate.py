"""Typed validation: a value is checked against the default that stands in the YAML, and against rules that are data.

The rules stand in configs/schema.yaml, one dotted key a line (`*` for any one part):

    method.pretrain: {choices: [none, dynamics]}
    learner.lr: {above: 0}          # greater than
    learner.discount: {min: 0, max: 1}
    executor.workers: {type: int, optional: true}               # null is allowed
    network.channels: {min_items: 1, items: {type: int, min: 1}}  # a list and each of its elements
    env.options.character: {type: str, pattern: "@|[a-z-]+", say: in words, what is expected}
    env.options.data_dir: {type: path, package: true}           # absolute or from ~; here also package:NAME/path

The type is the rule's, else that of the default; a default itself is checked as far as the rule goes. Rules between
keys stand under `rules` (see benchmark/rules.py).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.data_files import PACKAGE
from benchmark.errors import BadInput, nearest, unknown
from benchmark.plurals import plural
from benchmark.rules import LIMITS, Rules

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
    list: "a list",
    dict: "{name: value, …}",
}
_TYPES = {"bool": bool, "int": int, "float": float, "str": str, "list": list, "dict": dict, "path": str}
_RULE_KEYS = {"choices", *LIMITS, "type", "optional", "min_items", "items", "package", "pattern", "say"}


class Schema:
    """The rules of one file, looked up by dotted key."""

    def __init__(self, rules: Mapping[str, Any], file: str) -> None:
        self.between = Rules(rules.get("rules", ()), file)
        self.rules = {key: rule for key, rule in rules.items() if key != "rules"}
        for key, rule in self.rules.items():
            if not isinstance(rule, dict) or not rule or set(rule) - _RULE_KEYS:
                raise BadInput(f"{file}: rule of {key!r} is {rule!r}, expected some of {', '.join(sorted(_RULE_KEYS))}")

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
        if "${" in str(default):
            default = None  # what is filled in for it may have any type
        expected = _TYPES[rule["type"]] if "type" in rule else None if default is None else type(default)
        example = "" if default is None else f", such as {default!r}"
        value = _typed(key, value, expected, bool(rule.get("optional")) or default is None, example, where)
        if isinstance(value, list) and "items" not in rule and default:
            return [
                _typed(f"{key}[{i}]", v, type(default[0]), False, f", such as {default[0]!r}", where)
                for i, v in enumerate(value)
            ]
        return self._limited(key, value, rule, where)

    def own(self, key: str, value: Any, where: str) -> Any:
        """A value that is itself the default, as the type that its rule asks for. Raises BadInput."""
        rule = self.rule(key)
        expected = _TYPES[rule["type"]] if "type" in rule else None
        value = _typed(key, value, expected, bool(rule.get("optional")), "", where)
        return self._limited(key, value, rule, where)

    def _limited(self, key: str, value: Any, rule: Mapping[str, Any], where: str) -> Any:
        if value is None or "${" in str(value):
            return value  # what is interpolated is checked when it is filled in
        if rule.get("type") == "path":
            _require_absolute(key, value, bool(rule.get("package")), where)
        if "choices" in rule and value not in rule["choices"]:
            choices = [str(choice) for choice in rule["choices"]]
            near = nearest(str(value), choices)
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadInput(f"{where}: {key} is {value!r}, expected one of {', '.join(choices)}{hint}")
        if "pattern" in rule and not re.fullmatch(rule["pattern"], str(value)):
            raise BadInput(f"{where}: {key} is {value!r}, expected {rule['say']}")
        limits = [name for name in LIMITS if name in rule]
        if limits and type(value) not in (int, float):
            raise BadInput(f"{where}: {key} is {value!r}, expected a number")
        for name in limits:
            words, holds = LIMITS[name]
            if not holds(value, rule[name]):
                raise BadInput(f"{where}: {key} is {value}, expected {words} {rule[name]}")
        if isinstance(value, list) and len(value) < rule.get("min_items", 0):
            raise BadInput(f"{where}: {key} is {value}, expected at least {plural(rule['min_items'], 'element')}")
        if isinstance(value, list) and "items" in rule:
            item = rule["items"]
            typed = [_typed(f"{key}[{i}]", v, _TYPES[item["type"]], False, "", where) for i, v in enumerate(value)]
            return [self._limited(f"{key}[{i}]", v, item, where) for i, v in enumerate(typed)]
        return value


def _typed(key: str, value: Any, expected: type | None, optional: bool, example: str, where: str) -> Any:
    """The value as the expected type; anything where none is expected. Raises BadInput."""
    if expected is None or "${" in str(value) or (value is None and optional):
        return value
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise BadInput(f"{where}: {key} is {value!r}, expected {_WORDS.get(expected, expected.__name__)}{example}")
    return value


def _require_absolute(key: str, value: str, package: bool, where: str) -> None:
    """A path that means the same to every process, wherever it is started. Raises BadInput for another."""
    try:
        absolute = Path(value).expanduser().is_absolute()
    except RuntimeError:  # ~ of somebody who has no home
        absolute = False
    if not absolute and not (package and value.startswith(PACKAGE)):
        inside = f" or {PACKAGE}NAME/path" if package else ""
        near = "" if value.startswith(PACKAGE) else f", such as {Path(value).resolve()}"
        raise BadInput(f"{where}: {key} is {value!r}, expected an absolute path{inside}{near}")


def check_values(
    schema: Schema, values: Mapping[str, Any], defaults: Mapping[str, Any], where: str, groups: Iterable[str] = ()
) -> dict[str, Any]:
    """Check dotted keys against the defaults that exist: every key must be known, every value of its type.

    groups: names that could have been meant as well, since `group=member` is written like a key.
    """
    checked = {}
    for key, value in values.items():
        if key not in defaults:
            inside = _inside(key, defaults)
            if inside:
                shown = ", ".join(inside[:8]) + (", …" if len(inside) > 8 else "")
                raise BadInput(f"{where}: {key} is a section, expected one of its keys: {shown}")
            raise BadInput(f"{where}: {unknown('key', key, [*defaults, *groups])}")
        checked[key] = schema.check(key, value, defaults[key], where)
    return checked


def lacking(keys: Iterable[str], defaults: Mapping[str, Any]) -> list[str]:
    """Those of the keys that are neither a setting nor a section of these."""
    return [key for key in keys if key not in defaults and not _inside(key, defaults)]


def _inside(key: str, defaults: Mapping[str, Any]) -> list[str]:
    """The settings of a section."""
    return sorted(name for name in defaults if name.startswith(f"{key}."))
