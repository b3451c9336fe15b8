"""Running a grid: failures stay where they are, dead workers are noticed, nothing is computed twice."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmark.errors import BadInput
from benchmark.spec import Outcome, cell_outcome
from benchmark.store import RunStore
from benchmark.urgency import chain_seconds
from tests.toy import Toy


def states(outcomes: dict[str, Outcome]) -> dict[str, int]:
    return dict(Counter(outcome.state for outcome in outcomes.values()))


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_every_stage_is_computed_once_and_then_cached(toy: Toy, executor: str) -> None:
    outcomes, _ = toy.drive("toy", "seeds=1", f"executor={executor}")
    assert states(outcomes) == {"done": 16}
    kinds = ("play", "study", "practise", "exam")
    assert [toy.computed(kind) for kind in kinds] == [2, 2, 6, 6]
    again, said = toy.drive("toy", "seeds=1", f"executor={executor}")
    assert states(again) == {"done": 16}
    assert (toy.computed(), said) == (16, [])


def test_both_executors_and_a_repeat_give_the_same_numbers_bit_for_bit(toy: Toy) -> None:
    toy.drive("three", "executor=local")
    local = toy.results()
    toy.drive("three", "executor=inline", mode="force")
    assert toy.results() == local
    assert toy.computed() == 2 * len(local)


def test_two_seeds_differ(toy: Toy) -> None:
    plan = toy.plan("one", "seeds=2")
    outcomes, _ = toy.drive("one", "seeds=2", "executor=inline")
    scores = [cell_outcome(plan, cell, outcomes).metrics["score"] for cell in plan.cells]
    assert scores[0] != scores[1]


def test_a_failing_stage_blocks_its_own_children_and_nothing_else(toy: Toy) -> None:
    toy.arm("study", "raise", times=9)
    outcomes, said = toy.drive("toy", "seeds=1", "envs=[north]")
    plan = toy.plan("toy", "seeds=1", "envs=[north]")
    assert states(outcomes) == {"done": 3, "failed": 1, "blocked": 4}
    assert said.count("retrying") == 0, "what its own code raises it would raise again"
    assert said.count("failed") == 1
    assert toy.computed("study") == 1
    cells = {cell.method: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    assert cells["plain"].state == "done"
    assert cells["taught"].state == cells["taught_less"].state == "blocked"
    assert cells["taught"].reason == "study: RuntimeError: the toy was told to fail"
    assert "Traceback" in (toy.root / str(cells["taught"].log)).read_text()


def test_a_cause_that_goes_away_is_retried_within_the_run(toy: Toy) -> None:
    toy.arm("practise", "stumble", at=7)
    outcomes, said = toy.drive("one")
    assert states(outcomes) == {"done": 2}
    assert said.count("retrying") == 1


def test_a_cause_that_does_not_go_away_is_retried_with_a_limit(toy: Toy) -> None:
    toy.arm("practise", "stumble", at=7, times=9)
    outcomes, said = toy.drive("one")
    assert states(outcomes) == {"failed": 1, "blocked": 1}
    assert (said.count("retrying"), toy.computed("practise")) == (1, 2), "max_failures: 2"


def test_what_failed_is_not_repeated_until_asked(toy: Toy) -> None:
    toy.arm("practise", "raise", at=7, times=9)
    toy.drive("one", "executor=inline")
    computed = toy.computed()
    outcomes, said = toy.drive("one", "executor=inline")
    assert states(outcomes) == {"failed": 1, "blocked": 1}
    assert (toy.computed(), said) == (computed, [])
    toy.disarm()
    outcomes, _ = toy.drive("one", "executor=inline", mode="retry")
    assert states(outcomes) == {"done": 2}


def test_a_retried_stage_gives_the_numbers_of_an_unbroken_one(toy: Toy) -> None:
    toy.drive("one", "executor=inline")
    unbroken = toy.results()
    toy.arm("practise", "raise", at=7, times=9)
    toy.drive("one", "executor=inline", mode="force")
    toy.disarm()
    toy.drive("one", "executor=inline", mode="retry")
    assert toy.results() == unbroken


def test_a_killed_worker_is_noticed_and_its_stage_continues(toy: Toy) -> None:
    toy.drive("one", "executor=inline")
    unbroken = toy.results()
    toy.arm("practise", "die", at=3)
    toy.arm("practise", "die", at=8)
    outcomes, said = toy.drive("one", "executor.checkpoint_s=0", mode="force")
    assert said.count("crashed") == 2
    assert toy.results() == unbroken
    resumed = next(outcome for outcome in outcomes.values() if outcome.attempts == 3)
    assert resumed.resumed_from == (300, 800)


def test_a_job_that_reaches_its_time_limit_again_and_again_is_no_crash(toy: Toy) -> None:
    """Each job gets further than the last, so there may be more of them than max_crashes (2)."""
    for at in (2, 4, 6, 8):
        toy.arm("practise", "expire", at=at)
    outcomes, said = toy.drive("one")
    assert states(outcomes) == {"done": 2}
    assert (said.count("continuing"), said.count("crashed")) == (4, 0)
    resumed = next(outcome for outcome in outcomes.values() if outcome.attempts == 5)
    assert resumed.resumed_from == (300, 500, 700, 900)


def test_a_stage_whose_process_always_dies_fails_in_the_end(toy: Toy) -> None:
    toy.arm("practise", "die", at=0, times=99)
    outcomes, said = toy.drive("one")
    assert states(outcomes) == {"failed": 1, "blocked": 1}
    assert said.count("crashed") == 2, "max_crashes: 2"
    failed = next(outcome for outcome in outcomes.values() if outcome.state == "failed")
    assert failed.reason == (
        "3 jobs in a row ended without a result or a newer checkpoint; "
        "the last: its process was killed, or ended by itself (out of memory?)"
    )
    assert toy.drive("one")[1] == []


def test_force_computes_the_selected_cells_again_and_no_others(toy: Toy) -> None:
    toy.drive("toy", "seeds=1", "executor=inline")
    before = toy.computed()
    toy.drive("one", "executor=inline", mode="force")
    assert toy.computed() == before + 2


def test_a_stage_in_progress_cannot_be_forced(toy: Toy) -> None:
    plan, store = toy.plan("one"), RunStore(toy.root)
    from benchmark.execute import prepare
    from benchmark.lease import Claim

    prepare(plan, store, "cached")
    claim = Claim.acquire(store.claims(next(iter(plan.stages))))
    assert claim is not None
    with pytest.raises(BadInput, match="is being computed"):
        prepare(plan, store, "force")
    assert all(store.stage(key) == stage for key, stage in plan.stages.items()), "nothing was deleted"


def test_long_chains_start_first_and_known_times_count(toy: Toy) -> None:
    """Nothing known, the four stages of a taught cell weigh more than the two of a plain one."""
    plan = toy.plan("toy", "seeds=1", "envs=[north]")
    costs = {plan.stages[key].kind: cost for key, cost in chain_seconds(plan, {}).items()}
    assert costs == {"play": 4.0, "study": 3.0, "practise": 2.0, "exam": 1.0}
    exam = next(key for key, stage in plan.stages.items() if stage.kind == "exam")
    known = {plan.stages[key].kind: cost for key, cost in chain_seconds(plan, {exam: 10.0}).items()}
    assert known["play"] == 40.0, "what is not known counts as the average of what is"
