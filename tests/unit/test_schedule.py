"""How long dependent stages take with so many at once, worked out by hand."""

from __future__ import annotations

import pytest

from benchmark.cost.schedule import chains, elapsed

# Two cells that share a teacher: teacher 4 -> policies 6 and 3 -> evaluations 1 and 1; and a lone stage of 5.
SECONDS = {"teacher": 4.0, "long": 6.0, "short": 3.0, "exam of long": 1.0, "exam of short": 1.0, "lone": 5.0}
PARENTS = {
    "teacher": [],
    "long": ["teacher"],
    "short": ["teacher"],
    "exam of long": ["long"],
    "exam of short": ["short"],
    "lone": [],
}


def test_a_chain_is_as_long_as_the_longest_way_down() -> None:
    assert chains(SECONDS, PARENTS) == {
        "teacher": 11, "long": 7, "short": 4, "exam of long": 1, "exam of short": 1, "lone": 5,
    }  # fmt: skip


# One slot: 4 + 6 + 3 + 1 + 1 + 5. Two: teacher 0-4 beside lone 0-5, long 4-10 beside short 5-8, exams at 8 and at 10.
@pytest.mark.parametrize(("slots", "seconds"), [(1, 20.0), (2, 11.0), (3, 11.0), (64, 11.0)])
def test_a_free_slot_takes_the_ready_stage_of_longest_chain(slots: int, seconds: float) -> None:
    assert elapsed(SECONDS, PARENTS, slots) == seconds


def test_a_parent_without_a_time_is_done() -> None:
    left = {key: SECONDS[key] for key in ("long", "short", "exam of long", "exam of short")}
    assert elapsed(left, PARENTS, 2) == 7.0
    assert elapsed({}, PARENTS, 2) == 0.0
