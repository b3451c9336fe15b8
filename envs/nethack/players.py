"""The scripted players: who demonstrates, and what a player must offer.

A player's module has ``KEYS``, the NLE observations that it reads, and ``Bot(seed)``, made anew for every game, with
``act(screens) -> int``: an index into nle.nethack.ACTIONS. The arrays of ``screens`` change with the next step.
Where it raises PlayerFailed, or an error that nobody expected, that game ends; an EnvError ends all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Protocol, cast

from envs.nethack.game import Screens


class PlayerFailed(Exception):
    """A scripted player cannot go on with its game; the message says why."""


def described(error: BaseException) -> str:
    """An error that nobody expected and the place that raised it, in one line."""
    where = extract_tb(error.__traceback__)
    place = f" ({Path(where[-1].filename).name}, line {where[-1].lineno})" if where else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"


class Bot(Protocol):
    def act(self, obs: Screens, /) -> int: ...


@dataclass(frozen=True)
class Player:
    """bot: the seed of a game -> its player. keys: what it reads."""

    bot: Callable[[int], Bot]
    keys: tuple[str, ...]


_MODULES = {"bot": "envs.nethack.bot", "autoascend": "envs.nethack.autoascend"}


def player(name: str) -> Player:
    """Where its packages are missing, its first game raises EnvError."""
    module = import_module(_MODULES[name])
    return Player(cast(Callable[[int], Bot], module.Bot), tuple(module.KEYS))


def wants_autopickup(name: str) -> bool:
    """Should the hero pick up what he walks over? AutoAscend decides that for itself."""
    return name != "autoascend"
