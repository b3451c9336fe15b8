"""Who can be a hero: roles, races and alignments of NetHack 3.6 (role.c). Asked for another, it plays somebody else."""

from __future__ import annotations

from envs.base import EnvError

RACES = {"hum": ("law", "neu", "cha"), "elf": ("cha",), "dwa": ("law",), "gno": ("neu",), "orc": ("cha",)}
"""Race -> its alignments."""
ROLES = {
    "arc": (("hum", "dwa", "gno"), ("law", "neu")),
    "bar": (("hum", "orc"), ("neu", "cha")),
    "cav": (("hum", "dwa", "gno"), ("law", "neu")),
    "hea": (("hum", "gno"), ("neu",)),
    "kni": (("hum",), ("law",)),
    "mon": (("hum",), ("law", "neu", "cha")),
    "pri": (("hum", "elf"), ("law", "neu", "cha")),
    "ran": (("hum", "elf", "gno", "orc"), ("neu", "cha")),
    "rog": (("hum", "orc"), ("cha",)),
    "sam": (("hum",), ("law",)),
    "tou": (("hum",), ("neu",)),
    "val": (("hum", "dwa"), ("law", "neu")),
    "wiz": (("hum", "elf", "gno", "orc"), ("neu", "cha")),
}
"""Role -> its races and its alignments."""
GENDERS = ("mal", "fem")
WOMEN_ONLY = ("val",)
PARTS = (tuple(ROLES), tuple(RACES), ("law", "neu", "cha"), GENDERS)
"""The words of a character, part by part."""


def characters(role: str) -> list[str]:
    """All heroes of a role, such as "mon-hum-neu-mal"."""
    races, alignments = ROLES[role]
    genders = GENDERS[1:] if role in WOMEN_ONLY else GENDERS
    pairs = [f"{race}-{alignment}" for race in races for alignment in alignments if alignment in RACES[race]]
    return [f"{role}-{pair}-{gender}" for pair in pairs for gender in genders]


def check_character(env_id: str, character: str) -> None:
    """character: one word of each part, in any order. Raises EnvError, which names the role's, for one that is none."""
    words = set(character.split("-"))
    allowed = characters((words & ROLES.keys()).pop())
    if words not in [set(each.split("-")) for each in allowed]:
        raise EnvError(f"{env_id}: NetHack has no character {character!r}, expected one of {', '.join(allowed)}")
