"""Environment steps per second on one thread, with full observations and auto-reset.

    python -m benchmark.perf.env_speed [rtfm-s1-train …] [--copies 1 256 4096] [--seconds 2] [--device cpu]

Actions are uniform over all actions and drawn beforehand. "CPU" counts this process's own time, so another load on the
machine does not count; "wall" is what a clock shows. The best of five equal spans is taken. NetHack, whose copies are
otherwise played by processes of their own, is played in this one; see nethack_speed for more of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import torch

import envs
from envs.base import EnvError

DEFAULT = (
    *(f"rtfm-s{stage}-train" for stage in (1, 2, 3, 4)),
    *(f"messenger-s{stage}-train" for stage in (1, 2, 3)),
)
_SPANS = 5


def steps_per_second(env_id: str, copies: int, seconds: float, device: str = "cpu") -> tuple[float, float]:
    """(by CPU time, by wall clock): environment steps, summed over the copies, per second."""
    options = {"processes": 0} if env_id.startswith("nethack-") else {}
    env = envs.make(env_id, num_envs=copies, device=device, seed=0, **options)
    env.reset()
    generator = torch.Generator().manual_seed(0)
    actions = torch.randint(env.layout.num_actions, (64, copies), generator=generator).to(device)

    def rate(clock: Callable[[], float], calls: int) -> float:
        begin = clock()
        for call in range(calls):
            env.step(actions[call % len(actions)])
        if env.device.type == "cuda":
            torch.cuda.synchronize(env.device)
        return copies * calls / (clock() - begin)

    rate(time.perf_counter, 10)
    calls = max(1, int(seconds / 2 / _SPANS * rate(time.perf_counter, 20) / copies))
    by_cpu = max(rate(time.process_time, calls) for _ in range(_SPANS))
    return by_cpu, max(rate(time.perf_counter, calls) for _ in range(_SPANS))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.env_speed")
    parser.add_argument("ids", nargs="*", default=DEFAULT, metavar="ID")
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 256, 4096])
    parser.add_argument("--seconds", type=float, default=2.0, help="time spent per figure")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'environment':22} {'copies':>7} {'steps/s (CPU)':>15} {'steps/s (wall)':>15} {'µs per call':>12}")
    try:
        for env_id in given.ids:
            for copies in given.copies:
                by_cpu, by_wall = steps_per_second(env_id, copies, given.seconds, given.device)
                micros = copies / by_wall * 1e6
                print(f"{env_id:22} {copies:7} {by_cpu:15,.0f} {by_wall:15,.0f} {micros:12,.1f}", flush=True)
    except EnvError as error:
        print(f"env_speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
