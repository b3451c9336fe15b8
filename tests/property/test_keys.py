"""Keys are made of canonical text: equal values have one text, and the text gives the value back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmark.recipes import Recipe
from benchmark.spec import Stage, canonical

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda value: st.lists(value) | st.dictionaries(st.text(), value), max_leaves=12)
PARAMS = st.dictionaries(st.text(), VALUES, max_size=4)


def shuffled(value: Any) -> Any:
    """The same value with every dict built in the opposite order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(list(value))}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_canonical_text_gives_the_value_back(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)
    assert repr(shuffled(json.loads(canonical(value)))) == repr(shuffled(json.loads(json.dumps(value, sort_keys=True))))


@given(VALUES)
def test_the_order_of_keys_never_matters(value: Any) -> None:
    assert canonical(shuffled(value)) == canonical(value)


@given(PARAMS, PARAMS)
def test_two_stages_share_a_key_exactly_when_their_content_is_equal(first: Any, second: Any) -> None:
    keys = [Stage("policy", "t", params).key for params in (first, second)]
    assert (keys[0] == keys[1]) == (canonical(first) == canonical(second))


@given(PARAMS)
def test_a_stage_survives_a_file(params: Any) -> None:
    stage = Stage("policy", "t", params, {"teacher": "0" * 16}, 3)
    assert Stage.from_json(json.loads(json.dumps(stage.to_json()))).key == stage.key


@given(PARAMS, st.integers(0, 10**9), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_recipe_has_the_keys_of_its_stages(params: Any, seed: int, parents: Any) -> None:
    params.pop("seed", None)
    recipe = Recipe("policy", "t", 2, params)
    stage = Stage("policy", "t", {"seed": seed, **params}, parents, 2)
    assert recipe.key(seed, parents) == stage.key
    assert recipe.stage(seed, parents, stage.key).to_json() == stage.to_json()
