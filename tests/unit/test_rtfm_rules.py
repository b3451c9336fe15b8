"""The rules of one turn: by hand, and the table of all turns against the plain-Python oracle."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
import torch

from envs.rtfm import rules
from tests.rtfm_by_hand import Room


def cell(row: int, column: int) -> int:
    return row * 4 + column


def destinations(agent: int, monster: int) -> dict[int, Fraction]:
    counts = Counter(rules.chase()[agent, monster].tolist())
    return {where: Fraction(count, rules.OUTCOMES) for where, count in counts.items()}


def test_a_step_into_the_wall_is_a_lost_turn_and_masked() -> None:
    corner, inner = cell(0, 0), cell(1, 2)
    assert rules.moves()[:, corner].tolist() == [corner, corner, cell(1, 0), corner, cell(0, 1)]
    assert rules.moves()[:, inner].tolist() == [inner, cell(0, 2), cell(2, 2), cell(1, 1), cell(1, 3)]
    assert rules.valid()[corner].tolist() == [1, 0, 1, 0, 1]
    assert rules.valid()[inner].tolist() == [1] * 5
    assert rules.valid()[rules.NOWHERE].tolist() == [1] * 5


def test_a_monster_in_line_with_the_agent_has_one_way_towards_it() -> None:
    """.6 straight on, and .4 over staying and four open directions: .08 each."""
    chances = destinations(agent=cell(1, 3), monster=cell(1, 1))
    assert chances[cell(1, 2)] == Fraction(60 + 8, 100)
    assert {chances[where] for where in (cell(1, 1), cell(0, 1), cell(2, 1), cell(1, 0))} == {Fraction(8, 100)}


def test_a_monster_off_both_axes_has_two_ways_towards_the_agent() -> None:
    """In a corner: .3 for each way plus a third of .4 each; staying gets the last third."""
    chances = destinations(agent=cell(3, 1), monster=cell(0, 0))
    assert chances[cell(1, 0)] == chances[cell(0, 1)] == Fraction(3, 10) + Fraction(4, 30)
    assert chances[cell(0, 0)] == Fraction(4, 30)


def test_a_monster_on_the_agent_s_cell_stays_unless_it_wanders() -> None:
    chances = destinations(agent=cell(0, 1), monster=cell(0, 1))
    assert chances[cell(0, 1)] == Fraction(6, 10) + Fraction(1, 10)


def test_every_move_shortens_the_euclidean_distance_or_is_a_wander() -> None:
    for agent in range(16):
        for monster in range(16):
            for where in destinations(agent, monster):
                assert abs(where // 4 - monster // 4) + abs(where % 4 - monster % 4) <= 1


def contacts(**flags: bool) -> int:
    names = ("on_target", "on_distractor", "on_good", "on_bad", "target_comes", "distractor_comes")
    assert set(flags) <= set(names)
    return sum(1 << bit for bit, name in enumerate(names) if flags.get(name))


NOTHING, GOOD, BAD = range(3)
AGENT_DIES, TARGET_DIES, DISTRACTOR_DIES = ["agent"], ["target"], ["distractor"]


@pytest.mark.parametrize(
    ("hands", "contact", "dead", "won"),
    [
        (NOTHING, {}, [], False),
        (NOTHING, {"on_target": True}, AGENT_DIES, False),
        (GOOD, {"on_target": True}, TARGET_DIES, True),
        (BAD, {"on_target": True}, AGENT_DIES, False),
        (GOOD, {"on_distractor": True}, AGENT_DIES, False),
        (BAD, {"on_distractor": True}, DISTRACTOR_DIES, False),  # killing the wrong one is a loss too
        (GOOD, {"target_comes": True}, TARGET_DIES, True),  # the agent strikes first, whoever moved in
        (NOTHING, {"on_good": True, "on_target": True}, TARGET_DIES, True),  # picked up before the fight
        (GOOD, {"on_bad": True, "on_target": True}, AGENT_DIES, False),  # the second item replaces the first
        (
            GOOD,
            {"on_target": True, "distractor_comes": True},
            ["agent", "target"],
            False,
        ),  # the turn is played to its end
        (GOOD, {"target_comes": True, "distractor_comes": True}, ["agent", "target"], False),
    ],
)
def test_how_a_turn_ends(hands: int, contact: dict[str, bool], dead: list[str], won: bool) -> None:
    code = hands * 128 + contacts(**contact)
    turns = rules.turns()
    things = ("agent", "target", "distractor")
    assert [name for name, gone in zip(things, turns.gone[code, :3].tolist(), strict=True) if gone] == dead
    assert bool(turns.won[code]) is won
    assert bool(turns.over[code]) is bool(dead)


def test_items_are_picked_up_and_the_second_destroys_the_first() -> None:
    turns = rules.turns()
    for hands in (NOTHING, GOOD, BAD):
        for name, item, thing in (("on_good", GOOD, rules.GOOD), ("on_bad", BAD, rules.BAD)):
            code = hands * 128 + contacts(**{name: True})
            assert int(turns.hands[code]) == item
            assert turns.gone[code].nonzero().flatten().tolist() == [thing]


def test_if_the_distractor_comes_first_the_target_survives() -> None:
    """Only the last picture shows it: both orders are lost."""
    turns = rules.turns()
    code = GOOD * 128 + 64 + contacts(target_comes=True, distractor_comes=True)
    assert turns.gone[code].tolist() == [True, False, False, False, False]


def test_every_possible_turn_ends_as_the_plain_oracle_says() -> None:
    """All placements of two monsters around an agent that stays or steps right, all plans, hands and orders."""
    spots = [(1, 1), (1, 2), (2, 2), (0, 1)]
    turns = rules.turns()
    held = (None, "good", "bad")
    for action, agent in (("stay", (1, 1)), ("right", (1, 2))):
        for target in spots[1:]:
            for distractor in spots[1:]:
                for target_plan in spots:
                    for distractor_plan in spots:
                        for hands in range(3):
                            for first in (0, 1):
                                order = ("distractor", "target") if first else ("target", "distractor")
                                room = Room({"agent": (1, 1), "target": target, "distractor": distractor}, held[hands])
                                room.turn(action, {"target": target_plan, "distractor": distractor_plan}, order)
                                code = (
                                    hands * 128
                                    + first * 64
                                    + contacts(
                                        on_target=target == agent,
                                        on_distractor=distractor == agent,
                                        target_comes=target_plan == agent,
                                        distractor_comes=distractor_plan == agent,
                                    )
                                )
                                gone = [thing not in room.where for thing in ("agent", "target", "distractor")]
                                assert turns.gone[code, :3].tolist() == gone
                                assert bool(turns.won[code]) is room.won and bool(turns.over[code]) is room.over


def test_no_turn_is_won_with_a_dead_agent() -> None:
    turns = rules.turns()
    assert not bool((turns.won & turns.gone[:, rules.AGENT]).any())
    assert torch.equal(turns.over, turns.gone[:, :3].any(dim=1))
