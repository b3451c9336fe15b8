"""What can be set about NetHack; the defaults are the paper's (methods.md 2.3) and, for NLE's small tasks, NLE's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from envs.base import EnvError
from envs.nethack.roles import PARTS, check_character
from envs.options import FLAG, PATH, EnvOptions, Rule, number, one_of, whole


def _is_character(value: Any) -> bool:
    """ "@" or role-race-alignment-gender, in any order, as NetHack reads it."""
    if value == "@":
        return True
    words = value.split("-") if isinstance(value, str) else []
    return len(words) == len(PARTS) and all(sum(word in part for word in words) == 1 for part in PARTS)


_CHARACTER = {
    "expected": "role-race-alignment-gender such as 'mon-hum-neu-mal', or '@' for a random one",
    "holds": _is_character,
    "choices": (),
}
_LIMIT = whole(1)


def _none_or_whole(least: int) -> Rule:
    return {
        "expected": f"None or a whole number of at least {least}",
        "holds": lambda value: value is None or (type(value) is int and value >= least),
        "choices": (),
    }


@dataclass(frozen=True)
class Options(EnvOptions):
    """Options of every task."""

    character: str = field(default="mon-hum-neu-mal", metadata=_CHARACTER)
    """Whom the hero is, "@": drawn by each game's seed."""
    max_steps: int = field(default=5_000, metadata=_LIMIT)
    """The episode is cut after this step."""
    step_penalty: float = field(default=-0.001, metadata=number(-1, 0, "a number from -1 to 0"))
    """Reward added to every step in which game time stands still."""
    no_progress_timeout: int = field(default=150, metadata=_LIMIT)
    """The episode is cut after so many such steps in a row."""
    image: bool = field(default=False, metadata=FLAG)
    """Add ``screen_image`` to the observation. Our networks draw it for themselves (``layout.image``)."""
    record_to: str | None = field(default=None, metadata=PATH)
    """A new or empty folder; every game is recorded there by NLE, copy i's in its folder ``i``."""
    games: int | None = field(default=None, metadata=_none_or_whole(1))
    """So many games in all: of n copies, copy i plays games i, i + n, …, then idles. Game g is the same for any n."""
    processes: int | None = field(default=None, metadata=_none_or_whole(0))
    """Worker processes, 0: play in this process; None: one for each CPU that we may use. It changes no result."""
    player: str = field(default="bot", metadata=one_of("bot", "autoascend"))
    """Who ``expert()`` is: our own bot or AutoAscend (extra `nethackers`)."""

    def check_together(self, env_id: str) -> None:
        if self.character != "@":
            check_character(env_id, self.character)
        if self.player == "autoascend" and env_id != "nethack-challenge":
            raise EnvError(f"{env_id}: player='autoascend' plays nethack-challenge only")


@dataclass(frozen=True)
class ChallengeOptions(Options):
    max_steps: int = field(default=100_000, metadata=_LIMIT)


OPTIONS: dict[str, type[Options]] = {
    "nethack-challenge": ChallengeOptions,
    "nethack-score": Options,
    "nethack-staircase": Options,
    "nethack-staircase-pet": Options,
    "nethack-oracle": Options,
    "nethack-gold": Options,
    "nethack-eat": Options,
    "nethack-scout": Options,
}
"""By environment id."""
