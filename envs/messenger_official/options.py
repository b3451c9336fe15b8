"""What can be set about the original Messenger; the defaults are those of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from envs.options import FLAG, PROBABILITY, TextOptions, number, whole

_LIMIT = whole(1)
_PENALTY = number(-1, 0, "a number from -1 to 0")


@dataclass(frozen=True)
class Options(TextOptions):
    """Options of every stage."""

    max_steps: int = field(default=64, metadata=_LIMIT)
    """The episode ends with -1 after this step; the original itself has no limit."""
    time_penalty: float = field(default=0.0, metadata=_PENALTY)
    """Reward added to every step that does not end the episode."""
    multi_combination: float = field(default=0.75, metadata=PROBABILITY)
    """Share of multi-combination games in train."""
    shuffle_manual: bool = field(default=True, metadata=FLAG)
    """False: the sentences stand as the original gives them, which in stage 1 tells their roles."""

    def original(self) -> dict[str, Any]:
        """Keyword arguments of the original's class."""
        return {}


@dataclass(frozen=True)
class Stage1Options(Options):
    max_steps: int = field(default=6, metadata=_LIMIT)
    time_penalty: float = field(default=-0.02, metadata=_PENALTY)
    message_probability: float = field(default=0.2, metadata=PROBABILITY)
    """How often the avatar starts with the message."""

    def original(self) -> dict[str, Any]:
        return {"message_prob": self.message_probability}


@dataclass(frozen=True)
class Stage2Options(Options):
    shuffle_layers: bool = field(default=True, metadata=FLAG)
    """Which thing is on which layer of the grid is drawn anew at every step: the original's ``shuffle_obs``."""

    def original(self) -> dict[str, Any]:
        return {"shuffle_obs": self.shuffle_layers}


@dataclass(frozen=True)
class Stage3Options(Stage2Options):
    max_steps: int = field(default=128, metadata=_LIMIT)


OPTIONS: dict[int, type[Options]] = {1: Stage1Options, 2: Stage2Options, 3: Stage3Options}
"""By stage."""
