"""What is counted stands in the singular where there is one of it."""

from __future__ import annotations

import re

import pytest

from benchmark.cli.show_cost import cost_text
from benchmark.cli.show_plan import plan_text
from benchmark.cli.status import look
from benchmark.cli.why import Explainer
from benchmark.cost.price import price
from benchmark.plurals import noun, plural
from benchmark.store import RunStore
from tests.toy import Toy

ONES = re.compile(r"(?<![\d.,])1 (?:more )?(?:cell|stage|seed|game|value|file|folder|job|run|attempt)s")


@pytest.mark.parametrize(
    ("n", "words"), [(0, "0 seeds, jobs wait"), (1, "1 seed, job waits"), (2, "2 seeds, jobs wait")]
)
def test_a_noun_or_what_its_verb_needs(n: int, words: str) -> None:
    assert f"{plural(n, 'seed')}, {noun(n, 'job waits', 'jobs wait')}" == words


def test_a_grid_of_one_cell_has_one_cell_everywhere(toy: Toy) -> None:
    plan, store, executor = toy.plan("one"), RunStore(toy.root), toy.request("one").executor
    lone = plan.only(plan.cells)
    texts = {
        "plan": plan_text(lone, store),
        "status": look(lone, store, executor).text(),
        "why": Explainer(lone, store, executor).verdict(lone.cells[0]),
        "cost": cost_text(price(lone, store, executor)),
    }
    assert "1 cell needs 2 stages" in texts["plan"]
    assert "1 cell: 1 missing" in texts["status"]
    assert [name for name, text in texts.items() if ONES.search(text)] == []


def test_what_is_not_available_is_counted_too(toy: Toy) -> None:
    text = plan_text(toy.plan("wide", "methods=[dreamt]", "envs=[north]", "seeds=1"), RunStore(toy.root))
    assert "not available: 1 of 1 cell\n" in text
    assert "(1 cell): dreaming is not built yet" in text
    assert ONES.findall(text) == []
