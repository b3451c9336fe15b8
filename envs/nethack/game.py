"""One copy of NetHack: NLE's own task class, seeded, cut by our limits, and every ended game truly ended."""

from __future__ import annotations

import _ctypes
import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy.typing as npt
from nle import nethack
from nle.env import tasks

Screens = Mapping[str, npt.NDArray[Any]]
"""NLE's observation by name. Its arrays change with the next step: copy what should stay."""

TASKS = {
    "nethack-challenge": tasks.NetHackChallenge,
    "nethack-score": tasks.NetHackScore,
    "nethack-staircase": tasks.NetHackStaircase,
    "nethack-staircase-pet": tasks.NetHackStaircasePet,
    "nethack-oracle": tasks.NetHackOracle,
    "nethack-gold": tasks.NetHackGold,
    "nethack-eat": tasks.NetHackEat,
    "nethack-scout": tasks.NetHackScout,
}
"""Environment id -> NLE's class."""

KEYS = ("tty_chars", "tty_colors", "tty_cursor", "blstats")
_ESCAPE = int(nethack.Command.ESC)
_QUIT = (*[_ESCAPE] * 3, int(nethack.Command.QUIT), ord("y"))
"""A typed text takes two escapes; choosing a place is no mode that NLE knows of."""
_ATTEMPTS = 50
_NO_LIMIT = 2**31


@dataclass(frozen=True)
class Setup:
    """How games are played. keys: the NLE observations that are kept besides ``KEYS``."""

    env_id: str
    character: str
    max_steps: int
    step_penalty: float
    no_progress_timeout: int
    keys: tuple[str, ...] = ()
    autopickup: bool = True


@dataclass(frozen=True)
class Turn:
    """What one action did; where ``done``, ``screens`` are the last ones before the game was left."""

    screens: Screens
    reward: float
    done: bool
    won: bool
    truncated: bool


class Game:
    """Plays one game after the other. ``folder``: where NLE records them, None: nowhere.

    length, score, depth and turns tell of the running episode, as the game last showed them: its steps, the in-game
    score, the deepest level reached, and the game's own time.
    """

    def __init__(self, setup: Setup, folder: Path | None = None) -> None:
        special: dict[str, Any] = {}
        if folder is not None:
            special |= {"savedir": str(folder), "save_ttyrec_every": 1}
        if not setup.autopickup:
            special["options"] = [("!" if word == "autopickup" else "") + word for word in nethack.NETHACKOPTIONS]
        self._nle = _leaving(TASKS[setup.env_id])(
            character=setup.character,
            observation_keys=tuple(dict.fromkeys((*KEYS, *setup.keys))),
            penalty_mode="constant",
            penalty_step=setup.step_penalty,
            max_episode_steps=_NO_LIMIT,
            fix_moon_phase=True,
            **special,
        )
        self._setup, self._recording, self._running = setup, folder is not None, False
        self.length, self.score, self.depth, self.turns, self._still = 0, 0, 0, 0, 0

    def start(self, core: int, disp: int, lgen: int) -> Screens:
        """Begin the game of these seeds (each 0 or more) and return its first screens."""
        self._end()
        raw = self._nle.nethack
        type(raw).set_initial_seeds(raw, core, disp, False, lgen)  # NetHackChallenge hides its own
        screens, _ = self._nle.reset()
        _set_birthday(raw.dlpath, core)
        self._running = True
        self.length, self.score, self.depth, self._still = 0, 0, 0, 0
        self._look(screens)
        return screens

    def play(self, action: int) -> Turn:
        self._nle.left = None
        screens, reward, done, _, info = self._nle.step(action)
        self.length += 1
        before = self.turns
        screens = self._nle.left or screens
        if self._nle.left is not None or not done:  # a dead hero's numbers are zero
            self._look(screens)
            self._still = self._still + 1 if self.turns == before else 0
        setup = self._setup
        late = not done and (self.length >= setup.max_steps or self._still >= setup.no_progress_timeout)
        if late:
            screens = self._nle.leave()
        self._running = not (done or late)
        won = done and (info["end_status"].name == "TASK_SUCCESSFUL" or info["is_ascended"])
        return Turn(screens, reward, done or late, bool(won), late)

    def close(self) -> None:
        self._end()
        self._nle.close()

    def _look(self, screens: Screens) -> None:
        numbers = screens["blstats"]
        self.turns = int(numbers[nethack.NLE_BL_TIME])
        self.score = int(numbers[nethack.NLE_BL_SCORE])
        self.depth = max(self.depth, int(numbers[nethack.NLE_BL_DEPTH]))

    def _end(self) -> None:
        """NLE's index has a row only for games that ended."""
        if self._recording and self._running:
            self._nle.leave()
        self._running = False


def _set_birthday(library: str, seed: int) -> None:
    """NetHack draws the names of shopkeepers from the second in which a game was begun: let it follow from the seed.

    library: the copy of NetHack that plays, with a hero who has not seen a shop. The moon, Friday 13th and the night
    are NLE's to fix; what is left of the date is the year on a tombstone.
    """
    loaded = ctypes.CDLL(library)
    try:
        ctypes.c_long.in_dll(loaded, "ubirthday").value = seed % 2**31
    finally:
        _ctypes.dlclose(loaded._handle)  # NLE loads it anew for every game


@cache
def _leaving(task: type[Any]) -> type[Any]:
    """NLE's task without limits of its own, with the screens kept that were there before it left a game.

    NLE counts a step without progress twice, and leaves neither a text that is being typed nor the choice of a place:
    such games are recorded without a row in NLE's list.
    """

    class Leaving(task):  # type: ignore[misc]
        left: Screens | None = None

        def leave(self) -> Screens:
            """Quit the running game; returns the screens before."""
            self._quit_game(self.last_observation, False)
            assert self.left is not None
            return self.left

        def _check_abort(self, observation: Any) -> bool:
            return False

        def _quit_game(self, observation: Any, done: bool) -> None:
            self.left = {name: array.copy() for name, array in self._get_observation(observation).items()}
            for _ in range(_ATTEMPTS):
                observation, done = self._perform_known_steps(observation, done, exceptions=False)
                for key in _QUIT:
                    if not done:
                        observation, done = self.nethack.step(key)
                if done:
                    return

    return Leaving
