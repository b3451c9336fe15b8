"""The planner: the published upper bounds, the policy's own value, and what it does in plain situations."""

from __future__ import annotations

from math import sqrt

import pytest
import torch

import envs
from envs.rtfm import planner, rules
from envs.rtfm.env import RTFM
from envs.rtfm.rules import CELLS, NOWHERE

torch.set_num_threads(1)  # tests run side by side
BOUNDS = {False: 0.9952, True: 0.9475}
"""env_rtfm.md §13, by whether monsters move: the best win probability within 81 turns."""
NOTHING, GOOD, BAD = range(3)


def value_of_the_policy(monsters_move: bool) -> float:
    """Exact win probability of the stored policy, evaluated and not maximised."""
    actions = planner.plan(monsters_move).actions.view(290, CELLS, CELLS, CELLS).long()
    model = planner._Model(monsters_move)
    value = torch.zeros(actions.shape, dtype=torch.float64)
    for _ in range(planner.TURNS):
        arrived = model._arrived(value)
        for agent in range(CELLS):
            choices, names = model._choices(arrived, agent)
            place = torch.zeros(5, dtype=torch.int64).scatter(0, names.long(), torch.arange(len(names)))
            value[:, agent] = choices.gather(0, place[actions[:, agent]][None])[0]
    return planner._over_starts(value)


@pytest.mark.parametrize("monsters_move", [False, True])
def test_the_best_possible_win_rate_is_the_published_bound_and_the_policy_reaches_it(monsters_move: bool) -> None:
    best_possible = planner.win_probability(monsters_move)
    assert best_possible == pytest.approx(BOUNDS[monsters_move], abs=5e-5)
    assert value_of_the_policy(monsters_move) == pytest.approx(best_possible, abs=1e-6)


@pytest.mark.parametrize("env_id", ["rtfm-s1-train", "rtfm-s1-test", "rtfm-s2-train", "rtfm-s4-test"])
def test_the_expert_reaches_the_bound_in_the_game_within_sampling_error(env_id: str) -> None:
    env = envs.make(env_id, num_envs=4000, seed=1, max_steps=81)
    obs, expert = env.reset(), env.expert()
    ended, won = torch.zeros(4000, dtype=torch.bool), torch.zeros(4000, dtype=torch.bool)
    while not bool(ended.all()):
        obs, _, done, info = env.step(expert(obs))
        won |= done & ~ended & info["won"]
        ended |= done
    bound = BOUNDS["-s1-" not in env_id]
    assert abs(float(won.double().mean()) - bound) < 3.2905 * sqrt(bound * (1 - bound) / 4000)


def best(monsters_move: bool, hands: int, **where: tuple[int, int]) -> str:
    """The expert's action where things stand as given, (row, column); what is not given is not on the board."""
    things = ("agent", "target", "distractor", "good", "bad")
    cells = [where[thing][0] * 4 + where[thing][1] if thing in where else NOWHERE for thing in things]
    action = planner.plan(monsters_move).act(torch.tensor([cells]), torch.tensor([hands]))
    return rules.ACTIONS[int(action)]


def test_it_takes_the_shortest_way_to_the_good_item_and_then_to_the_target() -> None:
    room = {"target": (0, 3), "distractor": (3, 3), "bad": (3, 0)}
    assert best(False, NOTHING, agent=(0, 0), good=(0, 2), **room) == "right"
    assert best(False, GOOD, agent=(0, 2), **room) == "right"


def test_it_walks_around_the_bad_item_and_the_distractor() -> None:
    """Armed, with the target two cells to the right."""
    room = {"agent": (0, 0), "target": (0, 2)}
    assert best(False, GOOD, bad=(0, 1), distractor=(3, 3), **room) == "down"  # it would destroy the good item
    assert best(False, GOOD, distractor=(0, 1), bad=(3, 3), **room) == "down"


def test_it_goes_over_the_bad_item_where_that_is_the_only_way_to_the_good_one() -> None:
    """Held alone it is no loss: the good item replaces it."""
    assert best(False, NOTHING, agent=(0, 0), bad=(0, 1), good=(0, 2), distractor=(1, 0), target=(3, 3)) == "right"


def test_a_lost_game_is_ended_soon() -> None:
    """The good item is destroyed: every turn more only costs."""
    assert best(False, BAD, agent=(0, 0), target=(0, 1), distractor=(3, 3)) == "right"


def test_it_does_not_step_next_to_a_hunting_monster_unarmed() -> None:
    """Moving right would leave the target one step away; both monsters are far from every other cell."""
    assert best(True, NOTHING, agent=(3, 0), target=(3, 3), distractor=(3, 2), good=(0, 0), bad=(0, 3)) == "up"


def test_an_armed_agent_meets_the_adjacent_target_at_once() -> None:
    assert best(True, GOOD, agent=(0, 0), target=(0, 1), distractor=(3, 3)) == "right"


def test_every_state_of_an_episode_has_a_situation() -> None:
    cells = torch.tensor(
        [
            [0, 1, 2, 3, 4],
            [0, 1, 2, NOWHERE, 4],
            [0, 1, 2, 3, NOWHERE],
            [0, 1, 2, NOWHERE, NOWHERE],
            [0, 1, 2, NOWHERE, NOWHERE],
        ]
    )
    assert planner.situations(cells, torch.tensor([0, 1, 2, 1, 2])).tolist() == [3 * 16 + 4, 256 + 4, 272 + 3, 288, 289]


def test_games_without_items_are_always_won_when_nothing_moves() -> None:
    env = envs.make("rtfm-s1-train", num_envs=1000, seed=1, items=False)
    assert isinstance(env, RTFM)
    obs, expert = env.reset(), env.expert()
    won = torch.zeros(1000, dtype=torch.bool)
    ended = torch.zeros(1000, dtype=torch.bool)
    for _ in range(20):
        obs, _, done, info = env.step(expert(obs))
        won |= done & ~ended & info["won"]
        ended |= done
    assert bool(won.all())
