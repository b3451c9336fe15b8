"""How well the scripted player of NetHack plays, over seeded games.

    python -m benchmark.perf.nethack_bot [--games 30] [--steps 10000] [--processes 2]

The paper's character, in NLE's own Challenge task; game i has the seeds i. "steps/s" counts the processes' CPU time.
A time-out of 150 steps without a turn, as in the environment.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from functools import partial

import numpy as np

CHARACTER = "mon-hum-neu-mal"


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


def play(game: int, steps: int) -> Row:
    """Plays one game to its end or for so many steps."""
    from nle import nethack
    from nle.env.tasks import NetHackChallenge

    from envs.nethack.bot import Bot

    env = NetHackChallenge(
        character=CHARACTER, max_episode_steps=steps, no_progress_timeout=150, fix_moon_phase=True, savedir=None
    )
    type(env.nethack).set_initial_seeds(env.nethack, game, game, False, game)
    observation, _ = env.reset()
    bot, most, taken, begin, done = Bot(game), np.zeros(27, np.int64), 0, time.process_time(), False
    last = ""
    while not done:
        most = np.maximum(most, observation["blstats"])
        last = bytes(observation["tty_chars"]).decode("latin-1")
        observation, _, terminated, truncated, _ = env.step(bot.act(observation))
        done, taken = terminated or truncated, taken + 1
    seconds = time.process_time() - begin
    env.close()
    numbers = (most[k] for k in (nethack.NLE_BL_SCORE, nethack.NLE_BL_DEPTH, nethack.NLE_BL_XP, nethack.NLE_BL_TIME))
    score, depth, level, turns = (int(number) for number in numbers)
    end = "truncated" if truncated else " ".join(last[:160].split())
    return Row(game, score, depth, level, turns, taken, taken / seconds, end)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.nethack_bot")
    parser.add_argument("--games", type=int, default=30)
    parser.add_argument("--steps", type=int, default=10_000, help="at most, of each game")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    names = [field.name for field in fields(Row)]
    print(" ".join(f"{name:>8}" for name in names))
    rows = []
    with ProcessPoolExecutor(given.processes) as pool:
        for row in pool.map(partial(play, steps=given.steps), range(given.games)):
            rows.append(row)
            *numbers, end = astuple(row)
            print(" ".join(f"{number:8.0f}" for number in numbers), f" {end}", flush=True)
    table = np.array([astuple(row)[:-1] for row in rows], float)
    for name, line in {"mean": table.mean(0), "median": np.median(table, 0), "max": table.max(0)}.items():
        print(f"{name:>8}", " ".join(f"{number:8.1f}" for number in line[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
