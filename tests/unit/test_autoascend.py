"""AutoAscend, where the extra `nethackers` is installed: it plays, it repeats itself, and its failures are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from queue import Queue
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nle")

from envs.base import EnvError
from envs.nethack import autoascend
from envs.nethack.players import PlayerFailed
from tests.nethack_players import played

MISSING = [package for package in autoascend.PACKAGES if find_spec(package) is None]
installed = pytest.mark.skipif(bool(MISSING), reason=f"AutoAscend needs {', '.join(MISSING)} (extra `nethackers`)")


@installed
def test_its_games_repeat_and_its_threads_end_with_them() -> None:
    before = threading.active_count()
    (keys, _), (again, _) = (played(autoascend.Bot(0), autoascend.KEYS, 7, 200, autopickup=False) for _ in range(2))
    assert keys == again
    assert len(set(keys)) > 10
    for thread in threading.enumerate():
        if thread.name == "autoascend":
            thread.join(600)
    assert threading.active_count() == before


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoascend, "PACKAGES", ("numpy", "no_such_package"))
    autoascend._adapter.cache_clear()
    with pytest.raises(EnvError, match=r"needs no_such_package.*`make nethackers`.*player='bot'"):
        autoascend.Bot(0)


class Adapter:
    """The package's, as far as a game needs it."""

    def __init__(self) -> None:
        self.keys: Queue[int] = Queue()
        self.screens: Queue[Any] = Queue()

    def step(self, key: int) -> Any:
        self.keys.put(key)
        return self.screens.get()

    def next_action_index(self, timeout: float) -> int:
        return self.keys.get(timeout=timeout)

    def provide_observation(self, screens: Any) -> None:
        self.screens.put(screens)

    def close(self) -> None:
        self.screens.put(None)


class Finished(Exception):
    """What the package's agent takes for the end of its game."""


def bot_with(mind: Callable[[Adapter], None], monkeypatch: pytest.MonkeyPatch) -> autoascend.Bot:
    def agent(game: Adapter, panic_on_errors: bool) -> SimpleNamespace:
        return SimpleNamespace(main=lambda: mind(game))

    package = SimpleNamespace(
        ArenaEnvAdapter=Adapter, autoascend_agent=SimpleNamespace(Agent=agent, AgentFinished=Finished)
    )
    monkeypatch.setattr(autoascend, "_adapter", lambda: package)
    monkeypatch.setattr(autoascend, "_GLANCE_S", 0.01)
    return autoascend.Bot(0)


def forgets_the_amulet(game: Adapter) -> None:
    screens = game.step(38)
    raise KeyError("amulet", screens["tty_cursor"].dtype.name)


def goes_home(game: Adapter) -> None:
    game.step(38)


def ponders(game: Adapter) -> None:
    game.step(38)
    while True:
        pass


@pytest.mark.parametrize(
    ("mind", "patience", "said"),
    [
        (
            forgets_the_amulet,
            600.0,
            r"autoascend failed with KeyError: \('amulet', 'int16'\) \(test_autoascend\.py, line \d+\)$",
        ),
        (goes_home, 600.0, "autoascend ended its play$"),
        (ponders, 0.0, "autoascend computed for more than 0 s without an action$"),
    ],
)
def test_it_says_why_it_will_play_no_more_and_its_thread_ends(
    mind: Callable[[Adapter], None], patience: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = bot_with(mind, monkeypatch)
    screens = {"tty_cursor": np.zeros(2, np.uint8)}
    assert bot.act(screens) == 38
    monkeypatch.setattr(autoascend, "_SECONDS", patience)
    with pytest.raises(PlayerFailed, match=said):
        bot.act(screens)
    bot._mind._thread.join(600)
    assert not bot._mind._thread.is_alive()
