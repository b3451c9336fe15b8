"""The price of a plan, from a history written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli.show_cost import cost_text
from benchmark.cost.history import FORMAT, History, Record, Workload, write_probes
from benchmark.cost.price import Price, price
from benchmark.errors import BadInput
from benchmark.records import UNBEGUN
from benchmark.spec import Stage
from benchmark.store import RunStore
from tests.priced import evaluate, executor, finish, plan, policy


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def of(store: RunStore, stage: Stage, device: str = "cpu") -> tuple[str, float | None]:
    """Basis and seconds of one stage's price."""
    found = price(plan(stage), store, executor(device=device)).stages[stage.key]
    return found.estimate.basis, found.seconds


def test_stages_that_differ_in_the_seed_alone_take_the_mean_of_the_finished_ones(store: RunStore) -> None:
    for seed, seconds in enumerate((10.0, 14.0)):
        finish(store, policy(seed), seconds)
    finish(store, policy(0, frames=1100), 99.0)
    assert of(store, policy(2)) == ("exact", 12.0)


def test_other_amounts_of_the_same_work_take_in_proportion(store: RunStore) -> None:
    finish(store, policy(frames=1000), 10.0)
    finish(store, policy(frames=100), 4.0)
    assert of(store, policy(frames=3000)) == ("rate", 30.0), "from the amount that is nearest"
    assert of(store, policy(frames=50)) == ("rate", 2.0)


def test_the_speed_is_that_of_the_stage_with_the_fewest_other_settings(store: RunStore) -> None:
    finish(store, policy(frames=100, distill=0.0, lr=0.1), 1.0)
    finish(store, policy(frames=100, distill=0.5, lr=0.2), 3.0)
    assert of(store, policy(frames=1000, distill=0.7, lr=0.2)) == ("rate", 30.0)


def test_another_network_environment_or_parent_is_a_rough_guess(store: RunStore) -> None:
    finish(store, policy(frames=100), 1.0)
    assert of(store, policy(frames=1000, width=512)) == ("kind", 10.0)
    assert of(store, policy(frames=1000, env="south")) == ("kind", 10.0)
    assert of(store, evaluate(policy())) == ("unknown", None), "of another kind nothing is known"


def test_a_gpu_tells_nothing_of_a_cpu(store: RunStore) -> None:
    finish(store, policy(), 10.0, device="cuda")
    assert of(store, policy(1)) == ("unknown", None)
    assert of(store, policy(1), device="cuda") == ("exact", 10.0)


def test_without_a_declared_amount_only_equal_settings_are_alike(store: RunStore) -> None:
    def bare(size: int, seed: int = 0) -> Stage:
        return Stage("policy", "toy.train", {"env": {"id": "north"}, "size": size, "seed": seed})

    finish(store, bare(3), 10.0)
    assert of(store, bare(3, seed=1)) == ("exact", 10.0)
    assert of(store, bare(4)) == ("rate", 10.0), "its time is taken not to depend on what it does not declare"


def test_what_a_probe_measured_grows_with_the_work_but_for_its_fixed_part(store: RunStore) -> None:
    """A probe of 500 frames took 7 s, of which 2 s were for starting: 0.01 s a frame."""
    write_probes(
        store, [Record(Workload.of(policy(frames=500)), "cpu", 1, 7.0, 1500.0, fixed_s=2.0, fixed_disk=1000.0)]
    )
    found = price(plan(policy(frames=10_000)), store, executor())
    (stage,) = found.stages.values()
    assert (stage.estimate.basis, stage.seconds, found.disk) == ("rate", 102.0, 11_000.0)


def test_a_stage_that_has_begun_counts_with_its_rest(store: RunStore) -> None:
    finish(store, policy(0), 10.0)
    begun = policy(1)
    store.register(begun)
    store.write_status(begun.key, {**UNBEGUN, "state": "stopped", "done": 750, "total": 1000, "attempt": 1})
    found = price(plan(begun), store, executor()).stages[begun.key]
    assert (found.seconds, found.estimate.seconds) == (2.5, 10.0)


@pytest.fixture
def four_seeds(store: RunStore) -> Price:
    """Four seeds of a policy of 60 s and an evaluation of 30 s, of which seed 0 is done; on two workers."""
    stages = [stage for seed in range(4) for stage in (policy(seed), evaluate(policy(seed)))]
    finish(store, stages[0], 60.0, size=1_000_000)
    finish(store, stages[1], 30.0)
    return price(plan(*stages), store, executor(workers=2))


