"""Which stages can be started: by parents, urgency, turns taken and given back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmark.frontier import Frontier
from benchmark.spec import Cell, Plan, Stage

PLAY, STUDY, EXAM, LOOK = "play", "study", "exam", "look"


def chain_plan() -> tuple[Plan, dict[str, str]]:
    """play → study → (exam, look)."""
    stages: dict[str, Stage] = {}
    keys: dict[str, str] = {}
    for kind, parent in ((PLAY, None), (STUDY, PLAY), (EXAM, STUDY), (LOOK, STUDY)):
        stage = Stage(kind, f"toy.{kind}", {"seed": 0}, {} if parent is None else {parent: keys[parent]})
        keys[kind] = stage.key
        stages[stage.key] = stage
    return Plan("g", "", (Cell("e", "m", 0, keys),), stages, EXAM, "score"), keys


def frontier(done: tuple[str, ...] = (), given_up: tuple[str, ...] = ()) -> tuple[Frontier, dict[str, str]]:
    plan, keys = chain_plan()
    urgency = dict.fromkeys(plan.stages, 1.0) | {keys[LOOK]: 2.0}
    return Frontier(plan, [keys[k] for k in done], [keys[k] for k in given_up], urgency), keys


def test_a_stage_waits_for_its_parents_and_the_most_urgent_comes_first() -> None:
    front, keys = frontier()
    assert front.take(0.0) == keys[PLAY]
    assert front.take(0.0) is None, "play is in progress, and the others need it"
    front.done(keys[PLAY])
    assert front.take(0.0) == keys[STUDY]
    front.done(keys[STUDY])
    assert [front.take(0.0), front.take(0.0), front.take(0.0)] == [keys[LOOK], keys[EXAM], None]


def test_a_chain_ends_where_the_road_forks() -> None:
    front, keys = frontier()
    first = front.take(0.0)
    assert first is not None
    assert front.chain(first) == (keys[PLAY], keys[STUDY])
    front.done(keys[PLAY])
    assert front.take(0.0) is None, "study belongs to the same job"
    front.release(keys[STUDY])
    assert front.take(0.0) == keys[STUDY]


def test_a_stage_that_is_given_back_waits_until_its_time() -> None:
    front, keys = frontier()
    front.take(0.0)
    front.release(keys[PLAY], not_before=10.0)
    assert front.take(9.9) is None
    assert front.take(10.0) == keys[PLAY]


def test_what_is_given_up_takes_its_descendants_with_it_and_no_one_else() -> None:
    front, keys = frontier(done=(PLAY,), given_up=(STUDY,))
    assert front.open == set()
    front, keys = frontier(done=(PLAY, STUDY), given_up=(LOOK,))
    assert front.open == {keys[EXAM]}
    assert front.take(0.0) == keys[EXAM]


def test_a_job_of_an_earlier_driver_keeps_its_stage_from_being_offered() -> None:
    front, keys = frontier()
    front.hold(keys[PLAY])
    assert front.take(0.0) is None
    front.release(keys[PLAY], not_before=5.0)
    assert front.take(0.0) is None, "it waits although it was on offer before the job was found"
    assert front.take(5.0) == keys[PLAY]


@given(st.lists(st.sampled_from(["take", "finish", "drop", "fail"]), max_size=40), st.integers(2, 7))
def test_whatever_happens_a_stage_is_offered_once_at_a_time_and_after_its_parents(moves: list[str], width: int) -> None:
    stages: dict[str, Stage] = {}
    layers: list[list[str]] = []
    for depth in range(3):
        parents = {f"p{i}": key for i, key in enumerate(layers[-1][:2])} if layers else {}
        layer = [Stage("k", "t", {"seed": i, "depth": depth}, parents) for i in range(width)]
        stages |= {stage.key: stage for stage in layer}
        layers.append([stage.key for stage in layer])
    plan = Plan("g", "", (Cell("e", "m", 0, {k: k for k in stages}),), stages, layers[-1][0], "score")
    front = Frontier(plan, (), (), dict.fromkeys(stages, 1.0))
    busy: list[str] = []
    done: set[str] = set()
    for move in moves:
        if move == "take":
            key = front.take(0.0)
            if key is not None:
                assert key not in busy and key not in done
                assert set(stages[key].parents.values()) <= done
                busy.append(key)
        elif busy:
            key = busy.pop(0)
            if move == "finish":
                done.add(key)
                front.done(key)
            elif move == "drop":
                front.release(key)
            else:
                front.give_up(key)
        assert not front.open & done
