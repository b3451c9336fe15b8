"""The rules of Messenger's stage 1, step by step (env_messenger.md §4, §7-9)."""

from __future__ import annotations

import re

import pytest
import torch

import envs
from envs.base import EnvError
from envs.messenger import SPLITS, tokenizer
from envs.messenger.games import ENTITIES
from envs.messenger.stage1 import MessengerStage1
from envs.messenger.wording import wording_data

torch.set_num_threads(1)  # tests run side by side

UP, DOWN, LEFT, RIGHT, STAY = range(5)
SPOTS = [(3, 5), (5, 3), (5, 7), (7, 5)]
WAY = {(3, 5): UP, (5, 3): LEFT, (5, 7): RIGHT, (7, 5): DOWN}
"""The direction in which a thing lies, two cells from the avatar's start at (5, 5)."""


def make(env_id: str = "messenger-s1-train", num_envs: int = 1, **options: object) -> MessengerStage1:
    return envs.make(env_id, num_envs=num_envs, **options)  # type: ignore[return-value]


def staged(with_message: bool, **options: object) -> MessengerStage1:
    """One copy: dog = enemy above the avatar, ship = message to its left, queen = goal to its right, nothing below."""
    env = make(**options)
    env.reset()
    state = env.state_dict()
    state["state"]["spots"] = torch.tensor([[0, 1, 2]])
    state["state"]["entities"] = torch.tensor([[ENTITIES.index(name) for name in ("dog", "ship", "queen")]])
    state["state"]["with_message"] = torch.tensor([with_message])
    env.load_state_dict(state)
    return env


def play(env: MessengerStage1, *actions: int) -> tuple[list[float], bool, dict[str, torch.Tensor]]:
    rewards = []
    for action in actions:
        _, reward, done, info = env.step(torch.tensor([action]))
        rewards.append(round(float(reward), 4))
    return rewards, bool(done), info


@pytest.mark.parametrize(
    ("with_message", "way", "reward"),
    [(False, UP, -1), (False, LEFT, 1), (False, RIGHT, -1), (True, UP, -1), (True, LEFT, -1), (True, RIGHT, 1)],
    ids=["enemy", "message", "goal too early", "enemy, holding", "message, holding", "goal, holding"],
)
def test_the_first_contact_ends_the_episode(with_message: bool, way: int, reward: int) -> None:
    rewards, done, info = play(staged(with_message), way, way)
    assert rewards == [-0.02, reward]
    assert done
    assert bool(info["won"]) == (reward == 1)
    assert float(info["episode_return"]) == pytest.approx(reward - 0.02)
    assert int(info["episode_length"]) == 2
    assert not bool(info["truncated"])


def test_an_empty_spot_is_nothing() -> None:
    rewards, done, _ = play(staged(False), DOWN, DOWN, STAY)
    assert (rewards, done) == ([-0.02] * 3, False)


def test_a_late_avatar_loses() -> None:
    rewards, done, info = play(staged(False, max_steps=3), STAY, LEFT, RIGHT)
    assert rewards == [-0.02, -0.02, -1]
    assert done and bool(info["truncated"]) and not bool(info["won"])


def test_a_contact_on_the_last_step_counts() -> None:
    rewards, done, info = play(staged(False, max_steps=3), STAY, LEFT, LEFT)
    assert rewards[-1] == 1
    assert done and bool(info["won"]) and not bool(info["truncated"])


def test_the_original_has_no_penalty() -> None:
    assert play(staged(False, time_penalty=0), LEFT, LEFT)[0] == [0, 1]


def test_the_border_blocks_and_is_masked() -> None:
    env = staged(False, max_steps=50)
    for _ in range(4):
        obs, *_ = env.step(torch.tensor([DOWN]))
    assert obs["pos"].tolist() == [[9, 5]]
    assert obs["valid"].tolist() == [[1, 0, 1, 1, 1]]
    obs, *_ = env.step(torch.tensor([DOWN]))
    assert obs["pos"].tolist() == [[9, 5]]


