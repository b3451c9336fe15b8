"""Seconds that `run_all.py plan` takes, from a fresh process to its end: what a user waits before anything is computed.

python -m benchmark.perf.plan_time [demo paper …] [--repeats 5]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time

from benchmark.provenance import PROJECT


def plan_seconds(grid: str, repeats: int) -> list[float]:
    """Wall seconds of each repeat, in order of length. Raises CalledProcessError where planning fails."""
    seconds = []
    with tempfile.TemporaryDirectory() as root:
        command = [sys.executable, str(PROJECT / "run_all.py"), "plan", "--grid", grid, "--root", root]
        for _ in range(repeats):
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - begin)
    return sorted(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.plan_time")
    parser.add_argument("grids", nargs="*", default=["demo", "paper"], metavar="GRID")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"{'plan of grid':16} {'processes':>9} {'fastest s':>10} {'median s':>10} {'slowest s':>10}")
    for grid in given.grids:
        try:
            seconds = plan_seconds(grid, given.repeats)
        except subprocess.CalledProcessError as error:
            return int(error.returncode)
        median = seconds[len(seconds) // 2]
        print(f"{grid:16} {len(seconds):9} {seconds[0]:10.2f} {median:10.2f} {seconds[-1]:10.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
