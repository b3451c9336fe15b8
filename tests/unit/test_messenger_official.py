"""The original Messenger behind our contract: with a stand-in of its classes, and with the real ones where they are.

The stand-in's actions say what happens: left picks the message up (+0.5), right wins (+1, the end), down loses
(-1, the end), up and stay do nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import envs
from envs.base import BatchedEnv, EnvError
from envs.messenger.games import ENTITIES, ROLES
from envs.messenger.wording import MOVEMENTS, UNKNOWN
from envs.messenger_official import IDS

torch.set_num_threads(1)  # tests run side by side
UP, DOWN, LEFT, RIGHT, STAY = range(5)

STAND_IN = """
import numpy as np

class Stage:
    def __init__(self, split, **options):
        self.split, self.options, self.episode = split, options, 0

    def seen(self):
        entities = np.zeros((10, 10, self.layers))
        for layer in range(self.layers):
            entities[2, 3 + layer, layer] = 2 + layer
        avatar = np.zeros((10, 10, 1))
        avatar[5, 5, 0] = self.avatar
        return {"entities": entities, "avatar": avatar}

    def reset(self):
        self.episode, self.steps, self.avatar = self.episode + 1, 0, 15
        return self.seen(), [f"{self.split} {role}." for role in self.told]

    def step(self, action):
        self.steps += 1
        if action == 2:
            self.avatar = 16
        done = action in (1, 3)
        reward = {1: -1.0, 2: 0.5, 3: 1.0}.get(action, 0.0)
        return None if done and self.layers == 1 else self.seen(), reward, done, None

class StageOne(Stage):
    layers, told = 1, ("enemy", "message", "goal")
    def __init__(self, split, message_prob=0.2):
        super().__init__(split, message_prob=message_prob)

class StageTwo(Stage):
    layers, told = 3, StageOne.told
    def __init__(self, split, shuffle_obs=True):
        super().__init__(split, shuffle_obs=shuffle_obs)

class StageThree(StageTwo):
    layers, told = 5, (*StageOne.told, "decoy message", "decoy goal", "nothing")
"""


@pytest.fixture
def no_original(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever was imported of a package `messenger` before, and what the test imports, is forgotten."""
    for name in [name for name in sys.modules if name.split(".")[0] == "messenger"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "messenger"]:
        del sys.modules[name]


