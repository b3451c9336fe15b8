"""The ledger of published values: what a file may say, what reaches a plan, and the one line for what is wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.published import published
from tests.toy import PROJECT, Toy

PAPER: dict[str, Any] = {
    "title": "the paper",
    "source": "A. Author: A paper",
    "read_in": "the paper",
    "margins": {"score": 0.05},
    "common": {"metric": "score", "unit": "percent", "where": "Table 1"},
    "values": [
        {"environments": ["north", "far-south"], "method": "taught", "value": 40, "spread": 2, "spread_kind": "sd"},
        {"environments": ["north"], "method": "plain", "value": None},
    ],
}


def ledger(toy: Toy, environments: tuple[str, ...] = ("north",), **changed: Any) -> list[dict[str, Any]]:
    """What a plan gets of the paper, changed by some keys."""
    toy.write("published/paper", yaml.safe_dump({**PAPER, **changed}))
    return published(Configs(toy.configs), environments)


def first(**changed: Any) -> list[dict[str, Any]]:
    """The values of the paper, the first of which is changed."""
    return [{**PAPER["values"][0], **changed}]


def test_the_plan_has_what_the_ledger_says_of_its_environments(toy: Toy) -> None:
    toy.write("published/paper", yaml.safe_dump(PAPER))
    (file,) = toy.plan("toy").settings["published"]
    assert (file["name"], len(file["sha256"])) == ("paper", 64)
    assert [(one["method"], one["environments"]) for one in file["content"]["values"]] == [
        ("taught", ["north", "far-south"]),
        ("plain", ["north"]),
    ]
    (value,) = ledger(toy, ("far-south",))[0]["content"]["values"]
    assert (value["value"], value["unit"], value["where"], value["environments"]) == (
        40.0,
        "percent",
        "Table 1",
        ["far-south"],
    )


def test_a_ledger_changes_no_key_and_no_override(toy: Toy) -> None:
    before = list(toy.plan("toy").stages)
    ledger(toy)
    assert list(toy.plan("toy").stages) == before
    assert "published" not in Configs(toy.configs).groups()


def test_a_file_about_other_environments_is_left_out_but_checked(toy: Toy) -> None:
    assert ledger(toy, ("west",)) == []
    with pytest.raises(BadInput, match=r"values\[0\]\.value is 'much'"):
        ledger(toy, ("west",), values=first(value="much"))


def test_a_number_that_nobody_has_read_stays_empty(toy: Toy) -> None:
    value = ledger(toy)[0]["content"]["values"][1]
    assert (value["value"], value["spread"], value["seeds"], value["comparable"]) == (None, None, None, True)


def test_the_projects_own_ledger_has_no_number_of_the_ldd_paper_and_calls_all_others_another_setting() -> None:
    configs = Configs(PROJECT / "configs")
    files = {file["name"]: file["content"] for file in published(configs, configs.environments())}
    values = files.pop("ldd2022")["values"]
    assert len(values) == 25
    assert all(one["value"] is one["spread"] is one["seeds"] is None for one in values)
    others = [one for content in files.values() for one in content["values"]]
    assert others
    assert all(not one["comparable"] and one["differences"] and one["where"] for one in others)


def test_the_projects_own_ledger_names_no_file_that_a_reader_does_not_have() -> None:
    for path in (PROJECT / "configs" / "published").glob("*.yaml"):
        for name in re.findall(r"[\w/]+\.md\b", yaml.safe_load(path.read_text(encoding="utf-8"))["read_in"]):
            assert (PROJECT / name).exists(), f"{path.name} names {name}"


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"titel": "x"}, "configs/published/paper.yaml: unknown key 'titel'; did you mean 'title'?"),
        ({"source": None}, "configs/published/paper.yaml: source is None, expected a text"),
        ({"values": {"a": 1}}, "values is {'a': 1}, expected a list"),
        ({"values": []}, "has neither statements nor values; add what it publishes, or delete it"),
        ({"values": [7]}, r"values[0] is 7, expected `key: value` lines with environments, method, label"),
        ({"margins": {"score": 0}}, "margins.score is 0, expected a number above 0, such as 0.05, five points"),
        ({"values": first(environments=["nort"])}, "unknown environment 'nort'; did you mean 'north'?"),
        ({"values": first(environments=[])}, "values[0].environments is empty, expected a list of names"),
        ({"values": first(method="tought")}, "values[0].method: unknown method 'tought'; did you mean 'taught'?"),
        ({"values": first(method=None)}, "method and label are missing, expected a method of ours or the label"),
        ({"values": first(sede=3)}, "values[0]: unknown key 'sede'"),
        ({"values": first(value=True)}, "values[0].value is True, expected a number"),
        ({"values": first(value=140)}, "values[0].value is 140.0, expected 0 to 100, for its unit is percent"),
        ({"values": first(value=40, unit="fraction")}, "is 40.0, expected 0 to 1, for its unit is fraction"),
        ({"values": first(unit="promille")}, "values[0].unit: unknown word 'promille'"),
        ({"values": first(unit=None)}, "value is 40.0, but unit is missing; say what was read, and where"),
        ({"values": first(where=None)}, "value is 40.0, but where is missing; say what was read, and where"),
        ({"values": first(spread=-1)}, "values[0].spread is -1, expected a number from 0"),
        ({"values": first(spread_kind=None)}, "spread_kind is missing, expected one of sd, se, ci95, unknown"),
        ({"values": first(value=None)}, "spread is 2, but value is empty; give both or none"),
        ({"values": first(seeds=0)}, "values[0].seeds is 0, expected a whole number from 1, or null"),
        ({"values": first(comparable="no")}, "values[0].comparable is 'no', expected true or false"),
        ({"values": first(comparable=False)}, "comparable is false, but differences is empty; name what differs"),
        ({"statements": [{"text": "x", "where": "p. 1", "environments": ["north"]}]}, "better: unknown method 'None'"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:40],
)
def test_a_wrong_file_gets_one_line(toy: Toy, changed: dict[str, Any], line: str) -> None:
    with pytest.raises(BadInput) as error:
        ledger(toy, **changed)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("configs/published/paper.yaml")
