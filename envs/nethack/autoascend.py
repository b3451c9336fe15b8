"""AutoAscend as a scripted player: the bot of the NLD-AA recordings (Hambro et al., "Dungeons and Data", 2022).

It comes with the optional package `nethackers` and plays in a thread of its own, which asks for one screen at a time.
Its first action of a process waits some seconds for numba to compile. It wants a game that picks nothing up by itself.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.base import EnvError
from envs.nethack.players import PlayerFailed, described

KEYS = (
    *("glyphs", "chars", "specials", "blstats", "message", "misc", "tty_chars", "tty_cursor"),
    *("inv_glyphs", "inv_letters", "inv_oclasses", "inv_strs"),
)
"""The entries of NLE's observation that AutoAscend reads."""

PACKAGES = ("nethackers", "numba", "cv2", "scipy", "toolz", "nltk")
_SECONDS = 120.0
"""Of this process' computing for one action, the first of which compiles; another load does not count."""
_GLANCE_S = 0.5


class Bot:
    """One game. AutoAscend draws its own fixed random numbers, so the seed does not matter.

    Raises EnvError where a package that it needs is missing.
    """

    def __init__(self, seed: int) -> None:
        self._mind = _Mind(_adapter())

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """The next key, an index into ``nle.nethack.ACTIONS``. observation: NLE's, with at least ``KEYS``.

        Raises PlayerFailed where AutoAscend failed, ended, or computes for too long: it will play no more.
        """
        cursor = observation["tty_cursor"].astype(np.int16)  # it subtracts from it
        return self._mind.next_key({**observation, "tty_cursor": cursor})

    def __del__(self) -> None:
        if hasattr(self, "_mind"):
            self._mind.stop()


class _Mind:
    """AutoAscend's thread, and what goes between it and the game. It does not know its ``Bot``, which can so end."""

    def __init__(self, adapter: Any) -> None:
        self._module, self._game = adapter, adapter.ArenaEnvAdapter()
        self._thread = threading.Thread(target=self._play, name="autoascend", daemon=True)
        self._failure: BaseException | None = None

    def next_key(self, screens: Mapping[str, NDArray[Any]]) -> int:
        if self._thread.ident is None:
            self._thread.start()  # it presses its first key without a look
        else:
            self._game.provide_observation(screens)
        since = time.process_time()
        while True:
            try:
                return int(self._game.next_action_index(timeout=_GLANCE_S))
            except Empty:
                pass
            if not self._thread.is_alive():
                why = "ended its play" if self._failure is None else f"failed with {described(self._failure)}"
                raise PlayerFailed(f"autoascend {why}") from self._failure
            if time.process_time() - since > _SECONDS:
                self._interrupt()
                raise PlayerFailed(f"autoascend computed for more than {_SECONDS:.0f} s without an action")

    def stop(self) -> None:
        """Let the thread end where it asks for the next screen."""
        self._game.close()

    def _interrupt(self) -> None:
        """Let the thread end where it computes, lest it does so for ever beside other games."""
        ended = ctypes.py_object(self._module.autoascend_agent.AgentFinished)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread.ident or 0), ended)

    def _play(self) -> None:
        try:
            self._module.autoascend_agent.Agent(self._game, panic_on_errors=False).main()
        except BaseException as error:
            self._failure = error


@cache
def _adapter() -> Any:
    """The package's module that lets AutoAscend play; loaded where a game begins, since it loads numba and OpenCV."""
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
    return import_module("arena_adapter")
