"""What every environment promises (envs/base.py), checked on every game."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

import envs
from envs.base import BatchedEnv, EnvError, Observation, blanked, cells

torch.set_num_threads(1)  # tests run side by side
IDS = envs.ids()
WITH_TEXTS = [env_id for env_id in IDS if not env_id.startswith("nethack-")]
NETHACK = [env_id for env_id in ("nethack-challenge", "nethack-score", "nethack-staircase") if env_id in IDS]
"""Its other tasks differ from these in their reward only."""
every_env = pytest.mark.parametrize("env_id", WITH_TEXTS + NETHACK)
every_env_with_texts = pytest.mark.parametrize("env_id", WITH_TEXTS)
"""Those described by texts, whose experts win. What holds for NetHack instead: tests/unit/test_nethack_*.py."""
SHORT = {"max_steps": 30, "no_progress_timeout": 31}
"""Of NetHack's games, which are long."""


def make(env_id: str, num_envs: int = 1, seed: int = 0) -> BatchedEnv:
    return envs.make(env_id, num_envs=num_envs, seed=seed, **(SHORT if env_id.startswith("nethack-") else {}))


def actions_for(env: BatchedEnv, turns: int, seed: int = 0) -> Tensor:
    """int64 [turns, num_envs]; a copy's column does not depend on the number of copies."""
    generators = [torch.Generator().manual_seed(1000 * seed + copy) for copy in range(env.num_envs)]
    return torch.stack([torch.randint(env.layout.num_actions, (turns,), generator=each) for each in generators], dim=1)


def play(env: BatchedEnv, actions: Tensor) -> list[dict[str, Tensor]]:
    """Everything that comes back, turn by turn; what counts only where done is blanked elsewhere."""
    rows = []
    for turn in actions:
        obs, reward, done, info = env.step(turn)
        rows.append(
            {
                **obs,
                "reward": reward,
                "done": done,
                **{name: info[name] * done for name in ("won", "episode_return", "episode_length", "truncated")},
            }
        )
    return rows


def assert_equal(one: list[dict[str, Tensor]], other: list[dict[str, Tensor]]) -> None:
    for turn, (left, right) in enumerate(zip(one, other, strict=True)):
        for name in left:
            assert torch.equal(left[name], right[name]), f"{name} differs in turn {turn}"


def first_copies(rows: list[dict[str, Tensor]], copies: int) -> list[dict[str, Tensor]]:
    return [{name: field[:copies] for name, field in row.items()} for row in rows]


def assert_matches_layout(env: BatchedEnv, obs: Any) -> None:
    fields = env.layout.observation
    assert set(obs) == set(fields)
    for name, field in fields.items():
        assert obs[name].shape == (env.num_envs, *field.shape), name
        assert obs[name].dtype == field.dtype, name
        assert field.low <= float(obs[name].min()) and float(obs[name].max()) <= field.high, name


@every_env
def test_observations_are_what_the_layout_declares(env_id: str) -> None:
    env = make(env_id, num_envs=7, seed=1)
    assert (env.env_id, env.num_envs) == (env_id, 7)
    assert_matches_layout(env, env.reset())
    for turn in actions_for(env, 30):
        obs, reward, done, info = env.step(turn)
        assert_matches_layout(env, obs)
        assert_matches_layout(env, info["final_obs"])
        for value, dtype in (
            (reward, torch.float32),
            (done, torch.bool),
            (info["won"], torch.bool),
            (info["truncated"], torch.bool),
            (info["episode_return"], torch.float32),
            (info["episode_length"], torch.int64),
        ):
            assert value.dtype == dtype and value.shape == (7,)
        for name in env.layout.details:
            assert info[name].shape == (7,) and info[name].dtype in (torch.int64, torch.float32), name
        assert all(field.meaning for field in env.layout.observation.values())


@every_env
def test_the_layout_tells_a_network_all_it_needs(env_id: str) -> None:
    env = make(env_id, num_envs=16, seed=1)
    layout, obs = env.layout, env.reset()
    assert layout.num_actions == len(set(layout.actions)) and layout.max_steps >= 1
    assert layout.resume in ("exact", "restart_episodes") and layout.pad == 0 and layout.tokenizer
    assert pickle.loads(pickle.dumps(layout)) == layout, "processes hand it on"
    grid = {name: field[:2] for name, field in obs.items()}[layout.grid]
    assert cells(grid, layout).shape[:3] == (2, *layout.board) and cells(grid, layout).dim() == 5
    for text in layout.texts:
        tokens, length = obs[text], obs[f"{text}_len"]
        assert tokens.dtype == torch.int64 and length.shape[-1] == 1
        if tokens.dim() == 2:
            written = torch.arange(tokens.shape[1]) < length
            assert bool((length >= 1).all()) and not bool(tokens[~written].any()) and bool(tokens[written].all())
        assert int(tokens.max()) < layout.vocabulary
    assert obs["valid"].shape == (16, layout.num_actions) and obs["valid"].dtype == torch.float32
    assert set(obs["valid"].unique().tolist()) <= {0.0, 1.0} and bool((obs["valid"].sum(dim=1) >= 1).all())


