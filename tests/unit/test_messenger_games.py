"""Which entity plays which role: the splits of Messenger's games (env_messenger.md §2)."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from itertools import combinations, compress, permutations
from pathlib import Path

import pytest
import torch

import envs
from envs.messenger import SPLITS
from envs.messenger.games import ENTITIES, ROLES, Game, games, parts
from envs.messenger.stage1 import MessengerStage1
from envs.messenger.wording import POOLS, sentences

torch.set_num_threads(1)  # tests run side by side

OFFICIAL_NAMES = {"train-mc": "train_multi_comb", "train-sc": "train_single_comb", "val": "val", "test": "test"}
TUNING = ("fit", "dev", "train")


def castings(*chosen: tuple[Game, ...]) -> Counter[tuple[int, int]]:
    """How often each entity plays each role."""
    return Counter((entity, role) for part in chosen for game in part for role, entity in enumerate(game))


def test_the_splits_have_the_official_sizes() -> None:
    assert [len(games(12, part)) for part in OFFICIAL_NAMES] == [40, 4, 32, 32]


def test_no_game_is_in_two_splits_and_no_entity_plays_two_roles_at_once() -> None:
    for cast, names in ((12, OFFICIAL_NAMES), (6, ("train", "val", "test"))):
        every_game = [game for name in names for game in games(cast, name)]
        assert len(set(every_game)) == len(every_game)
        assert all(len(set(game)) == len(ROLES) for game in every_game)


def roles_of(game: Game) -> set[tuple[int, int]]:
    return {(entity, role) for role, entity in enumerate(game)}


@pytest.mark.parametrize(("cast", "sizes"), [(12, (36, 8, 44)), (6, (60, 20, 80))])
def test_fit_and_dev_cut_the_training_games(cast: int, sizes: tuple[int, int, int]) -> None:
    fit, dev, train = ({game for part in parts(split, cast) for game in games(cast, part)} for split in TUNING)
    assert (len(fit), len(dev), len(train)) == sizes
    assert fit | dev == train and not fit & dev
    assert not dev & {*games(cast, "val"), *games(cast, "test")}


@pytest.mark.parametrize("cast", [12, 6])
def test_a_dev_game_is_a_new_triple_of_entities_and_roles_that_fit_has_shown(cast: int) -> None:
    """Entities take other roles with the same partners in fit, so it does not help to know who meets whom."""
    fit = [game for part in parts("fit", cast) for game in games(cast, part)]
    taught = {casting for game in fit for casting in roles_of(game)}
    assert taught == {
        casting for part in parts("train", cast) for game in games(cast, part) for casting in roles_of(game)
    }
    for game in games(cast, "dev"):
        assert game not in fit and roles_of(game) <= taught
        assert any(set(other) == set(game) for other in fit)


def test_the_tuning_cut_is_even() -> None:
    for cast, part, pairs, least, most in (
        (12, "fit-mc", 12, 8, 8),
        (12, "dev", 12, 2, 2),
        (6, "fit", 18, 9, 11),
        (6, "dev", 18, 3, 4),
    ):
        counts = castings(games(cast, part))
        assert len(counts) == pairs and least <= min(counts.values()) and max(counts.values()) <= most


def test_the_tuning_cut_follows_its_rule() -> None:
    roles = [sorted({game[role] for game in games(12, "train-mc")}) for role in range(3)]
    places = [[roles[role].index(entity) for role, entity in enumerate(game)] for game in games(12, "train-mc")]
    chosen = [(enemy + 2 * message + goal) % 4 == 0 for enemy, message, goal in places]
    assert games(12, "dev") == tuple(compress(games(12, "train-mc"), chosen))
    castings_of = {(x, y, z): sorted(permutations((x, y, z))) for x, y, z in combinations(range(6), 3)}
    after_test = {ordered[(4 * x + y + 4 * z + 4) % 6] for (x, y, z), ordered in castings_of.items()}
    assert set(games(6, "dev")) == after_test and (2, 0, 5) in after_test  # 025 052 [205] 250 502 520


@pytest.mark.parametrize(
    ("cast", "part", "digest"),
    [
        (12, "train-mc", "4a6e47da6e29dbfe"),
        (12, "train-sc", "f36180bba5e7449e"),
        (12, "fit-mc", "46c1b55807e0ca13"),
        (12, "dev", "e7ae9db49684d89e"),
        (12, "val", "4a401be021be0f7f"),
        (12, "test", "cbbe063e3ac3b63b"),
        (6, "train", "77a5c34017bc05b1"),
        (6, "fit", "e75513e317f733f2"),
        (6, "dev", "570d46e5a2d0addc"),
        (6, "val", "273c765054a01db3"),
        (6, "test", "cb6ee40f03468670"),
    ],
)
def test_no_part_ever_changes(cast: int, part: str, digest: str) -> None:
    """SHA-256 of the games as "enemy message goal", separated by commas, in the order of the file."""
    text = ",".join(" ".join(ENTITIES[entity] for entity in game) for game in games(cast, part))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize(
    ("cast", "split"),
    [*((12, split) for split in SPLITS), *((6, split) for split in SPLITS if split not in ("train-mc", "train-sc"))],
)
def test_no_episode_shows_a_game_or_a_sentence_of_another_split(cast: int, split: str) -> None:
    """6,000 episodes show all games of the split; dev is told in sentences of val, and so never in one of the test."""
    env = envs.make(f"messenger-s1-{split}", num_envs=6000, seed=5, entities=cast, shuffle_manual=False)
    env.reset()
    assert isinstance(env, MessengerStage1)
    state = env.state_dict()["state"]
    assert set(map(tuple, state["entities"].tolist())) == {
        game for part in parts(split, cast) for game in games(cast, part)
    }
    told = {"dev": "val", "val": "val", "test": "test"}.get(split, "train")
    for row in range(0, 6000, 20):
        for role, entity in enumerate(state["entities"][row].tolist()):
            sentence = env._manuals.sentences[int(state["manual"][row, role])]
            assert sentence in sentences("full", told, ENTITIES[entity], ROLES[role], POOLS[1][0])


def test_val_and_test_cast_every_entity_in_the_role_it_never_has_in_training() -> None:
    trained = castings(games(12, "train-mc"), games(12, "train-sc"))
    unseen = {(entity, role) for entity in range(12) for role in range(3)} - set(trained)
    assert len(unseen) == 12
    for split in ("val", "test"):
        assert set(castings(games(12, split))) == unseen


def test_single_combination_entities_always_meet_the_same_partners() -> None:
    partners = {frozenset(ENTITIES[entity] for entity in game) for game in games(12, "train-sc")}
    assert partners == {frozenset({"dog", "fish", "bird"}), frozenset({"ball", "mage", "sword"})}


def test_the_six_entity_splits_share_out_all_120_games_evenly() -> None:
    split = {name: games(6, name) for name in ("train", "val", "test")}
    assert {name: len(chosen) for name, chosen in split.items()} == {"train": 80, "val": 20, "test": 20}
    assert {entity for chosen in split.values() for game in chosen for entity in game} == set(range(6))
    for name, least, most in (("train", 13, 14), ("val", 2, 4), ("test", 2, 4)):
        counts = castings(split[name])
        assert len(counts) == 18 and least <= min(counts.values()) and max(counts.values()) <= most
    for name in split:  # no set of three things gives its split away
        assert len({frozenset(game) for game in split[name]}) == 20


def test_the_six_entity_cut_follows_its_rule() -> None:
    """Entities 0 < 2 < 5: number (4·0 + 2 + 4·5) mod 6 = 4 of their castings in order is val, number 1 is test."""
    assert (5, 0, 2) in games(6, "val")  # 025 052 205 250 [502] 520
    assert (0, 5, 2) in games(6, "test")


def test_only_the_training_splits_of_the_full_cast_are_mixtures() -> None:
    assert parts("train", 12) == ("train-mc", "train-sc")
    assert parts("train", 6) == ("train",)
    assert parts("fit", 12) == ("fit-mc", "train-sc")
    assert parts("fit", 6) == ("fit",)
    assert parts("dev", 12) == ("dev",)
    assert parts("val", 12) == ("val",)
    assert parts("test", 12) == parts("test-se", 12) == ("test",)


@pytest.mark.parametrize("part", OFFICIAL_NAMES)
def test_our_games_are_the_official_ones(part: str) -> None:
    """games.json also settles which half of the 64 held-out triples is val and which is test."""
    folder = os.environ.get("LDD_BENCH_DATA")
    if folder is None:
        pytest.skip("LDD_BENCH_DATA is not set: the official games.json is not at hand")
    official = json.loads((Path(folder) / "messenger" / "games.json").read_text(encoding="utf-8"))
    assert {tuple(ENTITIES[entity] for entity in game) for game in games(12, part)} == {
        tuple(game) for game in official[OFFICIAL_NAMES[part]]
    }
