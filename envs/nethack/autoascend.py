"""AutoAscend as a scripted player: the bot of the NLD-AA recordings (Hambro et al., "Dungeons and Data", 2022).

It comes with the optional package `nethackers` and plays in a thread of its own, which asks for one screen at a time.
Its first action of a process waits some seconds for numba to compile. It wants a game that picks nothing up by itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from envs.base import EnvError

KEYS = (
    *("glyphs", "chars", "specials", "blstats", "message", "misc", "tty_chars", "tty_cursor"),
    *("inv_glyphs", "inv_letters", "inv_oclasses", "inv_strs"),
)
"""The entries of NLE's observation that AutoAscend reads."""

PACKAGES = ("nethackers", "numba", "cv2", "scipy", "toolz", "nltk")
_SECONDS = 300.0  # for one action, of which the first compiles


class Bot:
    """One game. AutoAscend draws its own fixed random numbers, so the seed does not matter.

    Raises EnvError where a package that it needs is missing.
    """

    def __init__(self, seed: int) -> None:
        self._driver = _driver()(action_timeout=_SECONDS)
        self._begun = False

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """The next key, an index into ``nle.nethack.ACTIONS``. observation: NLE's, with at least ``KEYS``.

        Raises EnvError where AutoAscend failed, or took too long: it would press Escape for the rest of the game.
        """
        if not self._begun:
            self._driver.reset(observation)
            self._begun = True
        since = time.monotonic()
        cursor = observation["tty_cursor"].astype(np.int16)  # it subtracts from it
        key = self._driver.act({**observation, "tty_cursor": cursor})
        if self._driver.thread_error is not None:
            raise EnvError(
                f"autoascend: it failed with {self._driver.thread_error.strip().splitlines()[-1]!r}; "
                "play other seeds, or with player='bot'"
            )
        if time.monotonic() - since > _SECONDS:
            raise EnvError(f"autoascend: no action within {_SECONDS:.0f} s; play with fewer processes, or player='bot'")
        return key

    def __del__(self) -> None:
        if hasattr(self, "_driver"):
            self._driver.close()


class _Driver(Protocol):
    @property
    def thread_error(self) -> str | None: ...

    def reset(self, initial_observation: Mapping[str, Any]) -> None: ...

    def act(self, observation: Mapping[str, Any]) -> int: ...

    def close(self) -> None: ...


class _Drivers(Protocol):
    def __call__(self, *, action_timeout: float) -> _Driver: ...


@cache
def _driver() -> _Drivers:
    """The package's class that runs AutoAscend; loaded where a game begins, since it loads numba and OpenCV."""
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise EnvError(
            f"player='autoascend' needs {', '.join(missing)}, which are not installed: "
            "`make nethackers` installs them, or play with player='bot'"
        )
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"ldd_autoascend_{os.getuid()}"))
    package = find_spec("nethackers")
    assert package is not None
    assert package.origin is not None
    folder = str(Path(package.origin).parent / "roots" / "autoascend")
    if folder not in sys.path:
        sys.path.append(folder)
    return cast(_Drivers, import_module("arena_adapter").AutoAscendDriver)