@every_env_with_texts
def test_the_layout_tells_which_texts_describe_the_world_and_how_an_empty_one_looks(env_id: str) -> None:
    layout = make(env_id).layout
    assert layout.descriptions and set(layout.descriptions) <= set(layout.texts)
    assert layout.texts[0] in layout.descriptions  # the document
    assert all(0 < token < layout.vocabulary and token != layout.pad for token in layout.blank)
    for text in layout.descriptions:
        field, length = layout.observation[text], layout.observation[f"{text}_len"]
        assert 1 <= len(layout.blank) <= field.shape[-1] and length.low <= len(layout.blank) <= length.high


@every_env_with_texts
def test_a_blanked_observation_is_one_that_the_layout_allows(env_id: str) -> None:
    env = make(env_id, num_envs=6, seed=1)
    obs = env.reset()
    empty = blanked(obs, env.layout)
    assert_matches_layout(env, empty)
    described = {name for text in env.layout.descriptions for name in (text, f"{text}_len")}
    assert all((empty[name] is obs[name]) == (name not in described) for name in obs)
    assert all(len(empty[name].unique(dim=0)) == 1 for name in described)


@every_env
def test_equal_seeds_give_equal_episodes_and_other_seeds_others(env_id: str) -> None:
    one, same, other = (make(env_id, num_envs=5, seed=seed) for seed in (4, 4, 5))
    starts = [env.reset() for env in (one, same, other)]
    assert all(torch.equal(starts[0][name], starts[1][name]) for name in starts[0])
    assert any(not torch.equal(starts[0][name], starts[2][name]) for name in starts[0])
    actions = actions_for(one, 40)
    assert_equal(play(one, actions), play(same, actions))


@every_env
def test_a_copy_s_episodes_do_not_depend_on_how_many_copies_there_are(env_id: str) -> None:
    few, many = make(env_id, num_envs=3, seed=9), make(env_id, num_envs=8, seed=9)
    few.reset(), many.reset()
    assert_equal(play(few, actions_for(few, 40)), first_copies(play(many, actions_for(many, 40)), 3))


@every_env
def test_a_copy_s_episodes_do_not_depend_on_what_the_others_do(env_id: str) -> None:
    one, other = make(env_id, num_envs=4, seed=2), make(env_id, num_envs=4, seed=2)
    one.reset(), other.reset()
    actions, changed = actions_for(one, 40), actions_for(one, 40, seed=1)
    changed[:, :2] = actions[:, :2]
    assert_equal(first_copies(play(one, actions), 2), first_copies(play(other, changed), 2))


def first_observations(env: BatchedEnv, actions: Tensor) -> list[list[Observation]]:
    """Per copy, the first observation of each of its episodes."""
    obs = env.reset()
    firsts = [[{name: field[copy] for name, field in obs.items()}] for copy in range(env.num_envs)]
    for turn in actions:
        obs, _, done, _ = env.step(turn)
        for copy in done.nonzero()[:, 0].tolist():
            firsts[copy].append({name: field[copy] for name, field in obs.items()})
    return firsts


@every_env
def test_a_copy_meets_the_same_episodes_however_it_plays(env_id: str) -> None:
    """So two methods with one seed meet the same episodes, in the same order, and can be paired."""
    played = []
    for seed in (0, 1):
        env = make(env_id, num_envs=6, seed=6)
        played.append(first_observations(env, actions_for(env, 2 * env.layout.max_steps + 2, seed)))
    for one, other in zip(*played, strict=True):
        both = list(zip(one, other, strict=False))
        assert len(both) >= 3
        for left, right in both:
            assert all(torch.equal(left[name], right[name]) for name in left)
        assert any(not torch.equal(both[0][0][name], both[1][0][name]) for name in both[0][0])


@every_env
def test_episodes_are_counted_and_restart_in_the_same_step(env_id: str) -> None:
    env = make(env_id, num_envs=6, seed=3)
    obs = env.reset()
    returned, length = torch.zeros(6), torch.zeros(6, dtype=torch.int64)
    ended = 0
    for turn in actions_for(env, 2 * env.layout.max_steps + 5):
        before = obs
        obs, reward, done, info = env.step(turn)
        returned, length = returned + reward, length + 1
        assert torch.allclose(info["episode_return"][done], returned[done], atol=1e-5)
        assert torch.equal(info["episode_length"][done], length[done])
        assert int(length.max()) <= env.layout.max_steps
        assert bool((info["won"][done] <= (reward[done] > 0)).all())
        assert torch.equal(
            length[done & info["truncated"]].unique(),
            torch.tensor([env.layout.max_steps] if bool((done & info["truncated"]).any()) else [], dtype=torch.int64),
        )
        running = ~done
        same_text = [torch.equal(obs[name][running], before[name][running]) for name in env.layout.texts[:1]]
        assert all(same_text)  # the document of a running episode stays
        returned[done], length[done] = 0.0, 0
        ended += int(done.sum())
    assert ended >= 12