def test_what_is_seen() -> None:
    env = staged(True)
    obs, *_ = env.step(torch.tensor([DOWN]))
    seen = {tuple(place): int(obs["name"][tuple(place)]) for place in obs["name"].nonzero().tolist()}
    assert seen == {
        (0, 3, 5, 0, 0): 4,  # the dog
        (0, 5, 3, 0, 0): 9,  # the ship
        (0, 5, 7, 0, 0): 12,  # the queen
        (0, 6, 5, 0, 1): 16,  # the avatar with the message
    }
    assert obs["pos"].tolist() == [[6, 5]]
    torch.testing.assert_close(obs["rel_pos"][0, 3, 7], torch.tensor([0.2, -0.3]))  # 2 columns right, 3 rows up
    assert obs["valid"].tolist() == [[1, 1, 1, 1, 1]]
    assert set(obs) == set(env.layout.observation)


def test_the_last_observation_shows_the_contact() -> None:
    """Things of stage 1 stay drawn when they are touched."""
    _, _, info = play(staged(False), LEFT, LEFT)
    final = info["final_obs"]
    assert final["pos"].tolist() == [[5, 3]]
    assert final["name"][0, 5, 3, 0].tolist() == [9, 15]


def test_where_episodes_start() -> None:
    obs = make(num_envs=500).reset()
    assert obs["pos"].eq(5).all()
    assert obs["name"][:, 5, 5, 0, 1].unique().tolist() == [15, 16]
    things = obs["name"][:, :, :, 0, 0]
    assert (things > 0).sum(dim=(1, 2)).eq(3).all()
    assert {tuple(place) for place in things.nonzero()[:, 1:].tolist()} == set(SPOTS)


def test_the_board_scales() -> None:
    obs = make(num_envs=100, board=7).reset()
    assert obs["pos"].eq(3).all()
    assert obs["name"].shape == (100, 7, 7, 1, 2)
    places = {tuple(place) for place in obs["name"][:, :, :, 0, 0].nonzero()[:, 1:].tolist()}
    assert places == {(1, 3), (3, 1), (3, 5), (5, 3)}
    assert float(obs["rel_pos"][0, 3, 6, 0]) == pytest.approx(3 / 7)


def entities_named(env: MessengerStage1, text: torch.Tensor, wording: str = "full") -> list[str]:
    """The entities that a text names, in order."""
    names = {name: entity for entity, synonyms in wording_data(wording)["names"].items() for name in synonyms}
    return [names[word] for word in re.findall(r"\w+", tokenizer("words").decode(text.tolist())) if word in names]


def test_an_unshuffled_manual_tells_who_is_who() -> None:
    env = make("messenger-s1-test", num_envs=200, shuffle_manual=False)
    obs = env.reset()
    entities = env.state_dict()["state"]["entities"].tolist()
    for copy in range(200):
        told = [entities_named(env, obs[field][copy]) for field in ("enemy", "key", "goal")]
        assert told == [[ENTITIES[entity]] for entity in entities[copy]]


def test_the_shuffled_manual_is_dealt_and_joined_in_one_order() -> None:
    env = make(num_envs=300)
    obs = env.reset()
    entities = env.state_dict()["state"]["entities"].tolist()
    orders = set()
    for copy in range(300):
        dealt = [entities_named(env, obs[field][copy])[0] for field in ("enemy", "key", "goal")]
        assert entities_named(env, obs["text"][copy]) == dealt
        orders.add(tuple(dealt.index(ENTITIES[entity]) for entity in entities[copy]))
    assert len(orders) == 6


def test_the_manual_stays_while_the_episode_lasts() -> None:
    env = make(num_envs=8)
    first = env.reset()
    obs, _, done, _ = env.step(torch.full((8,), STAY))
    assert not done.any()
    assert torch.equal(obs["text"], first["text"])


@pytest.mark.parametrize("split", SPLITS)
def test_the_expert_always_wins_in_two_steps(split: str) -> None:
    env = make(f"messenger-s1-{split}", num_envs=400, max_steps=2)
    obs, expert = env.reset(), env.expert()
    for _ in range(6):
        obs, _, done, info = env.step(expert(obs))
        assert bool(info["won"][done].all())
        assert info["episode_length"][done].eq(2).all()


@pytest.mark.parametrize("board", [5, 6, 10])
def test_the_expert_wins_from_wherever_it_is_led(board: int) -> None:
    """After some random steps it still goes around the wrong things and never into them."""
    env = make(num_envs=2000, board=board, max_steps=100)
    obs, expert = env.reset(), env.expert()
    generator = torch.Generator().manual_seed(0)
    for _ in range(12):
        obs, *_ = env.step(torch.randint(5, (2000,), generator=generator))
    first = env.state_dict()["streams"]["episode"]
    finished = torch.zeros(2000, dtype=torch.bool)
    for _ in range(4 * board):
        obs, _, done, info = env.step(expert(obs))
        assert info["won"][done & ~finished].all()
        finished |= done
    assert finished.all()
    assert (env.state_dict()["streams"]["episode"] > first).all()


