"""Files of configs/published/: numbers that others have printed, each with where it was read, for reports.

    title: …                                    # the publication in a few words
    source: …                                   # as it is cited
    read_in: …                                  # what was in fact read: the publication, or a copy or a quotation of it
    margins: {win_rate: 0.05}                   # metric -> how far apart equal results may lie; fixed beforehand
    statements:                                 # what is said without a number
      - {text: …, where: abstract, environments: [rtfm-s1], better: ldd, worse: [tabula_rasa]}
    common: {metric: win_rate, unit: percent}   # what all values share
    values:
      - environments: [rtfm-s1]                 # ids of ours that it stands beside
        method: ldd                             # of ours; for any other null and a label
        value: null                             # null: nobody has read it from the source yet
        spread: null
        spread_kind: null                       # sd | se | ci95 (half of a t interval) | unknown: what ± means
        seeds: null
        split: null                             # train | dev | test
        frames: null
        where: Table 1                          # the page, table or sentence
        comparable: false                       # false: another setting; `differences` says which
        differences: [full RTFM, not stage 1]   # known differences to this benchmark's setting

A value that was not read is not written: an empty one is honest, a remembered one is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown

FOLDER = "published"
UNITS = ("percent", "fraction", "points")
SPREADS = ("sd", "se", "ci95", "unknown")
SPLITS = ("train", "dev", "test")
NAMES = "a list of names, as [rtfm-s1, messenger-s2]"

_VALUE_KEYS = (
    "environments", "method", "label", "metric", "unit", "value", "spread", "spread_kind", "seeds", "split", "frames",
    "where", "comparable", "differences",
)  # fmt: skip
_STATEMENT_KEYS = ("text", "where", "environments", "better", "worse")
_KEYS = ("title", "source", "read_in", "margins", "statements", "common", "values")


def published(configs: Configs, environments: Collection[str]) -> list[dict[str, Any]]:
    """{name, sha256, content} of every file that says something of these environments (ids), for a plan's settings.

    content: title, source, read_in, margins, statements and values, of these environments alone; every value has all
    keys. Every file is checked. Raises BadInput for the first thing that is wrong.
    """
    found = []
    for name in configs.members(FOLDER):
        content = _content(configs, name)
        for part in ("statements", "values"):
            content[part] = [
                {**one, "environments": ours}
                for one in content[part]
                if (ours := [environment for environment in one["environments"] if environment in environments])
            ]
        if content["statements"] or content["values"]:
            file = configs.folder / FOLDER / f"{name}.yaml"
            found.append({"name": name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "content": content})
    return found


def _content(configs: Configs, name: str) -> dict[str, Any]:
    file, content = configs.shown(f"{FOLDER}/{name}"), configs.read(f"{FOLDER}/{name}")
    _require_known(content, _KEYS, file)
    found: dict[str, Any] = {key: _text(content.get(key), f"{file}: {key}") for key in ("title", "source", "read_in")}
    found["margins"] = _margins(content.get("margins") or {}, f"{file}: margins")
    found["statements"] = [
        _statement(configs, one, f"{file}: statements[{number}]")
        for number, one in enumerate(_list(content, "statements", file))
    ]
    common = content.get("common") or {}
    found["values"] = [
        _value(configs, one, common, f"{file}: values[{number}]")
        for number, one in enumerate(_list(content, "values", file))
    ]
    if not (found["statements"] or found["values"]):
        raise BadInput(f"{file} has neither statements nor values; add what it publishes, or delete it")
    return found


def _margins(content: Any, where: str) -> dict[str, float]:
    if not isinstance(content, Mapping):
        raise BadInput(f"{where} is {content!r}, expected `metric: number` lines, as {{win_rate: 0.05}}")
    return {
        str(metric): _number(margin, f"{where}.{metric}", above=0.0, example="0.05, five points of a win rate")
        for metric, margin in content.items()
    }


def _statement(configs: Configs, content: Any, where: str) -> dict[str, Any]:
    given = _mapping(content, _STATEMENT_KEYS, where)
    return {
        "text": _text(given.get("text"), f"{where}.text"),
        "where": _text(given.get("where"), f"{where}.where"),
        "environments": _environments(configs, given.get("environments"), f"{where}.environments"),
        "better": _method(configs, given.get("better"), f"{where}.better"),
        "worse": [
            _method(configs, name, f"{where}.worse") for name in _names(given.get("worse"), f"{where}.worse", NAMES)
        ],
    }


def _value(configs: Configs, content: Any, common: Any, where: str) -> dict[str, Any]:
    given = {**_mapping(common, _VALUE_KEYS, where), **_mapping(content, _VALUE_KEYS, where)}
    found = {key: given.get(key) for key in _VALUE_KEYS}
    found["environments"] = _environments(configs, given.get("environments"), f"{where}.environments")
    if given.get("method") is not None:
        found["method"] = _method(configs, given["method"], f"{where}.method")
    elif not given.get("label"):
        raise BadInput(f"{where}: method and label are missing, expected a method of ours or the label of another")
    for key, choices in (("unit", UNITS), ("spread_kind", SPREADS), ("split", SPLITS)):
        if found[key] is not None and found[key] not in choices:
            raise BadInput(f"{where}.{key}: {unknown('word', str(found[key]), choices)}")
    for key in ("label", "metric", "where"):
        found[key] = None if found[key] is None else _text(found[key], f"{where}.{key}")
    for key in ("seeds", "frames"):
        found[key] = _count(found[key], f"{where}.{key}")
    found["comparable"] = given.get("comparable", True)
    if type(found["comparable"]) is not bool:
        raise BadInput(f"{where}.comparable is {found['comparable']!r}, expected true or false")
    found["differences"] = _names(given.get("differences") or [], f"{where}.differences", "a list of short texts")
    if not found["comparable"] and not found["differences"]:
        raise BadInput(f"{where}: comparable is false, but differences is empty; name what differs")
    _check_number(found, where)
    return found


def _check_number(found: dict[str, Any], where: str) -> None:
    """A number needs its metric, its unit and its place; a spread needs its kind and a value."""
    if found["value"] is None:
        if found["spread"] is not None:
            raise BadInput(f"{where}: spread is {found['spread']!r}, but value is empty; give both or none")
        return
    found["value"] = _number(found["value"], f"{where}.value")
    for key in ("metric", "unit", "where"):
        if found[key] is None:
            raise BadInput(f"{where}: value is {found['value']}, but {key} is missing; say what was read, and where")
    most = {"percent": 100.0, "fraction": 1.0}.get(found["unit"])
    if most is not None and not 0 <= found["value"] <= most:
        raise BadInput(f"{where}.value is {found['value']}, expected 0 to {most:.0f}, for its unit is {found['unit']}")
    if found["spread"] is None:
        found["spread_kind"] = None
        return
    found["spread"] = _number(found["spread"], f"{where}.spread", least=0.0)
    if found["spread_kind"] is None:
        raise BadInput(f"{where}: spread_kind is missing, expected one of {', '.join(SPREADS)}")


def _mapping(content: Any, keys: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise BadInput(f"{where} is {content!r}, expected `key: value` lines with {', '.join(keys)}")
    _require_known(content, keys, where)
    return content


def _require_known(content: Mapping[Any, Any], keys: Sequence[str], where: str) -> None:
    for key in content:
        if key not in keys:
            raise BadInput(f"{where}: {unknown('key', str(key), keys)}")


def _list(content: Mapping[str, Any], key: str, where: str) -> list[Any]:
    found = content.get(key) or []
    if not isinstance(found, list):
        raise BadInput(f"{where}: {key} is {found!r}, expected a list")
    return found


def _names(content: Any, where: str, expected: str) -> list[str]:
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise BadInput(f"{where} is {content!r}, expected {expected}")
    return list(content)


def _environments(configs: Configs, content: Any, where: str) -> list[str]:
    names = _names(content, where, NAMES)
    if not names:
        raise BadInput(f"{where} is empty, expected {NAMES}")
    for name in names:
        if name not in configs.environments():
            raise BadInput(f"{where}: {unknown('environment', name, configs.environments())}")
    return names


def _method(configs: Configs, content: Any, where: str) -> str:
    name = str(content).replace("-", "_")
    if name not in configs.members("method"):
        raise BadInput(f"{where}: {unknown('method', str(content), configs.members('method'))}")
    return name


def _text(content: Any, where: str) -> str:
    if not isinstance(content, str) or not content.strip():
        raise BadInput(f"{where} is {content!r}, expected a text")
    return " ".join(content.split())


def _number(
    content: Any, where: str, least: float | None = None, above: float | None = None, example: str = ""
) -> float:
    valid = type(content) in (int, float) and abs(content) < float("inf")
    if not valid or (least is not None and content < least) or (above is not None and content <= above):
        limit = f" from {least:g}" if least is not None else f" above {above:g}" if above is not None else ""
        raise BadInput(f"{where} is {content!r}, expected a number{limit}{', such as ' + example if example else ''}")
    return float(content)


def _count(content: Any, where: str) -> int | None:
    if content is not None and (type(content) is not int or content < 1):
        raise BadInput(f"{where} is {content!r}, expected a whole number from 1, or null where it is not known")
    return content