def install(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "messenger" / "envs" / "texts").mkdir(parents=True)
    (folder / "messenger" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "messenger" / "envs" / "__init__.py").write_text(source, encoding="utf-8")
    splits = ("train_mc", "train_sc", "val", "test", "test_se")
    lists = {
        movement: [f"{split} {role}." for split in splits for role in ("decoy message", "decoy goal", "nothing")]
        for movement in (*MOVEMENTS, UNKNOWN)
    }
    texts = {
        entity: {role: {**lists, "chaser": [f"{split} {role}." for split in splits]} for role in ROLES}
        for entity in ENTITIES
    }
    (folder / "messenger" / "envs" / "texts" / "text_train.json").write_text(json.dumps(texts), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def stand_in(no_original: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, STAND_IN, monkeypatch)


def actions(*chosen: int) -> Tensor:
    return torch.tensor(chosen)


def frames_of(env: BatchedEnv, obs: Any, copy: int) -> list[int]:
    """The avatar's id in the three frames."""
    return obs["frames"][copy, ..., -1].flatten(1).amax(1).tolist()


def sentences_of(env: Any, obs: dict[str, Tensor], copy: int) -> list[str]:
    return [env._tokenizer.decode(obs[name][copy].tolist()) for name in env.layout.texts]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("env_id", IDS)
def test_observations_are_those_of_our_own_game_in_emma_s_view(env_id: str) -> None:
    env = envs.make(env_id, num_envs=5, seed=1)
    ours = envs.make(env_id.replace("-official", ""), num_envs=5, seed=1, view="emma")
    obs, expected = env.reset(), ours.reset()
    assert set(obs) == set(expected)
    for name, field in obs.items():
        assert (field.dtype, field.shape) == (expected[name].dtype, expected[name].shape), name
    for name in ("actions", "texts", "descriptions", "grid", "grid_vocab", "max_steps", "history", "unordered"):
        assert getattr(env.layout, name) == getattr(ours.layout, name), name
    assert env.layout.resume == "restart_episodes"
    assert torch.equal(obs["valid"], torch.ones(5, 5))
    for _ in range(20):
        obs, reward, done, info = env.step(torch.randint(5, (5,), generator=torch.Generator().manual_seed(0)))
        for name, field in env.layout.observation.items():
            for seen in (obs, info["final_obs"]):
                assert seen[name].shape == (5, *field.shape) and seen[name].dtype == field.dtype
                assert field.low <= float(seen[name].min()) and float(seen[name].max()) <= field.high
        assert (reward.dtype, done.dtype, info["won"].dtype) == (torch.float32, torch.bool, torch.bool)
        assert (info["episode_return"].dtype, info["episode_length"].dtype) == (torch.float32, torch.int64)


@pytest.mark.usefixtures("stand_in")
def test_frames_show_things_then_the_avatar_and_the_newest_comes_last() -> None:
    env = envs.make("messenger-official-s2-val", num_envs=2)
    obs = env.reset()
    assert obs["frames"][0, 2, 2, 3:6].tolist() == [[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0]]
    assert obs["frames"][0, 2, 5, 5].tolist() == [0, 0, 0, 15]
    assert frames_of(env, obs, 0) == [15, 15, 15]
    obs, *_ = env.step(actions(LEFT, STAY))
    assert [frames_of(env, obs, copy) for copy in (0, 1)] == [[15, 15, 16], [15, 15, 15]]
    obs, _, done, info = env.step(actions(UP, RIGHT))
    assert done.tolist() == [False, True]
    assert frames_of(env, info["final_obs"], 0) == [15, 16, 16]
    obs, _, _, info = env.step(actions(DOWN, LEFT))
    assert frames_of(env, info["final_obs"], 0) == [16, 16, 16]
    assert [frames_of(env, obs, copy) for copy in (0, 1)] == [[15, 15, 15], [15, 15, 16]]


@pytest.mark.usefixtures("stand_in")
def test_rewards_and_ends_are_the_original_s_and_counts_begin_anew() -> None:
    env = envs.make("messenger-official-s2-test", num_envs=3)
    env.reset()
    _, reward, done, _ = env.step(actions(LEFT, UP, DOWN))
    assert reward.tolist() == [0.5, 0.0, -1.0] and done.tolist() == [False, False, True]
    _, reward, done, info = env.step(actions(RIGHT, RIGHT, DOWN))
    assert reward.tolist() == [1.0, 1.0, -1.0] and done.all() and not info["truncated"].any()
    assert info["won"].tolist() == [True, True, False]
    assert info["episode_return"].tolist() == [1.5, 1.0, -1.0]
    assert info["episode_length"].tolist() == [2, 2, 1]


@pytest.mark.usefixtures("stand_in")
def test_our_step_limit_ends_an_episode_with_a_loss_unless_it_is_won_and_our_penalty_counts_before() -> None:
    env = envs.make("messenger-official-s2-val", num_envs=4, max_steps=3, time_penalty=-0.25)
    env.reset()
    for turn in (actions(UP, UP, UP, LEFT), actions(UP, UP, LEFT, UP)):
        _, reward, done, _ = env.step(turn)
        assert not done.any()
    assert reward.tolist() == [-0.25, -0.25, 0.25, -0.25]
    _, reward, done, info = env.step(actions(STAY, RIGHT, DOWN, LEFT))
    assert done.all() and reward.tolist() == [-1.0, 1.0, -1.0, -1.0]
    assert info["truncated"].tolist() == [True, False, False, True]
    assert info["won"].tolist() == [False, True, False, False]
    assert info["episode_return"].tolist() == [-1.5, 0.5, -1.0, -1.0]


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(("action", "row", "column"), [(DOWN, 6, 5), (RIGHT, 5, 6)])
def test_stage_1_shows_the_last_step_though_the_original_does_not(action: int, row: int, column: int) -> None:
    env = envs.make("messenger-official-s1-test", num_envs=1)
    env.reset()
    *_, info = env.step(actions(action))
    newest, before = info["final_obs"]["frames"][0, -1], info["final_obs"]["frames"][0, -2]
    assert newest[..., -1].nonzero().tolist() == [[row, column]] and int(newest[row, column, -1]) == 15
    assert torch.equal(newest[..., 0], before[..., 0])


@pytest.mark.usefixtures("stand_in")
def test_the_parts_of_train_are_mixed_anew_at_every_episode() -> None:
    env: Any = envs.make("messenger-official-s2-train", num_envs=400, seed=2, multi_combination=0.6, max_steps=1)
    parts: Counter[str] = Counter()
    env.reset()
    for _ in range(5):
        env.step(torch.full((400,), STAY))
        parts.update(playing.split for playing in env._playing)
    assert set(parts) == {"train_mc", "train_sc"} and abs(parts["train_mc"] / 2000 - 0.6) < 0.05


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("env_id", "split"),
    [
        ("messenger-official-s1-train-mc", "train_mc"),
        ("messenger-official-s3-train-sc", "train_sc"),
        ("messenger-official-s2-val", "val"),
        ("messenger-official-s2-test-se", "test_se"),
    ],
)
def test_other_splits_are_the_original_s(env_id: str, split: str) -> None:
    env: Any = envs.make(env_id, num_envs=2)
    env.reset()
    assert {playing.split for playing in env._playing} == {split}


