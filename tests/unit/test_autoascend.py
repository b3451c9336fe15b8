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

from nle import nethack
from nle.env.tasks import NetHackChallenge

from envs.base import EnvError
from envs.nethack import autoascend
from envs.nethack.players import PlayerFailed

MISSING = [package for package in autoascend.PACKAGES if find_spec(package) is None]
installed = pytest.mark.skipif(bool(MISSING), reason=f"AutoAscend needs {', '.join(MISSING)} (extra `nethackers`)")


def keys_of_a_game(steps: int) -> list[int]:
    """What AutoAscend presses in the first steps of a seeded game."""
    options = ["!autopickup", *(option for option in nethack.NETHACKOPTIONS if option != "autopickup")]
    env = NetHackChallenge(
        character="mon-hum-neu-mal",
        observation_keys=autoascend.KEYS,
        options=options,
        max_episode_steps=steps,
        fix_moon_phase=True,
    )
    type(env.nethack).set_initial_seeds(env.nethack, 7, 7, False, 7)
    shown, _ = env.reset()
    bot, keys, done = autoascend.Bot(0), [], False
    while not done:
        keys.append(bot.act(shown))
        shown, _, ended, truncated, _ = env.step(keys[-1])
        done = ended or truncated
    env.close()
    return keys


@installed
def test_its_games_repeat_and_its_threads_end_with_them() -> None:
    before = threading.active_count()
    first = keys_of_a_game(200)
    assert first == keys_of_a_game(200)
    assert len(set(first)) > 10
    for thread in threading.enumerate():
        if thread.name == "autoascend":
            thread.join(10)
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
    ("mind", "said"),
    [
        (
            forgets_the_amulet,
            r"autoascend failed with KeyError: \('amulet', 'int16'\) \(test_autoascend\.py, line \d+\)$",
        ),
        (goes_home, "autoascend ended its play$"),
        (ponders, "autoascend computed for more than 0 s without an action$"),
    ],
)
def test_it_says_why_it_will_play_no_more_and_its_thread_ends(
    mind: Callable[[Adapter], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autoascend, "_SECONDS", 0.05)
    bot = bot_with(mind, monkeypatch)
    screens = {"tty_cursor": np.zeros(2, np.uint8)}
    assert bot.act(screens) == 38
    with pytest.raises(PlayerFailed, match=said):
        bot.act(screens)
    bot._mind._thread.join(10)
    assert not bot._mind._thread.is_alive()
