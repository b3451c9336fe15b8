"""AutoAscend, where the extra `nethackers` is installed: it plays, it repeats itself, and its failures are told."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nle")

from nle import nethack
from nle.env.tasks import NetHackChallenge

from envs.base import EnvError
from envs.nethack import autoascend

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
    autoascend._driver.cache_clear()
    with pytest.raises(EnvError, match=r"needs no_such_package.*`make nethackers`.*player='bot'"):
        autoascend.Bot(0)


class Failing:
    """A driver whose thread dies on the first screen."""

    thread_error: str | None = None

    def __init__(self, action_timeout: float) -> None:
        assert action_timeout > 10

    def reset(self, initial_observation: Any) -> None:
        self.thread_error = "Traceback …\nKeyError: 'amulet'\n"

    def act(self, observation: Any) -> int:
        return 38

    def close(self) -> None:
        pass


def test_a_failure_in_its_thread_is_an_error_and_no_game_of_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoascend, "_driver", lambda: Failing)
    with pytest.raises(EnvError, match="KeyError: 'amulet'"):
        autoascend.Bot(0).act({"tty_cursor": np.zeros(2, np.uint8)})
