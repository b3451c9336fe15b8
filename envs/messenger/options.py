"""What can be set about a Messenger game; the defaults are the game as SILG meant it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from envs.base import EnvError
from envs.messenger.games import ENTITIES
from envs.messenger.wording import WORDINGS

SMALLEST_BOARD = 5
_CHOICES: dict[str, tuple[Any, ...]] = {
    "tokenizer": ("words", "bert-base-uncased"),
    "entities": (len(ENTITIES), 6),
    "wording": WORDINGS,
}


@dataclass(frozen=True)
class Options:
    """Environment options; those under "Reductions" make the task easier and serve small presets only."""

    max_steps: int = 6
    """The episode ends with -1 after this step. SILG means 6 but cuts after 81; Messenger's scripts say 4, LDD's 10."""
    time_penalty: float = -0.02
    """Reward of every step that does not end the episode: SILG's trainer. Messenger and LDD: 0."""
    message_probability: float = 0.2
    """How often the avatar starts with the message, so that the goal is the thing to touch."""
    multi_combination: float = 0.75
    """Share of multi-combination games in messenger-s1-train with 12 entities, the only mixture. LDD's scripts: 0.5."""
    shuffle_manual: bool = True
    """False: the fields enemy, key and goal hold the sentences of the enemy, the message and the goal."""
    tokenizer: str = "words"
    """"words": closed vocabulary; "bert-base-uncased": the original's word pieces (extra `bert`)."""
    tokenizer_files: str | None = None
    """A vocab.txt, or a folder with one, instead of the copy inside the extra `bert`."""

    # Reductions.
    board: int = 10
    """Cells a side. The things stay two cells from the centre, so a smaller board only leaves less room to stray."""
    entities: int = len(ENTITIES)
    """6: the 120 games of the first six entities, cut into train, val and test by a rule of ours (games_v1.json)."""
    wording: str = "full"
    """"plain": short sentences with few synonyms and role phrases."""

    @classmethod
    def checked(cls, env_id: str, given: Mapping[str, Any]) -> Options:
        """Options from keyword arguments. Raises EnvError for an unknown name or a value that cannot be meant."""
        known = [option.name for option in fields(cls)]
        for name, value in given.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise EnvError(f"{env_id} has no option {name!r}; did you mean {near!r}? It has {', '.join(known)}")
            expected = _expected(name, value)
            if expected is not None:
                raise EnvError(f"{env_id}: {name} is {value!r}, expected {expected}")
        options = cls(**given)
        if options.tokenizer_files is not None and options.tokenizer == "words":
            raise EnvError(f"{env_id}: tokenizer_files belongs to tokenizer='bert-base-uncased', not to 'words'")
        if options.entities != len(ENTITIES) and env_id.endswith(("-mc", "-sc")):
            raise EnvError(
                f"{env_id} is a part of the games of {len(ENTITIES)} entities; "
                f"with entities={options.entities} train on 'messenger-s1-train'"
            )
        return options


def _expected(name: str, value: Any) -> str | None:
    """What should stand in the place of a value; None where the value will do."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and isinstance(value, int)
    if name in _CHOICES and value not in _CHOICES[name]:
        near = difflib.get_close_matches(str(value), map(str, _CHOICES[name]), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return "one of " + ", ".join(map(repr, _CHOICES[name])) + hint
    if name == "max_steps" and not (whole and value >= 1):
        return "a whole number of at least 1"
    if name == "board" and not (whole and value >= SMALLEST_BOARD):
        return f"a whole number of at least {SMALLEST_BOARD}"
    if name == "time_penalty" and not (number and -1 <= value <= 0):
        return "a number from -1 to 0"
    if name in ("message_probability", "multi_combination") and not (number and 0 <= value <= 1):
        return "a probability"
    if name == "shuffle_manual" and not isinstance(value, bool):
        return "True or False"
    if name == "tokenizer_files" and not (value is None or isinstance(value, str)):
        return "a path or None"
    return None
