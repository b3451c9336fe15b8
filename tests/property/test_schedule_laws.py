"""What must hold of a schedule whatever the stages are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cost.schedule import chains, elapsed

Stages = tuple[dict[str, float], dict[str, list[str]]]


@st.composite
def stages(draw: st.DrawFn) -> Stages:
    """Seconds and parents of up to 25 stages, parents before children."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 25)))]
    seconds = {name: draw(st.floats(0, 100)) for name in names}
    parents = {
        name: draw(st.lists(st.sampled_from(names[:index]), max_size=3, unique=True)) if index else []
        for index, name in enumerate(names)
    }
    return seconds, parents


@given(stages(), st.integers(1, 8))
def test_a_schedule_is_no_shorter_than_its_longest_chain_and_its_work_per_slot(found: Stages, slots: int) -> None:
    seconds, parents = found
    work, longest, wall = sum(seconds.values()), max(chains(seconds, parents).values()), elapsed(*found, slots)
    assert wall >= longest - 1e-6
    assert wall >= work / slots - 1e-6
    assert wall <= work / slots + (1 - 1 / slots) * longest + 1e-6, "Graham's bound of list scheduling"


@given(stages())
def test_with_one_slot_it_is_the_work_and_with_many_the_longest_chain(found: Stages) -> None:
    seconds, parents = found
    assert elapsed(*found, 1) == pytest.approx(sum(seconds.values()))
    assert elapsed(*found, len(seconds)) == pytest.approx(max(chains(seconds, parents).values()))


@given(stages(), st.integers(1, 8))
def test_more_slots_never_delay_stages_that_do_not_wait_for_each_other(found: Stages, slots: int) -> None:
    """With parents they may, in any list scheduling (Graham 1969), but by no more than the bound above allows."""
    seconds, _ = found
    alone: dict[str, list[str]] = {key: [] for key in seconds}
    assert elapsed(seconds, alone, slots + 1) <= elapsed(seconds, alone, slots) + 1e-6
