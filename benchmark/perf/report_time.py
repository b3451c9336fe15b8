"""How long a report takes and how much memory: the paper's grid with many seeds whose policies have logged many points.

    python -m benchmark.perf.report_time [--seeds 40] [--points 2000] [--cores 2] [--keep FOLDER]

Ten methods on five environments (benchmark/perf/report_grid.py): 40 seeds are 2,000 runs. They are written to a
temporary folder, some 0.7 MB for a run of 2,000 points. Prints, of a fresh process that builds the report, the seconds
of each part and of all, the largest memory of one process, and the largest that all of its processes held together,
the browser that prints the PDF included, what they share counted once (Linux).
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark.perf.report_grid import GRID, is_written, write_grid
from benchmark.provenance import PROJECT
from reports.build import build

LOOK_S = 0.25
"""Between two looks at the memory."""


class Clock:
    """Seconds of each part of the report, by what it says it is doing."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._doing, self._since = "", time.perf_counter()

    def listen(self, done: int, total: int, words: str) -> None:
        """What `build` calls: what came before this call belongs to what the call before named."""
        now = time.perf_counter()
        self.seconds[self._doing] = self.seconds.get(self._doing, 0.0) + now - self._since
        self._doing, self._since = (words if done < total else f"after {words}"), now


def measure(root: Path) -> None:
    """Build the report and print the seconds of its parts."""
    clock, begin = Clock(), time.perf_counter()
    note = build(root, GRID, clock.listen).note
    clock.listen(0, 1, "")
    for words, seconds in clock.seconds.items():
        if seconds >= 0.05:
            print(f"{words:32} {seconds:7.2f} s")
    print(f"{'the whole report':32} {time.perf_counter() - begin:7.2f} s{f'  ({note})' if note else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.report_time")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--cores", type=int, default=2, help="that the report may use")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the runs here, or use those that are here")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure)
        return
    with tempfile.TemporaryDirectory() as temporary:
        root = given.keep or Path(temporary)
        if not is_written(root):
            begin = time.perf_counter()
            policies = write_grid(root, given.seeds, given.points)
            print(f"{policies} runs × {given.points} points, written in {time.perf_counter() - begin:.0f} s")
        command = [sys.executable, "-m", "benchmark.perf.report_time", "--measure", str(root)]
        begin = time.perf_counter()
        cores = sorted(os.sched_getaffinity(0))[: given.cores]
        process = subprocess.Popen(command, cwd=PROJECT, preexec_fn=lambda: os.sched_setaffinity(0, cores))
        most = 0
        while process.poll() is None:
            most = max(most, together(process.pid))
            time.sleep(LOOK_S)
        print(f"{f'fresh process, {len(cores)} cores':32} {time.perf_counter() - begin:7.2f} s")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{'computing, on all cores':32} {used.ru_utime + used.ru_stime:7.2f} s")
        print(f"{'largest memory of a process':32} {used.ru_maxrss * 1024 / 1e9:7.2f} GB")
        print(f"{'largest memory of all together':32} {most / 1e9:7.2f} GB")
        if process.returncode:
            sys.exit(process.returncode)


def together(pid: int) -> int:
    """Bytes that a process and all below it hold, what several share counted once; 0 for one that has ended."""
    folder = Path("/proc", str(pid))
    try:
        lines = (folder / "smaps_rollup").read_text(encoding="utf-8").splitlines()
        own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        below = [
            int(child) for task in folder.glob("task/*/children") for child in task.read_text(encoding="utf-8").split()
        ]
    except (OSError, StopIteration):
        return 0
    return own + sum(map(together, below))


if __name__ == "__main__":
    main()
