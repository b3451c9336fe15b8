"""A value is checked against the type of its default and the rules of the schema; a wrong name gets the nearest one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BadInput, nearest
from benchmark.rules import Rules
from benchmark.validate import Schema, check_values

DEFAULTS = {
    "learner.lr": 5e-4,
    "learner.frames": 100,
    "learner.rule": "adam",
    "network.sizes": [16, 32],
    "network.bias": True,
    "limit": None,
    "anything": None,
    "env.id": "rtfm-s1",
}
SCHEMA = Schema(
    {
        "learner.lr": {"above": 0, "max": 1},
        "learner.frames": {"min": 1},
        "learner.rule": {"choices": ["adam", "rmsprop"]},
        "limit": {"type": "int", "optional": True, "min": 1},
        "network.sizes": {"min_items": 1, "items": {"type": "int", "min": 1}},
    },
    "schema.yaml",
)


@pytest.mark.parametrize(
    ("key", "value", "result"),
    [
        ("learner.lr", 1, 1.0),
        ("learner.frames", 7, 7),
        ("learner.rule", "rmsprop", "rmsprop"),
        ("network.sizes", [1, 2, 3], [1, 2, 3]),
        ("network.bias", False, False),
        ("limit", 3, 3),
        ("limit", None, None),
        ("anything", "goes", "goes"),
        ("learner.rule", "${other.rule}", "${other.rule}"),
    ],
)
def test_values_of_the_right_type_pass(key: str, value: Any, result: Any) -> None:
    if value == "${other.rule}":
        SCHEMA.rules.pop("learner.rule")  # an interpolation is checked when it is filled in
    try:
        checked = check_values(SCHEMA, {key: value}, DEFAULTS, "here")[key]
    finally:
        SCHEMA.rules["learner.rule"] = {"choices": ["adam", "rmsprop"]}
    assert (checked, type(checked)) == (result, type(result))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("learner.lr", "fast", "here: learner.lr is 'fast', expected a number, such as 0.0005"),
        ("learner.lr", None, "here: learner.lr is None, expected a number, such as 0.0005"),
        ("learner.lr", 0.0, "here: learner.lr is 0.0, expected more than 0"),
        ("learner.lr", 2.0, "here: learner.lr is 2.0, expected at most 1"),
        ("learner.frames", 1.5, "here: learner.frames is 1.5, expected a whole number, such as 100"),
        ("learner.frames", True, "here: learner.frames is True, expected a whole number, such as 100"),
        ("learner.frames", 0, "here: learner.frames is 0, expected at least 1"),
        (
            "learner.rule",
            "adm",
            "here: learner.rule is 'adm', expected one of adam, rmsprop; did you mean 'adam'?",
        ),
        ("network.sizes", 16, "here: network.sizes is 16, expected a list, such as [16, 32]"),
        ("network.sizes", [16, "x"], "here: network.sizes[1] is 'x', expected a whole number"),
        ("network.sizes", [16, 0], "here: network.sizes[1] is 0, expected at least 1"),
        ("network.sizes", [], "here: network.sizes is [], expected at least 1 element"),
        ("network.bias", "yes", "here: network.bias is 'yes', expected true or false, such as True"),
        ("limit", "many", "here: limit is 'many', expected a whole number"),
        ("learner", 3, "here: learner is a section, expected one of its keys: learner.frames, learner.lr, learner.r"),
        ("learner.lrr", 3, "here: unknown key 'learner.lrr'; did you mean 'learner.lr'?"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(key: str, value: Any, line: str) -> None:
    with pytest.raises(BadInput, match="^" + re.escape(line)):
        check_values(SCHEMA, {key: value}, DEFAULTS, "here")


def test_a_rule_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"schema.yaml: rule of 'lr' is \{'minimum': 0\}, expected some of above"):
        Schema({"lr": {"minimum": 0}}, "schema.yaml")


def test_a_star_stands_for_one_part_of_a_key() -> None:
    schema = Schema({"*.lr": {"above": 0}}, "schema.yaml")
    assert schema.rule("learner.lr") == {"above": 0}
    assert schema.rule("learner.inner.lr") == {}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("learner.lrr", "learner.lr"),
        ("lr", "learner.lr"),
        ("env.lr", "learner.lr"),
        ("learner.xyz", None),
        ("limits", "limit"),
        ("quite-something-else", None),
    ],
)
def test_the_nearest_name_is_found_among_neighbours_first(name: str, near: str | None) -> None:
    assert nearest(name, DEFAULTS) == near


def test_a_last_part_names_every_key_that_ends_so() -> None:
    with pytest.raises(BadInput, match=r"unknown key 'lr'; did you mean 'learner.lr' or 'study.lr'\?$"):
        check_values(SCHEMA, {"lr": 1}, {**DEFAULTS, "study.lr": 0.1, "a.b": 1, "a.c": 1, "a.d": 1, "a.e": 1}, "here")


def test_a_default_is_checked_as_far_as_its_rule_goes() -> None:
    assert SCHEMA.own("learner.frames", 3, "file") == 3
    assert SCHEMA.own("free", "anything", "file") == "anything"
    assert SCHEMA.own("limit", None, "file") is None
    with pytest.raises(BadInput, match=r"file: learner\.lr is 'abc', expected a number"):
        SCHEMA.own("learner.lr", "abc", "file")


PLACES = Schema({"files": {"type": "path", "optional": True}, "texts": {"type": "path", "package": True}}, "file")


def test_a_path_means_the_same_place_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (("files", "/a/b"), ("files", "~/b"), ("files", None), ("texts", "package:a/b"), ("texts", "~")):
        assert PLACES.own(key, value, "here") == value
    assert PLACES.own("files", "${texts}", "here") == "${texts}", "checked when it is filled in"
    monkeypatch.chdir(tmp_path)
    for key, value, line in (
        ("files", "a/../b", f"files is 'a/../b', expected an absolute path, such as {tmp_path.resolve()}/b"),
        ("files", "package:a/b", "files is 'package:a/b', expected an absolute path"),
        ("texts", "b", f"texts is 'b', expected an absolute path or package:NAME/path, such as {tmp_path.resolve()}/b"),
        (
            "texts",
            "~no-such-person/b",
            "texts is '~no-such-person/b', expected an absolute path or package:NAME/path, ",
        ),
        ("texts", None, "texts is None, expected a word"),
        ("files", 3, "files is 3, expected a word"),
    ):
        with pytest.raises(BadInput, match="^" + re.escape(f"here: {line}")):
            PLACES.own(key, value, "here")


def test_a_text_has_the_form_that_its_rule_tells_in_words():
    schema = Schema({"hero": {"type": "str", "pattern": "@|[a-z]{3}", "say": "three letters, or @"}}, "schema.yaml")
    assert schema.own("hero", "mon", "here") == "mon"
    assert schema.check("hero", "@", "mon", "here") == "@"
    with pytest.raises(BadInput, match=r"^here: hero is 'monk', expected three letters, or @$"):
        schema.check("hero", "monk", "mon", "here")


RULES = [
    {"require": {"copies": {"multiple_of": "parts"}}, "say": "parts are equal"},
    {"when": {"taught": False, "kind": "a"}, "require": {"weight": {"above": 0}}, "say": "it is not used"},
    {"require": {"shown": {"less_than": "length"}}, "say": "one is left"},
    {"require": {"pieces": {"divides": ["rows", "columns"]}}, "say": "pieces are equal"},
    {"require": {"batch": {"multiple_of": ["rows", "columns"]}}, "say": "whole ones"},
    {"when": {"kind": "g"}, "require": {"widths": {"elements": 3}}, "say": "one a layer"},
    {"when": {"files": {"not": None}, "kind": {"one_of": ["c", "d"]}}, "require": {"reader": None}, "say": "no"},
    {"when": {"kind": "e"}, "require": {"reader": {"one_of": ["f", None]}, "files": {"not": None}}, "say": "files"},
]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"copies": 6, "parts": 4}, "here: copies is 6, expected a multiple of parts (4): parts are equal"),
        (
            {"taught": False, "kind": "a", "weight": 0.0},
            "here: weight is 0.0, expected more than 0 where taught is false and kind is a: it is not used",
        ),
        (
            {"pieces": 4, "rows": 3, "columns": 7},
            "here: pieces is 4, expected a divisor of rows × columns (21): pieces",
        ),
        ({"pieces": 6, "rows": 3, "columns": 4}, None),
        ({"batch": 24, "rows": 3, "columns": 4}, None),
        (
            {"batch": 20, "rows": 3, "columns": 4},
            "here: batch is 20, expected a multiple of rows × columns (12): whole ones",
        ),
        ({"kind": "g", "widths": [1, 2, 3]}, None),
        ({"kind": "g", "widths": [1, 2]}, "here: widths is [1, 2], expected 3 elements where kind is g: one a layer"),
        ({"shown": 3, "length": 3}, "here: shown is 3, expected less than length (3): one is left"),
        ({"shown": 2, "length": 3}, None),
        ({"pieces": 4, "rows": 3}, None),
        (
            {"files": "/x", "kind": "d", "reader": "r"},
            "here: reader is r, expected null where files is /x and kind is d: no",
        ),
        ({"files": None, "kind": "d", "reader": "r"}, None),
        ({"files": "/x", "kind": "b", "reader": "r"}, None),
        ({"kind": "e", "reader": "g"}, "here: reader is g, expected f or null where kind is e: files"),
        (
            {"kind": "e", "reader": None, "files": None},
            "here: files is null, expected anything but null where kind is e: files",
        ),
        ({"copies": 6, "parts": 3, "taught": True, "kind": "a", "weight": 0.0}, None),
        ({"taught": False, "kind": "b", "weight": 0.0}, None),
        ({}, None),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any], line: str | None) -> None:
    rules = Rules(RULES, "schema.yaml")
    if line is None:
        rules.check(settings, "here")
        return
    with pytest.raises(BadInput, match="^" + re.escape(line)):
        rules.check(settings, "here")


@pytest.mark.parametrize(
    "rule",
    [
        {"require": {"a": 1}},
        {"say": "x"},
        {"require": {"a": {"over": 1}}, "say": "x"},
        {"require": {"a": {}}, "say": "x"},
        {"require": {"a": {"one_of": "b"}}, "say": "x"},
        {"require": {"a": {"divides": []}}, "say": "x"},
        {"require": {"a": {"divides": "b"}}, "say": "x"},
        {"require": {"a": {"multiple_of": []}}, "say": "x"},
    ],
)
def test_a_rule_between_keys_that_is_none_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"^schema\.yaml: "):
        Rules([rule], "schema.yaml")
