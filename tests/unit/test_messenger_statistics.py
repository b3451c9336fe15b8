"""How players who cannot read fare in stage 1: as in the original, and as the rules say exactly.

The reference rows are measurements of the original (reference_measurements.md §3) with 95% half widths.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt

import pytest
import torch
from torch import Tensor

import envs
from envs.base import BatchedEnv

torch.set_num_threads(1)  # tests run side by side

Z_999, Z_95 = 3.2905, 1.9600
"""Two-sided 99.9% and 95% quantiles of the normal distribution."""

WHAT = ("win", "length", "return")
COPIES = 2500
SPOTS = [(3, 5), (5, 3), (5, 7), (7, 5)]


@dataclass(frozen=True)
class Measured:
    """Means and standard errors of win (0 or 1), length and return."""

    mean: tuple[float, ...]
    error: tuple[float, ...]


def play(env: BatchedEnv, valid_only: bool, episodes_per_copy: int, seed: int) -> Measured:
    """The first episodes of every copy, so that short episodes are not preferred, under a uniformly random player."""
    obs = env.reset()
    generator = torch.Generator().manual_seed(seed)
    episodes: list[Tensor] = []
    finished = torch.zeros(env.num_envs, dtype=torch.int64)
    while (finished < episodes_per_copy).any():
        chances = obs["valid"] if valid_only else torch.ones_like(obs["valid"])
        actions = torch.multinomial(chances, 1, generator=generator).squeeze(1)
        obs, _, done, info = env.step(actions)
        counted = done & (finished < episodes_per_copy)
        columns = (info["won"].float(), info["episode_length"].float(), info["episode_return"])
        episodes.append(torch.stack(columns, 1)[counted])
        finished += done
    table = torch.cat(episodes).double()
    assert len(table) == env.num_envs * episodes_per_copy
    return Measured(tuple(table.mean(0).tolist()), tuple((table.std(0) / sqrt(len(table))).tolist()))


@cache
def exactly(cap: int, valid_only: bool = False) -> tuple[float, float]:
    """Chance of a contact within ``cap`` steps and mean length of an episode, from the avatar's distribution."""
    cases = [_exactly(cap, valid_only, SPOTS[:empty] + SPOTS[empty + 1 :]) for empty in range(4)]
    return sum(contact for contact, _ in cases) / 4, sum(length for _, length in cases) / 4


def _exactly(cap: int, valid_only: bool, things: list[tuple[int, int]]) -> tuple[float, float]:
    place = torch.zeros(10, 10, dtype=torch.float64)
    place[5, 5] = 1
    touched = length = 0.0
    for _ in range(cap):
        length += float(place.sum())
        after = torch.zeros_like(place)
        for row, column in place.nonzero().tolist():
            steps = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1), (row, column)]
            inside = [(r, c) for r, c in steps if 0 <= r < 10 and 0 <= c < 10]
            if not valid_only:
                inside += [(row, column)] * (5 - len(inside))
            for cell in inside:
                after[cell] += place[row, column] / len(inside)
        for thing in things:
            touched += float(after[thing])
            after[thing] = 0
        place = after
    return touched, length


REFERENCE = {
    ("train", 4): ((0.0778, 3.713, -0.844), (0.0053, 0.013, 0.011)),
    ("train-mc", 4): ((0.0757, 3.723, -0.849), (0.0052, 0.013, 0.010)),
    ("train-sc", 4): ((0.0813, 3.711, -0.837), (0.0054, 0.013, 0.011)),
    ("val", 4): ((0.0820, 3.718, -0.836), (0.0054, 0.013, 0.011)),
    ("train", 10): ((0.1625, 7.54, -0.675), (0.0072, 0.06, 0.015)),
    ("train-mc", 10): ((0.1604, 7.65, -0.679), (0.0072, 0.06, 0.014)),
    ("train-sc", 10): ((0.1575, 7.62, -0.685), (0.0071, 0.06, 0.014)),
    ("val", 10): ((0.1503, 7.66, -0.699), (0.0070, 0.06, 0.014)),
}


@pytest.mark.parametrize(("split", "cap"), REFERENCE, ids=lambda value: str(value))
def test_random_play_fares_as_in_the_original(split: str, cap: int) -> None:
    """10,000 episodes, uniform over all five actions, no time penalty."""
    seed = list(REFERENCE).index((split, cap))  # equal seeds would be equal walks in every split
    env = envs.make(f"messenger-s1-{split}", num_envs=COPIES, seed=seed, max_steps=cap, time_penalty=0)
    ours = play(env, valid_only=False, episodes_per_copy=4, seed=seed)
    agrees(ours, *REFERENCE[split, cap])
    contact, length = exactly(cap)
    for mean, error, exact in zip(ours.mean, ours.error, (contact / 3, length, 2 * contact / 3 - 1), strict=True):
        assert abs(mean - exact) < Z_999 * error


@pytest.mark.parametrize(
    ("split", "reference"),
    [("train", (0.273, 26.3, -0.960)), ("val", (0.280, 25.6, -0.933)), ("test", (0.280, 26.4, -0.948))],
)
def test_random_play_fares_as_through_silg(split: str, reference: tuple[float, float, float]) -> None:
    """81 steps, -0.02 a step, uniform over the actions that the border does not block."""
    seed = ["train", "val", "test"].index(split)
    env = envs.make(f"messenger-s1-{split}", num_envs=COPIES, seed=seed, max_steps=81)
    ours = play(env, valid_only=True, episodes_per_copy=1, seed=seed)
    agrees(ours, reference, (0.020, 1.3, 0.05))
    contact, length = exactly(81, valid_only=True)
    expected = (contact / 3, length, 2 * contact / 3 - 1 - 0.02 * (length - 1))
    for mean, error, exact in zip(ours.mean, ours.error, expected, strict=True):
        assert abs(mean - exact) < Z_999 * error


