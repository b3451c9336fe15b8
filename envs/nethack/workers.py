"""Processes that play the copies of an environment, each some of them, on a board in shared memory.

They are forked: they start in milliseconds and share the board without a name that a crash could leave behind. They
end with this process, however it ends, and a worker that died is named by the next call.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from typing import Any, NoReturn, Protocol
from weakref import WeakSet

from envs.base import EnvError

_PATIENCE_S = 10.0
_HANGS_S = 600.0
"""A command that computes for so long has hung: the kernel ends that worker, also where its parent is gone."""
_FOR_THE_PARENT = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_PR_SET_PDEATHSIG = 1
_CLOSE = b"close"


class Obeys(Protocol):
    """What plays some copies: its methods without arguments are the commands."""

    def close(self) -> None: ...


class Workers:
    """One process for each of ``parts``, the copies that it plays; there, ``build(part)`` makes what obeys commands."""

    def __init__(self, env_id: str, parts: list[range], build: Callable[[range], Obeys]) -> None:
        self._env_id, self._parts = env_id, parts
        self._workers: list[tuple[BaseProcess, Connection]] = []
        self.close = Finalize(self, _end, (self._workers,), exitpriority=10)
        """Ends all processes; also called when this object or this process ends."""
        context = multiprocessing.get_context("fork")
        for part in parts:
            ours, theirs = context.Pipe()
            _our_ends.add(ours)
            process = context.Process(target=_work, args=(theirs, part, build, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def call(self, command: str) -> None:
        """Send all workers a command and wait until they have obeyed.

        Raises EnvError with a worker's own words, or where one died. That, or any interruption, ends all workers.
        """
        if not self._workers:
            raise EnvError(f"{self._env_id}: its worker processes have ended; make the environment anew")
        try:
            with suppress(OSError):  # who does not listen does not answer either
                for _, connection in self._workers:
                    connection.send_bytes(command.encode())
            for number, (process, connection) in enumerate(self._workers):
                try:
                    answer = connection.recv_bytes()
                except (EOFError, OSError):
                    process.join(_PATIENCE_S)
                    self._blame(number, _end_of(process))
                if answer:
                    message, _, details = answer.decode().partition("\n")
                    self._blame(number, message, details)
        except BaseException:
            self.close()
            raise

    def _blame(self, number: int, message: str, details: str = "") -> NoReturn:
        part = self._parts[number]
        copies = f"copy {part.start}" if len(part) == 1 else f"copies {part.start} to {part.stop - 1}"
        cause = RuntimeError(details) if details else None
        raise EnvError(f"{self._env_id}: worker process {number} ({copies}) {message}") from cause


_our_ends: WeakSet[Connection] = WeakSet()


def _forget_our_ends() -> None:
    """A process that holds our end of a connection would keep that worker from seeing us end."""
    for connection in list(_our_ends):
        connection.close()


os.register_at_fork(after_in_child=_forget_our_ends)


def _end(workers: list[tuple[BaseProcess, Connection]]) -> None:
    for _, connection in workers:
        with suppress(OSError):
            connection.send_bytes(_CLOSE)
    deadline = time.monotonic() + _PATIENCE_S
    for process, connection in workers:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
        connection.close()
    workers.clear()


def _end_of(process: BaseProcess) -> str:
    code = process.exitcode
    if code is None or code >= 0:
        return f"ended with status {code}"
    reasons = {signal.SIGKILL: "; a lack of memory ends processes like that", signal.SIGPROF: ": its games hang"}
    return f"was killed by {signal.Signals(-code).name}{reasons.get(signal.Signals(-code), '')}"


def _work(connection: Connection, part: range, build: Callable[[range], Obeys], parent: int) -> None:
    """A worker's life."""

    def end_if_orphaned(_number: int, _frame: Any) -> None:
        if os.getppid() != parent:
            sys.exit()

    for number in _FOR_THE_PARENT:
        signal.signal(number, signal.SIG_IGN)  # the parent decides, and wants to save its work first
    signal.signal(signal.SIGTERM, end_if_orphaned)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    gc.freeze()  # what was inherited is the parent's to collect
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), closing(build(part)) as copies:
        try:
            end_if_orphaned(0, None)
            while (command := connection.recv_bytes()) != _CLOSE:
                signal.setitimer(signal.ITIMER_PROF, _HANGS_S)
                connection.send_bytes(_obeyed(copies, command.decode()).encode())
                signal.setitimer(signal.ITIMER_PROF, 0)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing shall stop the closing


def _obeyed(copies: Obeys, command: str) -> str:
    """What went wrong, in one line; behind it the trace of an error that nobody expected. Empty if nothing did."""
    try:
        getattr(copies, command)()
    except EnvError as error:
        return f"says: {error}"
    except Exception as error:
        return f"failed with {type(error).__name__}: {' '.join(str(error).split())}\n{traceback.format_exc()}"
    return ""
