"""The scripted players: who demonstrates, and what a player must offer.

A player's module has ``KEYS``, the NLE observations that it reads, and ``Bot(seed)``, made anew for every game, with
``act(screens) -> int``: an index into nle.nethack.ACTIONS. The arrays of ``screens`` change with the next step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from envs.nethack.game import Screens


class Bot(Protocol):
    def act(self, obs: Screens, /) -> int: ...


@dataclass(frozen=True)
class Player:
    """bot: the seed of a game -> its player. keys: what it reads."""

    bot: Callable[[int], Bot]
    keys: tuple[str, ...]


_MODULES = {"bot": "envs.nethack.bot", "autoascend": "envs.nethack.autoascend"}


def player(name: str) -> Player:
    """Raises EnvError where the player's packages are missing."""
    module = import_module(_MODULES[name])
    return Player(cast(Callable[[int], Bot], module.Bot), tuple(module.KEYS))


def wants_autopickup(name: str) -> bool:
    """Should the hero pick up what he walks over? AutoAscend decides that for itself."""
    return name != "autoascend"