def agrees(ours: Measured, reference: tuple[float, ...], half_width: tuple[float, ...]) -> None:
    """The difference lies inside the 99.9% interval of both errors together."""
    for name, mean, error, theirs, width in zip(WHAT, ours.mean, ours.error, reference, half_width, strict=True):
        assert abs(mean - theirs) < Z_999 * sqrt(error**2 + (width / Z_95) ** 2), (name, mean, theirs)


@pytest.mark.parametrize("options", [{}, {"board": 7, "entities": 6, "wording": "plain"}], ids=["full", "reduced"])
def test_a_perfect_walker_who_does_not_read_wins_a_third(options: dict[str, object]) -> None:
    """It walks straight to one of the three things."""
    env = envs.make("messenger-s1-test", num_envs=10_000, seed=2, max_steps=2, **options)
    obs = env.reset()
    middle = env.layout.observation["name"].shape[0] // 2
    ways = [
        (middle - 2, middle),
        (middle + 2, middle),
        (middle, middle - 2),
        (middle, middle + 2),
    ]  # up down left right
    there = torch.stack([obs["name"][:, row, column, 0, 0] > 0 for row, column in ways], 1).float()
    way = torch.multinomial(there, 1, generator=torch.Generator().manual_seed(3)).squeeze(1)
    env.step(way)
    _, _, done, info = env.step(way)
    assert done.all()
    assert abs(info["won"].float().mean() - 1 / 3) < Z_999 * sqrt(2 / 9 / 10_000)


@pytest.mark.parametrize(
    ("env_id", "options", "games"),
    [
        ("messenger-s1-train", {}, {**dict.fromkeys(range(40), 0.75 / 40), **dict.fromkeys(range(40, 44), 0.25 / 4)}),
        (
            "messenger-s1-train",
            {"multi_combination": 0.5},
            {**dict.fromkeys(range(40), 0.0125), **dict.fromkeys(range(40, 44), 0.125)},
        ),
        ("messenger-s1-train-mc", {}, dict.fromkeys(range(40), 1 / 40)),
        ("messenger-s1-train-sc", {}, dict.fromkeys(range(4), 1 / 4)),
        ("messenger-s1-val", {}, dict.fromkeys(range(32), 1 / 32)),
        ("messenger-s1-fit", {}, {**dict.fromkeys(range(32), 0.75 / 32), **dict.fromkeys(range(32, 36), 0.25 / 4)}),
        ("messenger-s1-dev", {}, dict.fromkeys(range(8), 1 / 8)),
        ("messenger-s1-train", {"entities": 6}, dict.fromkeys(range(80), 1 / 80)),
    ],
    ids=["mixture", "even mixture", "mc", "sc", "val", "fit", "dev", "six entities"],
)
def test_what_a_reset_draws(env_id: str, options: dict[str, object], games: dict[int, float]) -> None:
    """Game, arrangement, start with the message and order of the manual, against their stated probabilities."""
    env = envs.make(env_id, num_envs=20_000, seed=7, **options)
    env.reset()
    state = env.state_dict()["state"]
    assert_frequencies(state["entities"], list(games.values()))
    assert_frequencies(state["spots"], [1 / 24] * 24)
    assert_frequencies(state["with_message"][:, None], [0.8, 0.2])


def assert_frequencies(outcomes: Tensor, expected: list[float]) -> None:
    """The outcomes (rows) have the expected probabilities, compared in order of size; chi-square at 99.9%."""
    counts = sorted(torch.unique(outcomes, dim=0, return_counts=True)[1].tolist())
    assert len(counts) == len(expected)
    total = len(outcomes)
    square = sum((n - total * p) ** 2 / (total * p) for n, p in zip(counts, sorted(expected), strict=True))
    freedom = len(counts) - 1
    limit = freedom * (1 - 2 / (9 * freedom) + 3.0902 * sqrt(2 / (9 * freedom))) ** 3  # Wilson and Hilferty
    assert square < limit


def test_every_sentence_of_a_pool_is_drawn() -> None:
    """A dog that has the message (held out: a test pair) is told of in all of its 54 test sentences."""
    env = envs.make("messenger-s1-test", num_envs=20_000, seed=7, shuffle_manual=False)
    env.reset()
    state = env.state_dict()["state"]
    dogs = state["manual"][state["entities"][:, 1] == 2, 1]
    assert_frequencies(dogs[:, None], [1 / 54] * 54)


def test_shuffling_changes_the_order_and_nothing_else() -> None:
    shuffled, in_order = (
        envs.make("messenger-s1-train", num_envs=20_000, seed=7, shuffle_manual=shuffle) for shuffle in (True, False)
    )
    shuffled.reset()
    in_order.reset()
    ours, theirs = shuffled.state_dict()["state"], in_order.state_dict()["state"]
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if name != "manual")
    same = ours["manual"][:, :, None] == theirs["manual"][:, None]  # [copy, place, role]
    assert same.sum(2).eq(1).all()
    assert_frequencies(same.long().argmax(2), [1 / 6] * 6)
