"""Which entity plays which role: the splits of Messenger's games (env_messenger.md §2)."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from envs.messenger.games import ENTITIES, ROLES, Game, games, parts

OFFICIAL_NAMES = {"train-mc": "train_multi_comb", "train-sc": "train_single_comb", "val": "val", "test": "test"}


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


def test_only_the_train_split_of_the_full_cast_is_a_mixture() -> None:
    assert parts("train", 12) == ("train-mc", "train-sc")
    assert parts("train", 6) == ("train",)
    assert parts("val", 12) == ("val",)


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