@pytest.mark.usefixtures("stand_in")
def test_options_reach_the_original() -> None:
    def given(env_id: str, **options: Any) -> dict[str, Any]:
        env: Any = envs.make(env_id, **options)
        return env._parts[0][0].options

    assert given("messenger-official-s1-val") == {"message_prob": 0.2}
    assert given("messenger-official-s1-val", message_probability=0.5) == {"message_prob": 0.5}
    assert given("messenger-official-s2-val") == given("messenger-official-s3-val") == {"shuffle_obs": True}
    assert given("messenger-official-s3-val", shuffle_layers=False) == {"shuffle_obs": False}


@pytest.mark.usefixtures("stand_in")
def test_a_manual_is_shuffled_and_stays_for_its_episode() -> None:
    env = envs.make("messenger-official-s1-val", num_envs=200, seed=3)
    obs = env.reset()
    told = [sentences_of(env, obs, copy) for copy in range(200)]
    assert all(sorted(manual) == ["val enemy.", "val goal.", "val message."] for manual in told)
    assert len(set(map(tuple, told))) == 6
    obs, *_ = env.step(torch.full((200,), STAY))
    assert [sentences_of(env, obs, copy) for copy in range(200)] == told
    plain = envs.make("messenger-official-s3-val", shuffle_manual=False)
    obs = plain.reset()
    assert sentences_of(plain, obs, 0) == [
        f"val {what}." for what in ("enemy", "message", "goal", "decoy message", "decoy goal", "nothing")
    ]


@pytest.mark.usefixtures("stand_in")
def test_final_obs_keeps_the_manual_of_the_ended_episode() -> None:
    env = envs.make("messenger-official-s2-train", num_envs=60, multi_combination=0.5)
    before = env.reset()
    told = [sentences_of(env, before, copy) for copy in range(60)]
    after, _, _, info = env.step(torch.full((60,), RIGHT))
    assert [sentences_of(env, dict(info["final_obs"]), copy) for copy in range(60)] == told
    assert [sentences_of(env, after, copy) for copy in range(60)] != told


@pytest.mark.usefixtures("stand_in")
def test_a_loaded_state_starts_new_episodes_and_another_game_s_state_is_refused() -> None:
    env, other = (envs.make("messenger-official-s2-val", num_envs=3, seed=seed) for seed in (1, 2))
    env.reset(), other.reset()
    env.step(actions(LEFT, LEFT, LEFT))
    obs = other.load_state_dict(env.state_dict())
    assert all(frames_of(other, obs, copy) == [15, 15, 15] for copy in range(3))
    following = env.reset()
    assert all(torch.equal(obs[name], following[name]) for name in obs)
    *_, info = other.step(actions(RIGHT, RIGHT, RIGHT))
    assert info["episode_length"].tolist() == [1, 1, 1]
    test = envs.make("messenger-official-s2-test", num_envs=3)
    with pytest.raises(EnvError, match="the saved state has env_id 'messenger-official-s2-val', this environment"):
        test.load_state_dict(env.state_dict())


