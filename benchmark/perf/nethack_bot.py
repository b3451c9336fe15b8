"""How well the scripted player of NetHack plays, over seeded games.

    python -m benchmark.perf.nethack_bot [--player bot] [--games 30] [--steps 10000] [--processes 2]

The paper's character; game i has the seeds i. The bot has the whole keyboard of nethack-challenge; the player
`random`, to compare with, the 23 keys of nethack-score. "speed" is steps per second of the processes' CPU time. A
time-out of 150 steps without a turn, as in the environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from functools import partial
from typing import Any

import numpy as np

CHARACTER = "mon-hum-neu-mal"
TASKS = {"bot": "nethack-challenge", "random": "nethack-score"}


@dataclass(frozen=True)
class Row:
    """One game. score: as the game counts it. depth, level: the most reached. end: who or what ended it."""

    game: int
    score: float
    depth: int
    level: int
    turns: int
    steps: int
    speed: float
    end: str


class RandomKeys:
    """Presses keys of a task, each as likely as any other."""

    def __init__(self, seed: int, keys: int) -> None:
        self._random, self._keys = np.random.default_rng(seed), keys

    def act(self, _observation: Any) -> int:
        return int(self._random.integers(self._keys))


def play(number: int, player: str, steps: int) -> Row:
    """Plays one game to its end or for so many steps."""
    from nle import nethack

    import envs
    from envs.nethack.bot import KEYS, Bot
    from envs.nethack.game import Game, Setup

    env_id = TASKS[player]
    game = Game(Setup(env_id, CHARACTER, steps, step_penalty=0.0, no_progress_timeout=150, keys=KEYS))
    bot = Bot(number) if player == "bot" else RandomKeys(number, envs.make(env_id, 1).layout.num_actions)
    most, begin, last = np.zeros(27, np.int64), time.process_time(), ""
    screens, done = game.start(number, number, number), False
    while not done:
        most = np.maximum(most, screens["blstats"])
        last = bytes(screens["tty_chars"]).decode("latin-1")
        turn = game.play(bot.act(screens))
        screens, done = turn.screens, turn.done
    seconds, taken = time.process_time() - begin, game.length
    game.close()
    numbers = (most[k] for k in (nethack.NLE_BL_SCORE, nethack.NLE_BL_DEPTH, nethack.NLE_BL_XP, nethack.NLE_BL_TIME))
    score, depth, level, turns = (int(each) for each in numbers)
    end = "truncated" if turn.truncated else " ".join(last[:160].split())
    return Row(number, score, depth, level, turns, taken, taken / seconds, end)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.nethack_bot")
    parser.add_argument("--player", choices=TASKS, default="bot")
    parser.add_argument("--games", type=int, default=30)
    parser.add_argument("--steps", type=int, default=10_000, help="at most, of each game")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    names = [field.name for field in fields(Row)]
    print(" ".join(f"{name:>8}" for name in names))
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        for row in pool.map(partial(play, player=given.player, steps=given.steps), range(given.games)):
            rows.append(row)
            *numbers, end = astuple(row)
            print(" ".join(f"{number:8.0f}" for number in numbers), f" {end}", flush=True)
    table = np.array([astuple(row)[:-1] for row in rows], float)
    for name, line in {"mean": table.mean(0), "median": np.median(table, 0), "max": table.max(0)}.items():
        print(f"{name:>8}", " ".join(f"{number:8.1f}" for number in line[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
