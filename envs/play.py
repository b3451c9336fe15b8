"""Play any environment in a terminal: python -m envs.play rtfm-s1-train

Keys: arrows or w a s d to move, space or . to stay (Enter too on a terminal), h or ? for what the expert would do,
q to leave; where actions have other names, their numbers. Without a terminal, keys are read from standard input, so
games can be scripted: printf 'ddw.q' | python -m envs.play rtfm-s1-train --seed 3
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import torch

from envs import ids, make
from envs.base import BatchedEnv, EnvError, Expert, Observation

_KEYS = {"up": "w", "down": "s", "left": "a", "right": "d", "stay": "."}
_ESCAPES = {"\x1b[A": "w", "\x1b[B": "s", "\x1b[D": "a", "\x1b[C": "d"}
_SAME = {" ": ".", "?": "h"}
_HINT, _QUIT = "h", "q"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 2 with one line on standard error for what cannot be played."""
    parser = _OneLineParser(prog="python -m envs.play", description="Play an environment in the terminal.")
    parser.add_argument(
        "env", nargs="?", default="rtfm-s1-train", metavar="ID", help="environment id; --list shows all"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same games (default 0)")
    parser.add_argument("--episodes", type=int, default=0, help="leave after so many games (default: never)")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="environment option")
    parser.add_argument("--list", action="store_true", help="print all ids and leave")
    given = parser.parse_args(arguments)
    try:
        if given.list:
            print("\n".join(ids()))
            return 0
        env = make(given.env, num_envs=1, seed=given.seed, **_options(given.option))
        with _keyboard() as read:
            play(env, read, given.episodes)
    except EnvError as error:
        print(f"envs.play: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    return 0


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"envs.play: {message}; --help shows what there is\n")


def play(env: BatchedEnv, read: Callable[[], str], episodes: int = 0) -> None:
    """Play copy 0 until ``read`` returns "" or q, or until ``episodes`` games (0: no limit) are over.

    Raises EnvError for an environment with more actions than digits.
    """
    keys = action_keys(env.layout.actions)
    if any(len(key) > 1 for key in keys):
        own = "; NLE has a player of its own: python -m nle.scripts.play" if env.env_id.startswith("nethack-") else ""
        raise EnvError(f"{env.env_id} has {len(keys)} actions, too many for single keys{own}")
    help_line = "  ".join(f"{key} {env.layout.actions[action]}" for key, action in keys.items()) + "  h hint  q quit"
    observation, expert, games, wins = env.reset(), None, 0, 0
    print(f"{env.describe()}\n[{help_line}]", flush=True)
    while (key := read()) not in ("", _QUIT):
        if key == _HINT:
            expert = expert or env.expert()
            print(f"the expert would play: {_advice(env, expert, observation)}", flush=True)
            continue
        if key not in keys:
            continue
        observation, reward, done, info = env.step(torch.tensor([keys[key]], device=env.device))
        if done[0]:
            length = int(info["episode_length"][0])
            games, wins = games + 1, wins + int(info["won"][0])
            print(
                f"\n*** {_verdict(info)}: reward {float(reward[0]):+.2f} after {length} turn{'s' * (length != 1)}, "
                f"return {float(info['episode_return'][0]):+.2f}; won {wins} of {games} ***",
                flush=True,
            )
            if games == episodes:
                return
        print(f"\n{env.describe()}\n[{help_line}]", flush=True)


def action_keys(actions: tuple[str, ...]) -> dict[str, int]:
    """Key -> action: w a s d and . for the usual names, else the action's number."""
    if set(actions) <= set(_KEYS):
        return {_KEYS[name]: index for index, name in enumerate(actions)}
    return {str(index): index for index in range(len(actions))}


def _advice(env: BatchedEnv, expert: Expert, observation: Observation) -> str:
    return env.layout.actions[int(expert(observation)[0])]


def _verdict(info: dict[str, Any]) -> str:
    if info["won"][0]:
        return "YOU WIN"
    return "TIME IS UP, YOU LOSE" if info["truncated"][0] else "YOU LOSE"


def _options(pairs: list[str]) -> dict[str, Any]:
    """["max_steps=20", "items=false"] -> {"max_steps": 20, "items": False}"""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise EnvError(f"--option {pair!r} is not NAME=VALUE")
        options[name] = _value(text)
    return options


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


@contextmanager
def _keyboard() -> Iterator[Callable[[], str]]:
    """A function that returns the next key ("" at the end of input); single key strokes where there is a terminal."""
    if not sys.stdin.isatty():
        yield lambda: _plain(_next_mark())
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSADRAIN)  # keys that were typed early count
    try:
        strokes = _strokes(descriptor)
        yield lambda: _plain(next(strokes, ""))
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _next_mark() -> str:
    """The next character that is not a line break: scripted games may stand on several lines."""
    while (mark := sys.stdin.read(1)) in ("\n", "\r"):
        pass
    return mark


def _strokes(descriptor: int) -> Iterator[str]:
    """Key strokes of a terminal until it is closed (or ctrl-D); an arrow key arrives as one sequence."""
    while text := os.read(descriptor, 64).decode(errors="ignore"):
        for stroke in re.findall("\x1b\\[[A-D]|.", text, re.DOTALL):
            if stroke == "\x04":
                return
            yield "." if stroke == "\n" else stroke


def _plain(stroke: str) -> str:
    return _ESCAPES.get(stroke, _SAME.get(stroke, stroke.lower()))


if __name__ == "__main__":
    sys.exit(main())
