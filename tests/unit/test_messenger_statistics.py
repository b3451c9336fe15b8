"""How players who cannot read fare in Messenger: as in the original, and in stage 1 as the rules say exactly."""

from __future__ import annotations

from functools import cache
from math import sqrt

import pytest
import torch
from torch import Tensor

import envs
from benchmark.perf.episodes import QUANTITIES, Z_999, Sample, allowed, play
from benchmark.perf.messenger_statistics import AS_DIRECT, AS_SILG, DIRECT, SILG, Reference

torch.set_num_threads(1)  # tests run side by side

SPOTS = [(3, 5), (5, 3), (5, 7), (7, 5)]


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


def agrees(ours: tuple[Sample, ...], reference: Reference) -> None:
    """The difference lies inside the 99.9% interval of both errors together."""
    for quantity, sample, (theirs, half_width) in zip(QUANTITIES, ours, reference, strict=True):
        assert abs(sample.mean - theirs) < allowed(sample, half_width), (quantity, sample.mean, theirs)


def exact(cap: int, valid_only: bool, time_penalty: float) -> Reference:
    contact, length = exactly(cap, valid_only)
    return ((contact / 3, 0), (length, 0), (2 * contact / 3 - 1 + time_penalty * (length - 1), 0))


@pytest.mark.parametrize(("env_id", "cap"), DIRECT, ids=lambda value: str(value))
def test_random_play_fares_as_in_the_original(env_id: str, cap: int) -> None:
    """Uniform over all five actions, no time penalty; either view."""
    seed = list(DIRECT).index((env_id, cap))  # equal seeds would be equal walks in every split
    for number, options in enumerate((AS_DIRECT, {"view": "silg", "time_penalty": 0})):
        ours = play(env_id, "all", 4000, seed + 100 * number, max_steps=cap, **options)
        agrees(ours, DIRECT[env_id, cap])
        if "-s1-" in env_id:
            agrees(ours, exact(cap, False, 0))


@pytest.mark.parametrize("env_id", SILG)
def test_random_play_fares_as_through_silg(env_id: str) -> None:
    """81 steps, -0.02 a step, uniform over the actions that the border does not block."""
    ours = play(env_id, "valid", 3000, seed=list(SILG).index(env_id), **AS_SILG)
    agrees(ours, SILG[env_id])
    if "-s1-" in env_id:
        agrees(ours, exact(81, True, -0.02))


def test_about_one_random_game_of_stage_3_in_a_hundred_ends_with_two_deaths_at_once() -> None:
    env = envs.make("messenger-s3-train", num_envs=2000, seed=1)
    env.reset()
    generator = torch.Generator().manual_seed(1)
    ends = torch.cat(
        [
            reward[done & ~info["truncated"]]
            for _, reward, done, info in (env.step(torch.randint(5, (2000,), generator=generator)) for _ in range(128))
        ]
    )
    assert 0.007 < float((ends == -2).float().mean()) < 0.016
    assert not (ends < -3).any()


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
