"""What a person asked for: a grid file, changed by `key=value` words of the command line; checked word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from benchmark.claims import read_claims
from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown
from benchmark.executors import ExecutorConfig, executor_config
from benchmark.search import Variant, variants
from benchmark.spec import Plan
from benchmark.tuned import Tuned, read_tuned
from benchmark.validate import Schema, check_values

# What a grid file may say, and the type of each; null only where None stands.
_GRID_TYPES: dict[str, tuple[type | None, ...]] = {
    "name": (str,),
    "description": (str,),
    "envs": (list,),
    "methods": (list,),
    "seeds": (list, int),
    "teacher_seeds": (int, None),
    "preset": (str, None),
    "overrides": (list,),
    "search": (dict, None),
    "tuned": (str, None),
    "claims": (str, None),
}
_TYPE_WORDS: dict[type | None, str] = {
    str: "a word",
    list: "a list",
    int: "a whole number",
    dict: "`key: value` lines",
    None: "null",
}

# A grid's name is the name of a folder and of an MLflow experiment.
_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Request:
    """A grid as asked for. environments: files of the group. overrides: dotted key -> value, checked later.

    choices: group -> member for other groups, e.g. network. sources: key or group -> where it was written.
    """

    name: str
    description: str
    environments: tuple[str, ...]
    methods: tuple[Variant, ...]
    seeds: tuple[int, ...]
    teacher_seeds: int | None
    preset: str | None
    tuned: Tuned | None
    choices: Mapping[str, str]
    overrides: Mapping[str, Any]
    sources: Mapping[str, str]
    executor: ExecutorConfig
    tracking_uri: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_request(configs: Configs, schema: Schema, grid: str, words: Sequence[str]) -> Request:
    """Raises BadInput for the first thing that is wrong."""
    file = configs.member("grid", grid)
    given = _assignments(words)
    asked = _grid_file(configs, file)
    search_where = "the command line" if "search" in given else configs.shown(f"grid/{file}")
    for key in [key for key in given if key in _GRID_TYPES and key != "overrides"]:
        asked[key] = _typed(key, given.pop(key), "the command line")
    for key, group in (("env", "envs"), ("method", "methods")):
        if key in given:
            raise BadInput(f"{key}={given[key]}: a grid has several; choose them with {group}=[{given[key]}]")
    for key in ("envs", "methods", "seeds"):
        if key not in asked:
            raise BadInput(f"{configs.shown('grid/' + file)}: {key} is missing")
    name = asked.get("name", file)
    if not _NAME.fullmatch(name):
        raise BadInput(f"name is {name!r}, expected letters, digits and any of _ . - (no dot first): it names a folder")
    preset = asked.get("preset")
    if preset is not None:
        presets = sorted(path.name for path in (configs.folder / "preset").glob("*") if path.is_dir())
        if preset not in presets:
            raise unknown("preset", preset, presets, do="null is the full size")
    tracking_uri = given.pop("tracking.uri", None)
    executor = _executor(configs, schema, given)
    sources = dict.fromkeys(given, "the command line")
    in_file = _assignments([str(word) for word in asked.get("overrides", [])])
    sources = {key: f"{configs.shown('grid/' + file)}: overrides" for key in in_file} | sources
    overrides = in_file | given
    choices = {}
    for group in [key for key in overrides if key in configs.groups()]:
        choices[group] = configs.member(group, overrides.pop(group))
    seeds = _seeds(asked["seeds"])
    search = asked.get("search") or {}
    methods = variants(configs, _members(configs, "method", "methods", asked["methods"]), search, search_where)
    for variant in methods:
        for key in [key for key in variant.values if key in overrides]:
            raise BadInput(f"{sources[key]}: {key} is set, but {variant.where} tries several; drop one of the two")
    tuned = None if asked.get("tuned") is None else read_tuned(configs, asked["tuned"])
    if search and tuned is not None:
        raise BadInput(
            f"tuned={tuned.name} holds what a search has chosen, and this grid searches; drop search or tuned"
        )
    if tuned is not None:
        tuned.check(seeds, preset)
    claims = None if asked.get("claims") is None else read_claims(configs, asked["claims"])
    if search and claims is not None:
        raise BadInput(f"claims={claims['name']} is to be tested, and this grid searches; drop search or claims")
    return Request(
        name=name,
        description=asked.get("description", ""),
        environments=_members(configs, "env", "envs", asked["envs"]),
        methods=methods,
        seeds=seeds,
        teacher_seeds=_teacher_seeds(asked.get("teacher_seeds"), seeds),
        preset=preset,
        tuned=tuned,
        choices=choices,
        overrides=overrides,
        sources=sources,
        executor=executor,
        tracking_uri=None if tracking_uri is None else str(tracking_uri),
        settings={
            "file": file,
            "seeds": list(seeds),
            "teacher_seeds": asked.get("teacher_seeds"),
            "preset": preset,
            "overrides": {**choices, **overrides},
            "search": {one.name: {"method": one.file, "values": dict(one.values)} for one in methods if one.values},
            "claims": claims,
        },
    )


def stored_request(configs: Configs, schema: Schema, plan: Plan, words: Sequence[str]) -> Request:
    """The request that a stored plan stands for, of a grid without a file: only where and how to look can be said.

    Raises BadInput for a word that would change the grid.
    """
    given = _assignments(words)
    tracking_uri = given.pop("tracking.uri", None)
    executor = _executor(configs, schema, given)
    if given:
        raise BadInput(
            f"{next(iter(given))}={next(iter(given.values()))}: grid {plan.grid!r} has no file in configs/grid/, so "
            "nothing of it can be changed; drop it"
        )
    return Request(
        name=plan.grid,
        description=plan.description,
        environments=(),
        methods=(),
        seeds=tuple(dict.fromkeys(cell.seed for cell in plan.cells)),
        teacher_seeds=None,
        preset=None,
        tuned=None,
        choices={},
        overrides={},
        sources={},
        executor=executor,
        tracking_uri=None if tracking_uri is None else str(tracking_uri),
        settings={"claims": None, **plan.settings},
    )


def _assignments(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as a dict; values as Hydra reads them (1e-3 is a number, [0,3] a list, null nothing)."""
    parser = OverridesParser.create()
    found: dict[str, Any] = {}
    for word in words:
        key, sign, _ = word.partition("=")
        if not sign or not key:
            raise BadInput(f"{word!r} is not understood; expected key=value, such as seeds=5 (see --help)")
        if key[0] in "+~" or "@" in key:
            bare = key.lstrip("+~").split("@")[0]
            raise BadInput(f"{word!r}: keys are changed, never added or removed; write {bare}=value")
        try:
            override = parser.parse_override(word)
            if override.is_sweep_override():
                raise BadInput(f"{word!r}: a list is written in brackets: {key}=[{word.partition('=')[2]}]")
            value = override.value()
        except HydraException as error:
            problem = " ".join(str(error).split()).split(" See https")[0]
            quoted = f"""{key}='"…"'"""
            raise BadInput(f"{word!r}: the value is not understood ({problem}); quote a text as in {quoted}") from error
        if key in found and found[key] != value:
            raise BadInput(f"{key} is given twice, as {found[key]!r} and as {value!r}; give it once")
        found[key] = value
    return found