def test_a_plan_costs_what_its_unfinished_stages_cost(four_seeds: Price) -> None:
    assert (four_seeds.done, len(four_seeds.stages)) == (2, 6)
    assert four_seeds.core_hours == pytest.approx(3 * 90 / 3600)
    assert four_seeds.gpu_hours == 0.0
    # Policies at 0-60 and 60-120 in one slot, 0-60 in the other, where two evaluations follow: 60-90 and 90-120; the
    # last evaluation at 120-150.
    assert (four_seeds.wall_s, four_seeds.longest_s) == (150.0, 90.0)
    assert 3_000_000 < four_seeds.disk < 3_020_000, "three policies, and some small files of each stage"


def test_the_price_in_words_and_as_json(four_seeds: Price) -> None:
    text = cost_text(four_seeds)
    assert "cost of the 6 stages to compute" in text
    assert "core time     4 min" in text
    assert "2 min 30 s with 2 stages at once; the longest chain of stages takes 1 min 30 s" in text
    assert "stages that differ in the seed alone: 100%" in text
    assert "--probe" not in text
    data = json.loads(json.dumps(four_seeds.to_json()))
    assert data["wall_s"] == 150.0
    assert data["basis"]["exact"] == {"stages": 6, "seconds": 270.0}


def test_gpu_hours_are_counted_where_gpus_are_used(store: RunStore) -> None:
    finish(store, policy(0), 1800.0, device="cuda")
    found = price(plan(policy(1), policy(2)), store, executor(device="cuda"))
    assert (found.uses_gpus, found.gpu_hours, found.hours(policy(1).key)) == (True, 1.0, 0.5)
    assert "GPU time      1.0 h" in cost_text(found)


def test_what_is_unknown_is_said_and_so_is_the_way_to_know_it(store: RunStore) -> None:
    finish(store, policy(0), 60.0)
    text = cost_text(price(plan(policy(1), evaluate(policy(1))), store, executor()))
    assert "core time     at least 1 min" in text
    assert "nothing: 1 of 2 stages has no price" in text
    assert "--probe measures what no finished stage here is like: evaluate of north" in text
    nothing = cost_text(price(plan(evaluate(policy(1)), policy(1, frames=7)), RunStore(store.root / "new"), executor()))
    assert nothing.startswith("cost of the 2 stages to compute: unknown, nothing like them was computed here\n")
    assert "--probe measures" in nothing


def test_disk_of_which_nothing_is_known_is_left_out(store: RunStore) -> None:
    finish(store, policy(0), 60.0, size=1_000_000)
    assert "disk          1 MB" in cost_text(price(plan(policy(1)), store, executor()))
    elsewhere = cost_text(price(plan(policy(1, env="south")), store, executor()))
    assert "a rough guess from the same kind of stage elsewhere" in elsewhere
    assert "disk" not in elsewhere


def test_what_the_seeds_can_show(store: RunStore) -> None:
    compared = [policy(seed, method=name) for seed in range(5) for name in ("plain", "taught")]
    found = price(plan(*compared), store, executor())
    assert found.power == {
        "seeds": 5,
        "effect": pytest.approx(2.08, abs=0.01),
        "rank_p": pytest.approx(0.0079, abs=1e-4),
    }
    assert "what 5 seeds can show: a difference of 2.1 standard deviations" in cost_text(found)
    assert price(plan(policy()), store, executor()).power is None, "one method is compared with nothing"
    assert "what 1 seed can show: no difference" in cost_text(price(plan(*compared[:2]), store, executor()))


def test_the_index_of_the_history_is_only_a_cache(store: RunStore) -> None:
    finish(store, policy(0), 10.0)
    assert of(store, policy(9)) == ("exact", 10.0)
    index = json.loads(store.history_file().read_text(encoding="utf-8"))
    assert index["format"] == FORMAT
    assert list(index["runs"]) == [policy(0).key]
    store.discard(policy(0).key)
    finish(store, policy(1), 20.0)
    assert of(store, policy(9)) == ("exact", 20.0), "what is gone does not count, what is new does"
    for damage in (
        "{",
        '{"format": 1, "workloads": {"a": {}}, "runs": {}}',
        '{"format": 1, "workloads": {}, "runs": []}',
    ):
        store.history_file().write_text(damage, encoding="utf-8")
        assert of(store, policy(9)) == ("exact", 20.0), "a damaged index is made anew"
    assert History(store).done == {policy(1).key: None}.keys()


def test_damaged_probes_are_named_with_the_remedy(store: RunStore) -> None:
    write_probes(store, [])
    store.probes_file().write_text('{"format": 1, "records": [{"device": "cpu"}]}', encoding="utf-8")
    with pytest.raises(BadInput, match=r"probes\.json is damaged .*; delete it, and --probe measures again"):
        of(store, policy())


def test_planning_in_a_folder_that_is_not_there_makes_none(store: RunStore) -> None:
    assert of(store, policy()) == ("unknown", None)
    assert not store.root.exists()
