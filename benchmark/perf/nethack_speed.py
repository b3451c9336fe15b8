"""How fast NetHack is: steps per second with random keys and with our bot, recorded or not, and pictures per second.

    python -m benchmark.perf.nethack_speed [--copies 1 8 32 128] [--seconds 3]

"CPU": all copies in this process, steps by its own time, so another load on the machine does not count. "wall": worker
processes on all CPUs that we may use, steps by the clock.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import envs
from envs.base import EnvError, Observation

CASES: dict[str, dict[str, Any]] = {
    "nethack-score, random keys": {"env_id": "nethack-score"},
    "the same, recorded": {"env_id": "nethack-score", "recorded": True},
    "nethack-challenge, bot": {"env_id": "nethack-challenge", "bot": True},
    "the same bot, recorded": {"env_id": "nethack-challenge", "bot": True, "recorded": True},
}
BATCHES = (32, 1024)


def rate(play: Callable[[], int], seconds: float, clock: Callable[[], float]) -> float:
    """What ``play`` counts, per second of the clock."""
    begin, count = clock(), 0
    while clock() - begin < seconds:
        count += play()
    return count / (clock() - begin)


def steps_per_second(
    env_id: str, copies: int, seconds: float, processes: int | None, bot: bool = False, recorded: bool = False
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        record_to = str(Path(folder, "games")) if recorded else None
        env: Any = envs.make(env_id, copies, seed=0, processes=processes, record_to=record_to)
        generator = torch.Generator().manual_seed(0)
        random = torch.randint(env.layout.num_actions, (64, copies), generator=generator)
        expert = env.expert() if bot else None
        observation = env.reset()
        turn = 0

        def play() -> int:
            nonlocal observation, turn
            actions: Tensor = random[turn % len(random)] if expert is None else expert(observation)
            observation, turn = env.step(actions)[0], turn + 1
            return copies

        rate(play, seconds / 10, time.perf_counter)
        speed = rate(play, seconds, time.process_time if processes == 0 else time.perf_counter)
        env.close()
    return speed


def pictures_per_second(batch: int, seconds: float) -> float:
    env = envs.make("nethack-score", 1, processes=0)
    image = env.layout.image
    assert image is not None
    screens: Observation = {name: field.repeat_interleave(batch, 0) for name, field in env.reset().items()}
    return rate(lambda: len(image.render(screens)), seconds, time.process_time)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.nethack_speed")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--seconds", type=float, default=3.0, help="time spent per figure")
    given = parser.parse_args()
    torch.set_num_threads(1)
    try:
        print(f"{'steps per second':28} {'copies':>7} {'CPU':>10} {'wall':>10}")
        for name, case in CASES.items():
            for copies in given.copies:
                by_cpu, by_wall = (
                    steps_per_second(**case, copies=copies, seconds=given.seconds, processes=processes)
                    for processes in (0, None)
                )
                print(f"{name:28} {copies:7} {by_cpu:10,.0f} {by_wall:10,.0f}", flush=True)
        print(f"\n{'pictures per second':28} {'batch':>7} {'CPU':>10}")
        for batch in BATCHES:
            print(f"{'12 x 12 cells, 3 x 72 x 72':28} {batch:7} {pictures_per_second(batch, given.seconds):10,.0f}")
    except EnvError as error:
        print(f"nethack_speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