def _grid_file(configs: Configs, file: str) -> dict[str, Any]:
    shown = configs.shown(f"grid/{file}")
    content = configs.read(f"grid/{file}")
    for key, value in content.items():
        if key not in _GRID_TYPES:
            raise BadInput(f"{shown}: {unknown('key', str(key), _GRID_TYPES)}")
        _typed(key, value, shown)
    return dict(content)


def _typed(key: str, value: Any, where: str) -> Any:
    types = _GRID_TYPES[key]
    if not any(value is None if kind is None else type(value) is kind for kind in types):
        words = " or ".join(_TYPE_WORDS[kind] for kind in types)
        written = f"; write {key}=[{value}]" if types == (list,) else ""
        raise BadInput(f"{where}: {key} is {value!r}, expected {words}{written}")
    return value


def _members(configs: Configs, group: str, key: str, names: Sequence[Any]) -> tuple[str, ...]:
    if not names:
        raise BadInput(f"{key} is empty, expected at least one of {', '.join(configs.members(group))}")
    what = {"env": "environment"}.get(group, group)
    members = [configs.member(group, name, what) for name in names]
    return tuple(_unique(members, key))


def _seeds(value: Any) -> tuple[int, ...]:
    seeds = list(range(value)) if type(value) is int else value
    if not seeds:
        raise BadInput(f"seeds is {value!r}, expected a positive count (seeds=5) or a list (seeds=[0,3])")
    for seed in seeds:
        if type(seed) is not int or seed < 0:
            raise BadInput(f"seeds contains {seed!r}, expected whole numbers from 0")
    return tuple(_unique(seeds, "seeds"))


def _teacher_seeds(value: int | None, seeds: Sequence[int]) -> int | None:
    if value is not None and not 1 <= value <= len(seeds):
        raise BadInput(f"teacher_seeds is {value}, expected null or 1 to {len(seeds)}, the number of seeds")
    return value


def _unique(items: list[Any], key: str) -> list[Any]:
    for item in items:
        if items.count(item) > 1:
            raise BadInput(f"{key} contains {item!r} twice; give it once")
    return items


def _executor(configs: Configs, schema: Schema, given: dict[str, Any]) -> ExecutorConfig:
    """The executor's file, changed by the `executor.*` words, which are taken out of `given`."""
    defaults = configs.read("config").get("defaults", [])
    default = next(entry["executor"] for entry in defaults if isinstance(entry, dict) and "executor" in entry)
    name = configs.member("executor", given.pop("executor", default))
    content = configs.read(f"executor/{name}")
    words = {key: given.pop(key) for key in list(given) if key.startswith("executor.")}
    where = configs.shown(f"executor/{name}")
    given_here = {f"executor.{key}": value for key, value in content.items()}
    valid = {key: schema.own(key, value, where) for key, value in given_here.items()}
    checked = check_values(schema, words, valid, f"executor={name}")
    fields = {key.removeprefix("executor."): value for key, value in (valid | checked).items()}
    return executor_config(fields, where)


def nearest_cell(pattern: str, names: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(pattern, names, n=1, cutoff=0.3)
    return close[0] if close else None
