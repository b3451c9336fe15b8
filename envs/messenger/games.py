"""Who is who: the entities of Messenger, their observation ids, and the games of each split (env_messenger.md §1-2)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

ENTITIES = (
    "airplane", "mage", "dog", "bird", "fish", "scientist", "thief", "ship", "ball", "robot", "queen", "sword",
)  # fmt: skip
FIRST_ENTITY_ID = 2
AVATAR, AVATAR_WITH_MESSAGE = 15, 16
GRID_VOCABULARY = 20
"""Ids of a cell: 0 nothing, 2-13 the entities in order, 14 wall (never shown), 15-16 the avatar.

SILG's table has 20 rows."""

ROLES = ("enemy", "message", "goal")
ENEMY, MESSAGE, GOAL = range(3)

GAMES_FILE = Path(__file__).with_name("games_v1.json")

Game = tuple[int, int, int]
"""The entity (its place in ENTITIES) that plays enemy, message and goal."""


@cache
def games(entities: int, part: str) -> tuple[Game, ...]:
    """The games of a part.

    12 entities have train-mc (cut into fit-mc and dev), train-sc, val and test;
    6 entities have train (cut into fit and dev), val and test.
    """
    table = json.loads(GAMES_FILE.read_text(encoding="utf-8"))[f"entities_{entities}"]
    place = {name: index for index, name in enumerate(ENTITIES)}
    return tuple((place[enemy], place[message], place[goal]) for enemy, message, goal in table[part])


def parts(split: str, entities: int) -> tuple[str, ...]:
    """The parts of the games file that a split draws from; two parts are a mixture.

    test-se has the games of test; it differs from it in how things move.
    """
    if split in ("train", "fit") and entities == len(ENTITIES):
        return (f"{split}-mc", "train-sc")
    return ("test",) if split == "test-se" else (split,)
