"""Heroes are NetHack's own: asked for another, it would quietly play somebody else than keys and reports say."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.validate import Schema
from envs.base import EnvError
from envs.nethack.options import Options
from envs.nethack.roles import PARTS, ROLES, characters
from tests.toy import PROJECT

WRITTEN = {  # in the game's list of attributes
    "mon-hum-cha-fem": ("a level 1 female human Monk", "You are chaotic"),
    "val-dwa-law-fem": ("a level 1 dwarven Valkyrie", "You are lawful"),
    "gno-mal-wiz-neu": ("a level 1 male gnomish Wizard", "You are neutral"),
    "pri-elf-cha-mal": ("a level 1 elven Priest", "You are chaotic"),
    "ran-orc-cha-fem": ("a level 1 female orcish Ranger", "You are chaotic"),
}


@pytest.mark.parametrize("character", WRITTEN)
def test_the_game_plays_the_hero_that_was_asked_for(character: str) -> None:
    nethack = pytest.importorskip("nle").nethack
    from envs.nethack.game import Game, Setup

    assert Options.checked("nethack-challenge", {"character": character}).character == character
    game = Game(Setup("nethack-challenge", character, 100, -0.001, 150))
    game.start(1, 1, 1)
    screen = game.play(nethack.ACTIONS.index(nethack.Command.ATTRIBUTES)).screens["tty_chars"]
    told = " ".join(bytes(line).decode("latin-1").strip() for line in screen)
    game.close()
    assert all(words in told for words in WRITTEN[character])


@pytest.mark.parametrize(
    ("character", "allowed"),
    [
        ("mon-orc-neu-mal", "mon-hum-law-mal, mon-hum-law-fem, mon-hum-neu-mal, mon-hum-neu-fem, mon-hum-cha-mal"),
        ("sam-elf-cha-fem", "sam-hum-law-mal, sam-hum-law-fem"),
        ("val-dwa-law-mal", "val-hum-law-fem, val-hum-neu-fem, val-dwa-law-fem"),
        ("mal-dwa-neu-arc", "arc-hum-law-mal"),
    ],
)
def test_a_hero_that_no_game_has_is_refused_with_those_of_his_role(character: str, allowed: str) -> None:
    line = f"nethack-score: NetHack has no character {character!r}, expected one of {allowed}"
    with pytest.raises(EnvError, match="^" + re.escape(line)):
        Options.checked("nethack-score", {"character": character})


def test_a_plan_takes_the_same_heroes() -> None:
    schema = Schema(Configs(PROJECT / "configs").read("schema"), "configs/schema.yaml")

    def planned(character: Any) -> bool:
        try:
            schema.own("env.options.character", character, "here")
        except BadInput:
            return False
        return True

    roles, races, alignments, genders = PARTS
    every = {"-".join(words) for words in product(roles, races, alignments, genders)}
    heroes = {hero for role in ROLES for hero in characters(role)}
    assert len(every) == 390 and len(heroes) == 73
    assert {character for character in every if planned(character)} == heroes
    assert planned("@") and not planned("mon-hum-neu")
