"""The sentences of the manuals, made from frames such as "{The} that {moves} is {role}." (wording_*_v1.json)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from envs.messenger.games import ENTITIES, ROLES

WORDINGS = ("full", "plain")
"""Our own, which need no file from elsewhere; envs.messenger.human reads the original's sentences."""
TEXT_SPLITS = ("train", "val", "test")
MOVEMENTS = ("chaser", "fleeing", "immovable")
UNKNOWN = "unknown"
"""What a sentence says of movement; "unknown" says nothing of it."""
POOLS: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (("immovable", UNKNOWN),),
    2: (*((movement,) for movement in MOVEMENTS), (UNKNOWN,)),
    3: tuple((movement,) for movement in MOVEMENTS),
}
"""Stage -> the movements of each pool that an entity has in a role. Stage 1 has one pool, stage 3 always tells (§3)."""

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou])")


def text_split(split: str) -> str:
    """Whose sentences tell the games of a split.

    train, its parts and fit: those of train. dev: those of val, so that it is read in frames that fit never shows, as
    the test is read in frames that training never shows, and no sentence of the test is seen before the test.
    test-se: those of test.
    """
    return {"dev": "val", "val": "val", "test": "test", "test-se": "test"}.get(split, "train")


def wording_file(wording: str) -> Path:
    return Path(__file__).with_name(f"wording_{wording}_v1.json")


@cache
def wording_data(wording: str) -> dict[str, Any]:
    """Names, phrases and frames as the data file has them (its "about" explains the slots)."""
    data: dict[str, Any] = json.loads(wording_file(wording).read_text(encoding="utf-8"))
    return data


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _turn(phrases: list[str], count: int) -> str:
    return phrases[count % len(phrases)] if phrases else ""


@cache
def sentences(wording: str, split: str, entity: str, role: str, movements: tuple[str, ...]) -> tuple[str, ...]:
    """Every sentence of one pool, sorted and distinct.

    Each frame meets each name of the entity ``variants`` times; the phrases of the role and of the movement take turns,
    so that all of them occur without the pool becoming their full product.
    """
    data = wording_data(wording)
    return tuple(sorted(set(_fill(data, split, entity, role, movements))))


def _fill(data: dict[str, Any], split: str, entity: str, role: str, movements: tuple[str, ...]) -> Iterator[str]:
    of_role = data["roles"][role]
    turn = ENTITIES.index(entity)
    for movement in movements:
        of_movement = data["movements"][movement]
        for frame in data["frames"][split][movement]:
            for name in data["names"][entity]:
                for _ in range(data["variants"]):
                    phrases = {"the": f"the {name}"}
                    phrases |= {slot: _turn(of_role[slot], turn) for slot in of_role}
                    phrases |= {slot: _turn(of_movement[slot], turn // 2) for slot in of_movement}
                    phrases |= {_capital(slot): _capital(text) for slot, text in phrases.items() if text}
                    yield _ARTICLE.sub(r"\1n ", frame.format(name=name, **phrases))
                    turn += 1


def stage_sentences(stage: int) -> Iterator[str]:
    """Every sentence of one stage, in every wording and split: the text that fixes its closed vocabulary."""
    for wording in WORDINGS:
        for split in TEXT_SPLITS:
            for entity in ENTITIES:
                for role in ROLES:
                    for movements in POOLS[stage]:
                        yield from sentences(wording, split, entity, role, movements)


def all_sentences() -> Iterator[str]:
    """Those of all stages: the text that fixes the closed vocabulary of a policy that goes from stage to stage."""
    for stage in POOLS:
        yield from stage_sentences(stage)