@pytest.mark.usefixtures("stand_in")
def test_it_can_be_shown_to_a_person() -> None:
    env = envs.make("messenger-official-s2-val", num_envs=2)
    with pytest.raises(EnvError, match="nothing is there before the first reset"):
        env.describe()
    env.reset()
    env.step(actions(LEFT, LEFT))
    shown = env.describe(1)
    assert shown.startswith("messenger-official-s2-val, copy 1, episode 1, step 1 of 64, return +0.50")
    assert "val enemy." in shown and "you, with the message; ai airplane, ma mage, do dog" in shown
    with pytest.raises(EnvError, match="has no copy 2"):
        env.describe(2)


@pytest.mark.usefixtures("stand_in")
def test_requests_that_cannot_be_served_are_refused() -> None:
    env = envs.make("messenger-official-s2-val", num_envs=2)
    with pytest.raises(EnvError, match="nothing is there before the first reset"):
        env.step(actions(0, 0))
    env.reset()
    with pytest.raises(EnvError, match="there is no action 5; there are 0 up"):
        env.step(actions(0, 5))
    with pytest.raises(EnvError, match=r"actions are torch.int64 \[1\], expected torch.int64 \[2\]"):
        env.step(actions(0))
    with pytest.raises(EnvError, match="the original has no expert; collect with demos=random or demos=checkpoint"):
        env.expert()
    with pytest.raises(EnvError, match="has no option 'wording'"):
        envs.make("messenger-official-s2-val", wording="full")


@pytest.mark.usefixtures("stand_in")
def test_the_ids_are_listed_where_the_original_is_installed() -> None:
    assert set(IDS) <= set(envs.ids()) and len(IDS) == 16


@pytest.mark.usefixtures("no_original")
def test_where_the_original_is_missing_its_ids_are_not_listed_and_a_request_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folders = [path for path in sys.path if not (Path(path or os.curdir) / "messenger").exists()]
    monkeypatch.setattr(sys, "path", folders)
    if find_spec("messenger") is not None:
        pytest.skip("the package messenger is installed in a way that cannot be hidden from this process")
    assert not set(IDS) & set(envs.ids())
    with pytest.raises(EnvError, match=r"which is not installed; it is not on the package index: .*'messenger-s2-val'"):
        envs.make("messenger-official-s2-val")
    with pytest.raises(EnvError, match=r"unknown environment .* did you mean 'messenger-official-s2-val'"):
        envs.make("messenger-official-s2-vall")


@pytest.mark.usefixtures("no_original")
@pytest.mark.parametrize(
    ("source", "reason"),
    [("import no_such_engine", "No module named 'no_such_engine'"), ("", "has no attribute 'StageTwo'")],
)
def test_a_package_that_cannot_be_used_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    install(tmp_path, source, monkeypatch)
    with pytest.raises(EnvError, match=rf"cannot import StageTwo of the package `messenger` \(.*{reason}.*\)"):
        envs.make("messenger-official-s2-val")


@pytest.mark.usefixtures("no_original")
def test_the_real_original_plays() -> None:
    if find_spec("messenger") is None:
        pytest.skip("the original's package messenger is not installed (it is not on the package index)")
    for env_id in IDS:
        env = envs.make(env_id, num_envs=4, max_steps=30)
        obs = env.reset()
        generator, ended = torch.Generator().manual_seed(0), 0
        for _ in range(60):
            assert set(obs["frames"][..., :-1].unique().tolist()) <= {0, *range(2, 14)}
            assert set(obs["frames"][:, -1, ..., -1].flatten(1).amax(1).tolist()) <= {15, 16}
            assert not any((obs[f"{name}_len"] < 3).any() for name in env.layout.texts)
            obs, reward, done, info = env.step(torch.randint(5, (4,), generator=generator))
            assert set(reward[done & info["won"]].tolist()) <= {1.0}
            ended += int(done.sum())
        assert ended >= 8
