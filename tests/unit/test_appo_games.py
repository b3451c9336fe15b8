"""Our environments as Sample Factory sees them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sample_factory")

from agents.appo.games import Games
from agents.appo.run import of_this_attempt
from tests.appo_runs import layout_of, task


@pytest.fixture(scope="module")
def layout():
    return layout_of("rtfm-s1")


def first(games):
    return [{name: array.copy() for name, array in row.items()} for row in games.reset(seed=0)[0]]


def same(one, other):
    return all(np.array_equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)


def test_a_group_of_games_follows_from_the_task_and_its_place_alone(tmp_path, layout):
    given = task(tmp_path, layout, game="rtfm-s1")
    assert same(first(Games(given, 0)), first(Games(given, 0)))
    assert not same(first(Games(given, 0)), first(Games(given, 1)))


def test_sample_factorys_own_seed_is_not_the_runs(tmp_path, layout):
    """It is the number of the group, the same in every run: all seeds of a benchmark would meet the same games."""
    one, other = (task(tmp_path, layout, game="rtfm-s1", seed=seed) for seed in (1, 2))
    assert not same(first(Games(one, 0)), first(Games(other, 0)))


def test_a_continued_run_meets_other_games_than_it_began_with():
    assert of_this_attempt(5, 0) == of_this_attempt(5, 0)
    assert len({of_this_attempt(5, 0), of_this_attempt(5, 4096), of_this_attempt(6, 0)}) == 3


def test_an_ended_game_is_reported_and_the_next_one_shown(tmp_path, layout):
    games = Games(task(tmp_path, layout, game="rtfm-s1"), 0)
    games.reset()
    ended = 0
    for _ in range(90):  # the games' limit is 80 steps
        rows, rewards, terminated, truncated, infos = games.step([0] * 4)
        assert len(rows) == len(rewards) == len(terminated) == len(infos) == 4
        assert not any(truncated), "the limit's loss is part of the game: nobody may add a value to it"
        for over, info in zip(terminated, infos, strict=True):
            assert over == ("episode_extra_stats" in info)
            ended += over
            if over:
                assert set(info["episode_extra_stats"]) == {"won", "episode_return", "episode_length"}
    assert ended >= 4
