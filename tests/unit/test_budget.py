"""A budget keeps whole seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cli.show_cost import budget_text
from benchmark.cost.budget import parse, within
from benchmark.cost.price import price
from benchmark.errors import BadInput
from benchmark.spec import Plan
from benchmark.store import RunStore
from tests.priced import executor, finish, plan, policy


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """Policies take an hour in the north and two in the south."""
    store = RunStore(tmp_path)
    finish(store, policy(100, env="north"), 3600.0)
    finish(store, policy(100, env="south"), 7200.0)
    return store


def grid(*seeds: int) -> Plan:
    return plan(*(policy(seed, env=env) for env in ("north", "south") for seed in seeds))


def seeds(found: Plan) -> list[tuple[str, int]]:
    return [(cell.environment, cell.seed) for cell in found.cells]


@pytest.mark.parametrize(("text", "kept"), [("3h", 1), ("5.9h", 1), ("6h", 2), ("540m", 3), ("2d", 3)])
def test_as_many_whole_seeds_as_fit_are_kept(store: RunStore, text: str, kept: int) -> None:
    every = grid(0, 1, 2)
    found = within(every, price(every, store, executor()), text)
    assert seeds(found) == [(env, seed) for env in ("north", "south") for seed in range(kept)]
    assert len(found.stages) == 2 * kept


def test_a_seed_that_has_begun_comes_first(store: RunStore) -> None:
    finish(store, policy(2, env="north"), 3600.0)
    every = grid(0, 1, 2)
    found = within(every, price(every, store, executor()), "5h")
    assert seeds(found) == [("north", 0), ("north", 2), ("south", 0), ("south", 2)], "2 h for seed 2, 3 h for seed 0"


def test_a_stage_that_seeds_share_is_paid_once(store: RunStore) -> None:
    every, teacher = grid(0, 1), policy(7)
    cells = tuple(replace(cell, stages={"teacher": teacher.key, **cell.stages}) for cell in every.cells)
    shared = replace(every, cells=cells, stages={teacher.key: teacher, **every.stages})
    cost = price(shared, store, executor())
    assert len(within(shared, cost, "7h").cells) == 4, "1 h for the teacher, 3 h for each seed"
    assert len(within(shared, cost, "6.9h").cells) == 2


def test_what_is_kept_and_what_is_left_out_is_said(store: RunStore) -> None:
    every = grid(0, 1, 2)
    cost = price(every, store, executor())
    text = budget_text(every, within(every, cost, "4h"), cost, "4h")
    assert text == "budget 4h: keeps 1 of 3 seeds (0) with 2 of 6 cells, 3.0 h of core time; left out: 1, 2"


def test_gpu_hours_count_where_gpus_are_used(store: RunStore) -> None:
    finish(store, policy(101), 3600.0, device="cuda")
    every = plan(policy(0), policy(1))
    cost = price(every, store, executor(device="cuda"))
    assert len(within(every, cost, "1h").cells) == 1
    with pytest.raises(BadInput, match=r"takes 1\.0 h of GPU time"):
        within(every, cost, "30m")


def test_less_than_one_seed_is_refused_with_its_price(store: RunStore) -> None:
    every = grid(0, 1)
    message = r"--budget 90m is not enough for one seed; seed 0, with all .* methods, takes 3\.0 h of core time"
    with pytest.raises(BadInput, match=message):
        within(every, price(every, store, executor()), "90m")


def test_unknown_prices_are_refused(store: RunStore) -> None:
    every = plan(policy(0), replace(policy(1), kind="study"))
    with pytest.raises(BadInput, match=r"--budget 9h: 1 of 2 stages has no price, .* add --probe"):
        within(every, price(every, store, executor()), "9h")


@pytest.mark.parametrize("text", ["", "40", "h", "-1h", "0h", "4 weeks", "nanh", "1e3h"])
def test_a_budget_is_a_time(text: str) -> None:
    with pytest.raises(BadInput, match="expected a time such as 40h, 90m or 2d"):
        parse(text)
