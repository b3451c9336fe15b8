"""What is shown of a game: EMMA's frames and sentences and SILG's grid and texts (env_messenger.md §7, §9)."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import envs
from envs.base import BatchedEnv, Observation
from envs.base import cells as contents
from envs.messenger import IDS, tokenizer
from envs.messenger.games import ENTITIES
from envs.messenger.wording import all_sentences, stage_sentences, wording_data

torch.set_num_threads(1)  # tests run side by side

STAGES = {1: (1, 3), 2: (3, 3), 3: (5, 6)}
"""Stage -> layers of things, sentences of a manual."""
every_stage = pytest.mark.parametrize("stage", STAGES)
SHOWN = [(1, "silg"), (1, "emma"), (2, "silg"), (2, "emma"), (3, "emma")]
every_view = pytest.mark.parametrize(("stage", "view"), SHOWN)


def make(stage: int, view: str = "emma", num_envs: int = 50, split: str = "train", **options: object) -> BatchedEnv:
    return envs.make(f"messenger-s{stage}-{split}", num_envs=num_envs, seed=1, view=view, **options)


def walk(env: BatchedEnv, steps: int) -> list[tuple[Observation, Any, Any, dict[str, Any]]]:
    generator = torch.Generator().manual_seed(0)
    return [env.step(torch.randint(5, (env.num_envs,), generator=generator)) for _ in range(steps)]


def newest(obs: Observation) -> torch.Tensor:
    """[n, H, W, layers] of either view."""
    return obs["frames"][:, -1].long() if "frames" in obs else obs["name"][:, :, :, 0]


@every_stage
def test_emma_s_layout(stage: int) -> None:
    layers, sentences = STAGES[stage]
    layout = make(stage).layout
    texts = tuple(f"sentence_{number}" for number in range(1, sentences + 1))
    assert layout.texts == layout.descriptions == texts
    assert (layout.grid, layout.grid_vocab, layout.history, layout.unordered) == ("frames", 17, 3, layers)
    assert set(layout.observation) == {"frames", "valid", *texts, *(f"{text}_len" for text in texts)}
    frames = layout.observation["frames"]
    assert (frames.shape, frames.dtype, frames.low, frames.high) == ((3, 10, 10, layers + 1), torch.uint8, 0, 16)


@pytest.mark.parametrize("stage", [1, 2])
def test_silg_s_layout(stage: int) -> None:
    layers, _ = STAGES[stage]
    layout = make(stage, "silg").layout
    assert layout.texts == ("text", "goal", "enemy", "key")
    assert (layout.grid, layout.grid_vocab, layout.history, layout.unordered) == ("name", 20, 1, layers)
    assert layout.observation["name"].shape == (10, 10, 1, layers + 1)


@pytest.mark.parametrize("env_id", IDS)
def test_defaults(env_id: str) -> None:
    layout = envs.make(env_id).layout
    stage = int(env_id[11])
    assert layout.grid == ("name" if stage == 1 else "frames")
    assert layout.max_steps == {1: 6, 2: 64, 3: 128}[stage]
    assert layout.tokenizer == tokenizer("words", None, "stage" if stage == 1 else "family", stage).name


@every_view
def test_every_frame_shows_one_avatar_and_each_thing_once(stage: int, view: str) -> None:
    env = make(stage, view)
    for obs in (env.reset(), *(step[0] for step in walk(env, 80))):
        grid = newest(obs)
        things, avatar = grid[..., :-1], grid[..., -1]
        assert ((avatar >= 15).sum((1, 2)) == 1).all() and not ((avatar > 0) & (avatar < 15)).any()
        assert things.max() <= 13 and not (things == 1).any()
        with_message = (avatar == 16).any(2).any(1)
        if stage == 1:
            assert ((things > 0).sum((1, 2, 3)) == 3).all()
        else:
            on_layer = (things > 0).sum((1, 2))
            assert (on_layer <= 1).all()
            assert torch.equal(on_layer.sum(1), len(on_layer[0]) - with_message.long())


@every_stage
def test_the_first_frame_is_there_three_times_and_then_frames_move_on(stage: int) -> None:
    env = make(stage)
    before = env.reset()["frames"]
    assert torch.equal(before[:, 0], before[:, 2]) and torch.equal(before[:, 1], before[:, 2])
    ends = 0
    for obs, _, done, info in walk(env, 80):
        frames, final = obs["frames"], info["final_obs"]["frames"]
        assert torch.equal(frames[~done][:, :2], before[~done][:, 1:])
        assert torch.equal(final[done][:, :2], before[done][:, 1:])
        assert (frames[done] == frames[done][:, -1:]).all()
        ends += int(done.sum())
        before = frames
    assert ends > 50


def test_both_views_show_the_same_game() -> None:
    for stage in (1, 2):
        emma, silg = (make(stage, view, max_steps=30, time_penalty=0, vocabulary="family") for view in ("emma", "silg"))
        one, other = [(emma.reset(), None, None, None), *walk(emma, 60)], [(silg.reset(),) * 4, *walk(silg, 60)]
        for (left, *left_rest), (right, *right_rest) in zip(one, other, strict=True):
            assert torch.equal(newest(left), newest(right))
            for number, field in enumerate(("enemy", "key", "goal"), 1):
                assert torch.equal(left[f"sentence_{number}"], right[field])
            if left_rest[0] is not None:
                assert torch.equal(left_rest[0], right_rest[0]) and torch.equal(left_rest[1], right_rest[1])


def test_emma_masks_nothing_and_silg_the_border() -> None:
    emma, silg = make(2, "emma"), make(2, "silg", time_penalty=0)
    for env in (emma, silg):
        env.reset()
    for _ in range(12):
        shown, blocked = emma.step(torch.zeros(50).long())[0], silg.step(torch.zeros(50).long())[0]
    assert shown["valid"].all()
    assert torch.equal(blocked["valid"][:, 0] == 0, blocked["pos"][:, 0] == 0) and (blocked["pos"][:, 0] == 0).any()


def test_cells_give_interchangeable_things_in_one_order() -> None:
    still, shuffled = (make(3, shuffle_layers=on) for on in (False, True))
    still.reset(), shuffled.reset()
    differ = False
    for (one, *_), (other, *_) in zip(walk(still, 20), walk(shuffled, 20), strict=True):
        differ |= not torch.equal(one["frames"], other["frames"])
        ours, theirs = (contents(obs["frames"], env.layout) for obs, env in ((one, still), (other, shuffled)))
        assert ours.shape == (50, 10, 10, 1, 6) and torch.equal(ours, theirs)
    assert differ


def named(text: torch.Tensor, stage: int) -> str:
    """The entity that a sentence names."""
    names = {name: entity for entity, synonyms in wording_data("full")["names"].items() for name in synonyms}
    told = tokenizer("words", None, "family", stage).decode(text.tolist())
    [entity] = {names[word] for word in re.findall(r"\w+", told) if word in names}
    return entity


@pytest.mark.parametrize(("stage", "roles"), [(1, [0, 1, 2]), (2, [0, 1, 2]), (3, [0, 1, 2, 1, 2, 0])])
def test_an_unshuffled_manual_stands_in_the_order_of_the_roles(stage: int, roles: list[int]) -> None:
    """Stage 3: enemy, message, goal, the decoys, and last what does not exist."""
    env = make(stage, split="val", shuffle_manual=False, vocabulary="family")
    obs = env.reset()
    for copy, cast in enumerate(env.state_dict()["state"]["entities"].tolist()):
        told = [named(obs[f"sentence_{number}"][copy], stage) for number in range(1, len(roles) + 1)]
        assert told == [ENTITIES[cast[role]] for role in roles]


@every_stage
def test_a_shuffled_manual_holds_the_same_sentences(stage: int) -> None:
    ordered, shuffled = (make(stage, num_envs=2000, shuffle_manual=on) for on in (False, True))
    ordered.reset(), shuffled.reset()
    one, other = (env.state_dict()["state"]["manual"] for env in (ordered, shuffled))
    assert torch.equal(one.sort(1).values, other.sort(1).values)
    places = (one[:, :1, None] == other[:, None]).flatten(1).float()  # where the enemy's sentence went
    once = places.sum(1) == 1
    assert (places[once].mean(0) - 1 / places.shape[1]).abs().max() < 0.04


def test_the_family_s_vocabulary_goes_from_stage_to_stage() -> None:
    family = {make(stage, vocabulary="family").layout.tokenizer for stage in STAGES}
    assert family == {tokenizer("words", None, "family").name}
    own = {make(stage, vocabulary="stage").layout.tokenizer for stage in STAGES}
    assert own == {tokenizer("words", None, "stage", stage).name for stage in STAGES} and len(own) >= 2
    for stage in STAGES:
        sentences = set(stage_sentences(stage))
        assert sentences <= set(all_sentences())
        for vocabulary in ("stage", "family"):
            words = tokenizer("words", None, vocabulary, stage)
            assert all(1 not in words.pieces(sentence) for sentence in sentences)


def test_stage_1_has_the_vocabulary_of_earlier_results() -> None:
    assert tokenizer("words").name == "words/messenger/7b1fc17061d3"


@every_view
def test_word_pieces_serve_every_view(stage: int, view: str) -> None:
    env = make(stage, view, num_envs=5, tokenizer="bert-base-uncased")
    obs, layout = env.reset(), env.layout
    assert layout.vocabulary == 30522 and layout.blank == (101, 102)
    for text in layout.texts:
        length = obs[f"{text}_len"]
        assert (obs[text][:, 0] == 101).all() and (obs[text].gather(1, length - 1) == 102).all()
