"""A file of configs/claims/: what a grid is to show, written down as tests before there is a score.

    about: …                                                 # whose claims these are
    metrics: {win_rate: {low: 0, high: 1, margin: 0.05}}     # its range, null where it has no end; what counts as more
    environments: {rtfm-s1: win_rate}                        # id -> the metric that the claims are about there
    families: {baselines: 0.05}                              # family of tests -> alpha, shared by Holm's procedure
    seeds: 10                                                # `plan` warns of fewer
    claims:
      beats-baselines: {text: …, source: …, family: baselines, exploratory: false, direction: greater,
                        method: ldd, against: [tabula_rasa], environments: [rtfm-s1]}

Its comparisons are `method` with each of `against` on each of its environments, whether a grid has them or not.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown

_KEYS = ("about", "metrics", "environments", "families", "seeds", "claims")
_CLAIM_KEYS = ("text", "source", "family", "exploratory", "direction", "method", "against", "environments")
_METRIC_KEYS = ("low", "high", "margin")
_DIRECTIONS = ("greater", "less")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def read_claims(configs: Configs, name: str) -> dict[str, Any]:
    """{name, sha256: of the file, content: as above, complete and checked}. Raises BadInput."""
    member = name.replace("-", "_")
    if member not in configs.members("claims"):
        raise unknown("claims file", name, configs.members("claims"), do="null tests no claim")
    file, content = configs.shown(f"claims/{member}"), configs.read(f"claims/{member}")
    digest = hashlib.sha256((configs.folder / "claims" / f"{member}.yaml").read_bytes()).hexdigest()
    return {"name": member, "sha256": digest, "content": _checked(configs, content, file)}


def _checked(configs: Configs, content: Mapping[str, Any], file: str) -> dict[str, Any]:
    _require_keys(content, _KEYS, file)
    metrics = {str(name): _metric(about, f"{file}: metrics.{name}") for name, about in _items(content, "metrics", file)}
    environments = {}
    for environment, metric in _items(content, "environments", file):
        where = f"{file}: environments"
        _require_known("environment", environment, configs.environments(), where)
        _require_known("metric", metric, metrics, f"{where}.{environment}")
        environments[str(environment)] = metric
    families = {}
    for family, alpha in _items(content, "families", file):
        if not _is_number(alpha) or not 0 < alpha < 1:
            raise BadInput(f"{file}: families.{family} is {alpha!r}, expected alpha, a number between 0 and 1")
        families[str(family)] = float(alpha)
    seeds = content["seeds"]
    if type(seeds) is not int or seeds < 2:
        raise BadInput(f"{file}: seeds is {seeds!r}, expected a whole number from 2, the seeds that the claims deserve")
    claims = {}
    for name, claim in _items(content, "claims", file):
        if not _ID.fullmatch(str(name)):
            raise BadInput(f"{file}: claims.{name}: expected a name of small letters, digits and dashes")
        claims[str(name)] = _claim(configs, claim, environments, families, f"{file}: claims.{name}")
    for family in families:
        if not any(claim["family"] == family for claim in claims.values()):
            raise BadInput(f"{file}: families.{family} is the family of no claim; drop it, or name it in one")
    _require_once(claims, file)
    about = _text(content["about"], f"{file}: about")
    return {
        "about": about,
        "metrics": metrics,
        "environments": environments,
        "families": families,
        "seeds": seeds,
        "claims": claims,
    }


def _metric(about: Any, where: str) -> dict[str, float | None]:
    _require_keys(about, _METRIC_KEYS, where)
    for key in _METRIC_KEYS:
        value = about[key]
        if not (_is_number(value) or (value is None and key != "margin")):
            raise BadInput(f"{where}.{key} is {value!r}, expected a number{'' if key == 'margin' else ' or null'}")
    low, high = about["low"], about["high"]
    if low is not None and high is not None and low >= high:
        raise BadInput(f"{where}: low is {low} and high is {high}, expected low below high")
    if about["margin"] <= 0:
        raise BadInput(f"{where}.margin is {about['margin']}, expected the smallest advantage that counts, above 0")
    if low is not None and high is not None and about["margin"] >= high - low:
        expected = f"a margin in the metric's unit, below its range of {high - low:g}, such as 0.05"
        raise BadInput(f"{where}.margin is {about['margin']}, expected {expected}")
    return {key: None if about[key] is None else float(about[key]) for key in _METRIC_KEYS}


def _claim(
    configs: Configs, claim: Any, environments: Collection[str], families: Collection[str], where: str
) -> dict[str, Any]:
    _require_keys(claim, _CLAIM_KEYS, where)
    _require_known("family", claim["family"], families, where)
    _require_known("direction", claim["direction"], _DIRECTIONS, where)
    if type(claim["exploratory"]) is not bool:
        raise BadInput(f"{where}.exploratory is {claim['exploratory']!r}, expected true or false")
    methods = configs.members("method")
    _require_known("method", claim["method"], methods, where)
    against = _list(claim["against"], f"{where}.against")
    for method in against:
        _require_known("method", method, methods, f"{where}.against")
    if claim["method"] in against:
        raise BadInput(f"{where}: {claim['method']} is compared with itself; drop it from against")
    its_environments = _list(claim["environments"], f"{where}.environments")
    for environment in its_environments:
        _require_known("environment", environment, environments, f"{where}.environments")
    texts = {key: _text(claim[key], f"{where}.{key}") for key in ("text", "source")}
    return {**{key: claim[key] for key in _CLAIM_KEYS}, **texts}


def _require_once(claims: Mapping[str, Mapping[str, Any]], file: str) -> None:
    """One comparison in two claims of a family would count twice in Holm's procedure."""
    seen: dict[tuple[str, ...], str] = {}
    for name, claim in claims.items():
        for environment in claim["environments"]:
            for method in claim["against"]:
                place = (claim["family"], claim["direction"], environment, claim["method"], method)
                if place in seen:
                    raise BadInput(
                        f"{file}: claims {seen[place]} and {name} both compare {claim['method']} with {method} on "
                        f"{environment} in family {claim['family']}; leave it to one of them"
                    )
                seen[place] = name


def _require_keys(content: Any, keys: Collection[str], where: str) -> None:
    if not isinstance(content, Mapping):
        raise BadInput(f"{where} is {content!r}, expected `key: value` lines with {', '.join(keys)}")
    for key in content:
        if key not in keys:
            raise BadInput(f"{where}: {unknown('key', str(key), keys)}")
    for key in keys:
        if key not in content:
            raise BadInput(f"{where}: {key} is missing")


def _require_known(what: str, name: Any, valid: Collection[str], where: str) -> None:
    if name not in valid:
        raise BadInput(f"{where}: {unknown(what, str(name), valid)}")


def _items(content: Mapping[str, Any], key: str, file: str) -> Collection[tuple[Any, Any]]:
    section = content[key]
    if not isinstance(section, Mapping) or not section:
        raise BadInput(f"{file}: {key} is {section!r}, expected at least one `name: …` line")
    return section.items()


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadInput(f"{where} is {value!r}, expected a list of at least one name")
    for item in value:
        if value.count(item) > 1:
            raise BadInput(f"{where} contains {item!r} twice; give it once")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where} is {value!r}, expected a sentence")
    return " ".join(value.split())


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
