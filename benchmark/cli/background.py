"""`run --detach` on one machine: the same command again, in a session of its own, with its output in a file."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmark.cli.asked import note
from benchmark.cli.parse import Options
from benchmark.files import unwritable
from benchmark.provenance import PROJECT
from benchmark.store import RunStore

FIRST_WORD_S = 20.0  # so long its first word is waited for, which comes when it has planned
AT_ONCE_S = 1.0  # and so long after that word, whether it ends
_LOOK_S = 0.05

# The process itself writes the line above all that it says: nobody else knows its number before it speaks.
_HEADED = 'printf "%s\\n" "--- $1, process $$: $2"; shift 2; exec "$@"'


def start(options: Options, store: RunStore, grid: str) -> int:
    """Start the command in the background, say how to follow it, and return the exit code: 0 while it runs.

    What `--probe` asks for has been done before. One that ends at once is reported with its last line, and its code is
    returned.
    """
    output = store.driver_log(grid)
    arguments = [word for word in options.arguments if word not in ("--detach", "--probe")]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as file:
            begin = file.tell()
            process = subprocess.Popen(
                _command(arguments),
                cwd=Path.cwd(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise unwritable(output, error) from error
    print(f"grid {grid} runs in the background as process {process.pid}; it stops in good order by: kill {process.pid}")
    print(f"what it says: tail -f {output}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):  # who has seen enough leaves; the run goes on
        _watch(process, output, begin)
    code = process.poll()
    if code is None:
        return 0
    last = (_said(output, begin) or ["it said nothing"])[-1]
    code = code if code >= 0 else 128 - code
    note(f"it has ended already, with exit code {code}: {last}")
    return code


def _command(arguments: Sequence[str]) -> list[str]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    shown = shlex.join(["run_all.py", *arguments])
    return ["/bin/sh", "-c", _HEADED, "sh", now, shown, sys.executable, str(PROJECT / "run_all.py"), *arguments]


def _watch(process: subprocess.Popen[bytes], output: Path, begin: int) -> None:
    """Wait until the command has said something and goes on, or has ended."""
    deadline = time.monotonic() + FIRST_WORD_S
    while process.poll() is None and not _said(output, begin) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(AT_ONCE_S)


def _said(output: Path, begin: int) -> list[str]:
    """The lines that a command has written from there on, below the first, which is about it."""
    with output.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return [line for line in lines[1:] if line.strip()]