def test_describe_shows_board_and_manual_but_not_the_answer() -> None:
    env = staged(False)
    env.step(torch.tensor([DOWN]))
    lines = env.describe(0).splitlines()
    assert lines[0] == "messenger-s1-train, copy 0, episode 1, step 1 of 6, return -0.02"
    assert lines[5].split() == ["·"] * 5 + ["do"] + ["·"] * 4
    assert lines[7].split() == ["·"] * 3 + ["sh"] + ["·"] * 3 + ["qu"] + ["·"] * 2
    assert lines[8].split()[5] == "@"
    assert lines[13] == "@ you, without the message; do dog, sh ship, qu queen"
    assert len(lines) == 17 and all(line.startswith("  - ") for line in lines[14:])


def test_the_layout_tells_a_network_what_it_needs() -> None:
    layout = make().layout
    assert layout.texts == ("text", "goal", "enemy", "key")
    assert (layout.grid, layout.grid_vocab, layout.vocabulary) == ("name", 20, tokenizer("words").vocabulary)
    assert layout.actions == ("up", "down", "left", "right", "stay")
    assert (layout.max_steps, layout.resume) == (6, "exact")
    assert [layout.observation[name].shape for name in layout.texts] == [(128,), (40,), (40,), (40,)]


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        ("messenger-s1-trian", {}, "unknown environment 'messenger-s1-trian'; did you mean 'messenger-s1-train'?"),
        ("messenger-s1-train", {"max_step": 5}, "no option 'max_step'; did you mean 'max_steps'?"),
        (
            "messenger-s1-train",
            {"max_steps": 0},
            "messenger-s1-train: max_steps is 0, expected a whole number of at least 1",
        ),
        ("messenger-s1-train", {"max_steps": "6"}, "max_steps is '6', expected a whole number of at least 1"),
        ("messenger-s1-train", {"time_penalty": 0.02}, "time_penalty is 0.02, expected a number from -1 to 0"),
        ("messenger-s1-train", {"message_probability": 20}, "message_probability is 20, expected a probability"),
        ("messenger-s1-train", {"board": 4}, "board is 4, expected a whole number of at least 5"),
        ("messenger-s1-train", {"entities": 8}, "entities is 8, expected one of 12, 6"),
        (
            "messenger-s1-train",
            {"wording": "plane"},
            "wording is 'plane', expected one of 'full', 'plain', 'human' (did you mean 'plain'?)",
        ),
        ("messenger-s1-train", {"tokenizer": "bert-uncased"}, "(did you mean 'bert-base-uncased'?)"),
        ("messenger-s1-train-sc", {"entities": 6}, "with entities=6 train on 'messenger-s1-train'"),
        ("messenger-s1-val", {"shuffle_manual": 0}, "shuffle_manual is 0, expected True or False"),
        ("messenger-s1-val", {"tokenizer_files": "here"}, "belongs to tokenizer='bert-base-uncased', not to 'words'"),
        ("messenger-s1-val", {"tokenizer_files": 7}, "tokenizer_files is 7, expected a path or None"),
    ],
)
def test_bad_requests_name_the_culprit_and_the_remedy(env_id: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(EnvError) as error:
        make(env_id, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_actions_are_refused() -> None:
    env = make(num_envs=2)
    with pytest.raises(EnvError, match=r"before the first reset\(\)"):
        env.step(torch.zeros(2, dtype=torch.int64))
    env.reset()
    with pytest.raises(EnvError, match="there is no action 5; there are 0 up, 1 down, 2 left, 3 right, 4 stay"):
        env.step(torch.tensor([0, 5]))
    with pytest.raises(EnvError, match=r"actions are torch.int64 \[3\], expected torch.int64 \[2\]"):
        env.step(torch.tensor([0, 1, 2]))


def test_a_foreign_state_is_refused() -> None:
    env = make()
    env.reset()
    with pytest.raises(EnvError, match="has env_id 'messenger-s1-train', this environment 'messenger-s1-test'"):
        make("messenger-s1-test").load_state_dict(env.state_dict())
    with pytest.raises(EnvError, match="the saved state has board 10, this environment 7"):
        make(board=7).load_state_dict(env.state_dict())
