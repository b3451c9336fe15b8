"""`run --detach` on one machine: the same command again, in a session of its own, with its output in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmark.cli.parse import Options
from benchmark.provenance import PROJECT
from benchmark.store import RunStore


def start(options: Options, store: RunStore, grid: str) -> int:
    """Start the command in the background, say how to follow it, and return; the exit code is 0.

    What `--probe` asks for has been done before.
    """
    output = store.driver_log(grid)
    output.parent.mkdir(parents=True, exist_ok=True)
    arguments = [word for word in options.arguments if word not in ("--detach", "--probe")]
    with output.open("a", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "run_all.py"), *arguments],
            cwd=Path.cwd(),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    print(f"grid {grid} runs in the background as process {process.pid}; it stops in good order by: kill {process.pid}")
    print(f"what it says: tail -f {output}")
    return 0
