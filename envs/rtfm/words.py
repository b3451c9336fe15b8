"""Every word and wording of the game, our own; only the numbers of words and word pieces follow the original.

Placeholders: {element}, {items} (the modifiers that beat it), {team}, {monsters} (its members), {monster}.
Lists are joined by commas and a final "and" in the paraphrases (stage 4), by commas only in the fixed wordings.
"""

from __future__ import annotations

ELEMENTS = ("flame", "frost", "thunder", "venom")
TEAMS = ("iron court", "keepers of the well", "salt circle")
MONSTERS = ("raven", "spider", "troll", "bear", "beetle", "giant", "scorpion", "serpent", "witch")
MODIFIERS = ("moonlit", "ancient", "hollow", "painted", "crooked", "silver", "tarnished", "gnarled")
ITEMS = ("horn", "lantern", "mask", "trident", "chisel", "flail", "sickle", "talisman")
EMPTY, WALL, PLAYER = "empty", "wall", "you"

ELEMENT_FACT = "{element} fears {items}."
TEAM_FACT = "{team} keeps {monsters}."
GOAL = "hunt the {team}"
GOAL_MONSTER = "hunt the {monster}"

ELEMENT_PARAPHRASES = (
    "any {items} gear quells {element}.",
    "carry {items} gear to face {element}.",
    "to overcome {element}, take {items}.",
    "{element} monsters fall to {items} things.",
    "only {items} can stop {element} creatures.",
    "put trust in {items} against {element}.",
    "{element} is broken by {items} tools.",
    "bring {items} gear when {element} comes.",
    "what is {items} will conquer {element}.",
    "creatures of {element} cannot withstand {items} gear.",
    "if you meet {element}, wear something {items}.",
    "no {element} monster survives a blow from {items}.",
)
TEAM_PARAPHRASES = (
    "{monsters} all belong to the {team}.",
    "the {team} is made of {monsters}.",
    "{monsters} only answer to the {team}.",
    "in the {team} you meet {monsters}.",
    "{monsters} march under the {team} flag.",
    "members of the {team} are {monsters}.",
    "look for {monsters} in the {team}.",
    "{monsters} have joined up with {team}.",
    "the {team} will send out {monsters}.",
    "{monsters} are friends of the {team}.",
)
GOAL_PARAPHRASES = (
    "hunt the {team}",
    "defeat the {team}.",
    "bring down the {team}.",
    "the {team} must be beaten.",
    "today you fight the {team}.",
    "your prey belongs to the {team}.",
    "kill the monster of the {team}.",
    "beat a monster from the {team}.",
    "seek out a {team} creature.",
    "end the threat of the {team}.",
)


def every_text() -> tuple[str, ...]:
    """All strings whose words make up the closed vocabulary, the same for all stages."""
    return (
        *ELEMENTS,
        *TEAMS,
        *MONSTERS,
        *MODIFIERS,
        *ITEMS,
        EMPTY,
        WALL,
        PLAYER,
        ELEMENT_FACT,
        TEAM_FACT,
        GOAL,
        GOAL_MONSTER,
        *ELEMENT_PARAPHRASES,
        *TEAM_PARAPHRASES,
        *GOAL_PARAPHRASES,
        "and, .",
    )


def listed(words: list[str], conjunction: bool) -> str:
    """Alphabetical enumeration."""
    words = sorted(words)
    if conjunction and len(words) > 1:
        return f"{', '.join(words[:-1])} and {words[-1]}"
    return ", ".join(words)