@every_env_with_texts
def test_the_final_observation_is_the_ended_episode_s_and_not_the_next_one_s(env_id: str) -> None:
    env = make(env_id, num_envs=32, seed=3)
    before = env.reset()
    document = env.layout.texts[0]
    seen = different = 0
    for turn in actions_for(env, env.layout.max_steps + 5):
        obs, _, done, info = env.step(turn)
        final = info["final_obs"]
        assert torch.equal(final[document][done], before[document][done])
        seen += int(done.sum())
        different += int((final[document] != obs[document]).any(dim=tuple(range(1, obs[document].dim())))[done].sum())
        before = obs
    assert seen >= 16 and different >= seen / 2


@every_env
def test_a_saved_state_goes_on_bit_for_bit(env_id: str) -> None:
    env = make(env_id, num_envs=5, seed=8)
    env.reset()
    play(env, actions_for(env, 17))
    state = env.state_dict()
    actions = actions_for(env, 30, seed=2)
    expected = play(env, actions)  # the state that was taken before is not touched by this
    if env.layout.resume == "exact":
        for seed in (8, 123):  # whatever the new environment was built with, the state decides
            other = make(env_id, num_envs=5, seed=seed)
            current = other.load_state_dict(state)
            assert_matches_layout(other, current)
            assert_equal(play(other, actions), expected)


@every_env
def test_a_saved_state_survives_a_file_and_shows_the_current_observation(env_id: str, tmp_path: Any) -> None:
    env = make(env_id, num_envs=3, seed=8)
    obs = env.reset()
    for turn in actions_for(env, 5):
        obs = env.step(turn)[0]
    torch.save(env.state_dict(), tmp_path / "state.pt")
    other = make(env_id, num_envs=3, seed=0)
    current = other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    if env.layout.resume == "exact":
        assert all(torch.equal(current[name], obs[name]) for name in obs)


@every_env_with_texts
def test_the_expert_wins_most_episodes_with_valid_actions(env_id: str) -> None:
    """It is the source of demonstrations; §13 of RTFM allows for a few lost starts."""
    env = make(env_id, num_envs=200, seed=1)
    obs, expert = env.reset(), env.expert()
    ended = torch.zeros(200, dtype=torch.bool)
    wins = torch.zeros(200, dtype=torch.bool)
    for _ in range(env.layout.max_steps):
        actions = expert(obs)
        assert actions.dtype == torch.int64 and actions.shape == (200,)
        assert bool(obs["valid"].gather(1, actions[:, None]).all())
        obs, _, done, info = env.step(actions)
        wins |= info["won"] & done & ~ended
        ended |= done
    assert bool(ended.all()) and float(wins.float().mean()) > 0.88


@every_env_with_texts
def test_the_expert_does_not_disturb_the_game(env_id: str) -> None:
    watched, alone = make(env_id, num_envs=4, seed=5), make(env_id, num_envs=4, seed=5)
    obs = watched.reset()
    alone.reset()
    expert = watched.expert()
    for turn in actions_for(watched, 15):
        expert(obs)
        obs = watched.step(turn)[0]
        other = alone.step(turn)[0]
        assert all(torch.equal(obs[name], other[name]) for name in obs)


@every_env
def test_what_cannot_be_served_is_refused_in_one_line(env_id: str) -> None:
    env = make(env_id, num_envs=2, seed=0)
    stay = torch.zeros(2, dtype=torch.int64)
    for wrong in (
        lambda: env.step(stay),
        lambda: env.describe(2),
        lambda: envs.make(env_id, num_envs=0),
        lambda: envs.make(env_id, colour="red"),
        lambda: envs.make(env_id[:-1]),
    ):
        with pytest.raises(EnvError) as caught:
            wrong()
        assert "\n" not in str(caught.value) and len(str(caught.value)) > 20
    env.reset()
    with pytest.raises(EnvError):
        env.step(stay + env.layout.num_actions)


@every_env
def test_a_person_can_read_the_board(env_id: str) -> None:
    env = make(env_id, num_envs=2, seed=0)
    env.reset()
    assert env_id in env.describe() and env.describe(0) != env.describe(1)


def test_ids_are_those_that_other_people_s_scripts_use() -> None:
    assert {f"rtfm-s{stage}-{side}" for stage in (1, 2, 3, 4) for side in ("train", "test", "fit", "dev")} <= set(IDS)
    splits = ("train", "train-mc", "train-sc", "val", "test", "fit", "dev")
    assert {f"messenger-s{stage}-{split}" for stage in (1, 2, 3) for split in splits} <= set(IDS)
    assert "messenger-s2-test-se" in IDS
    assert len(IDS) == len(set(IDS))
