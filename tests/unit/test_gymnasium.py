"""Every environment under Gymnasium's own interface and its own checker."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import envs
from envs.gymnasium_adapter import ManyEnvs, SingleEnv

IDS = [f"ldd/{env_id}-v0" for env_id in envs.ids()]


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_s_checker_finds_nothing(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A field may be constant: every name of Messenger has two tokens.
        warnings.filterwarnings("ignore", ".*maximum and minimum values are equal")
        check_env(gymnasium.make(name, render_mode="ansi").unwrapped)


def test_a_single_env_plays_the_episodes_of_its_seed() -> None:
    """The same as copy 0 of the batched environment, in the same order, also over the ends of episodes."""
    single = gymnasium.make("ldd/rtfm-s2-train-v0")
    batched = envs.make("rtfm-s2-train", num_envs=1, seed=11)
    obs, _ = single.reset(seed=11)
    expected = batched.reset()
    ends = 0
    for turn in range(60):
        assert all(np.array_equal(obs[name], expected[name][0].numpy()) for name in expected)
        obs, reward, terminated, truncated, info = single.step(turn % 5)
        expected, batched_reward, done, batched_info = batched.step(expected["pos"].new_tensor([turn % 5]))
        assert (reward, terminated, truncated) == (float(batched_reward[0]), bool(done[0]), False)
        if terminated:
            ends += 1
            assert info["won"] == bool(batched_info["won"][0])
            assert info["episode_length"] == int(batched_info["episode_length"][0])
            assert np.array_equal(obs["wiki"], batched_info["final_obs"]["wiki"][0].numpy())
            obs, _ = single.reset()
    assert ends > 3


def test_without_a_seed_every_environment_has_episodes_of_its_own() -> None:
    boards = [SingleEnv("rtfm-s1-train").reset()[0]["name"].tobytes() for _ in range(4)]
    assert len(set(boards)) > 1


def test_the_time_limit_terminates_because_it_is_part_of_the_game() -> None:
    env = gymnasium.make("ldd/rtfm-s1-train-v0", max_steps=1)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(0)
    assert (reward, terminated, truncated, info["truncated"], info["won"]) == (-1.0, True, False, True, False)


def test_a_mid_episode_reset_starts_the_next_episode() -> None:
    env = SingleEnv("rtfm-s1-train")
    first = env.reset(seed=3)[0]
    env.step(np.int64(0))
    second = env.reset()[0]
    assert any(not np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", IDS)
def test_make_vec_steps_all_copies_with_same_step_reset(name: str) -> None:
    env = gymnasium.make_vec(name, num_envs=5, **({"max_steps": 40} if "nethack" in name else {}))
    assert isinstance(env, ManyEnvs) and env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    obs, infos = env.reset(seed=2)
    assert obs in env.observation_space and infos == {}
    env.action_space.seed(0)
    ends = 0
    for _ in range(100):
        obs, reward, terminated, truncated, infos = env.step(env.action_space.sample())
        assert obs in env.observation_space
        assert reward.shape == terminated.shape == truncated.shape == (5,) and not truncated.any()
        if terminated.any():
            assert np.array_equal(infos["_won"], terminated) and infos["won"].dtype == bool
            for copy, final in enumerate(infos["final_obs"]):
                assert (final is not None) == terminated[copy]
                assert final is None or final in env.single_observation_space
        ends += int(terminated.sum())
    assert ends > 5
    env.close()


def test_copies_of_make_vec_are_the_batched_environment() -> None:
    env = gymnasium.make_vec("ldd/rtfm-s1-test-v0", num_envs=3, max_steps=20)
    obs, _ = env.reset(seed=7)
    batched = envs.make("rtfm-s1-test", num_envs=3, seed=7, max_steps=20)
    assert all(np.array_equal(obs[name], field.numpy()) for name, field in batched.reset().items())


def test_what_is_shown_is_text() -> None:
    env = gymnasium.make("ldd/rtfm-s1-train-v0", render_mode="ansi")
    env.reset(seed=0)
    assert "rtfm-s1-train" in env.render()
    many = gymnasium.make_vec("ldd/rtfm-s1-test-v0", num_envs=2, render_mode="ansi")
    many.reset(seed=0)
    assert ["rtfm-s1-test" in board for board in many.render()] == [True, True]


@pytest.mark.skipif("nethack-score" not in envs.ids(), reason="needs the extra `nle`")
def test_an_ended_game_of_nethack_tells_its_score_its_depth_and_its_turns() -> None:
    env = gymnasium.make("ldd/nethack-score-v0", max_steps=1)
    env.reset(seed=0)
    info = env.step(0)[-1]
    assert {name: info[name] for name in ("score", "depth", "turns")} == {"score": 0.0, "depth": 1, "turns": 1}
    env.close()
