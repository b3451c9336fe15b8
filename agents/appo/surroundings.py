"""What the processes of a run inherit: one thread each, and a folder in which PyTorch can have its socket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from envs.base import EnvError

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Without them every process computes with as many threads as there are cores, and all wait for each other."""
TEMPORARY = ("TMPDIR", "TMP", "TEMP", "TEMPDIR")
"""Where PyTorch looks for its folder for temporary files, in this order."""
SHORT = "/tmp"
LONGEST = 103 - len("/torch-shm-dir-a1b2c3/manager.sock")
"""Of the folder's name, in bytes: a socket's may have 103 (macOS) or 107 (Linux), and PyTorch puts its own into it."""


@contextmanager
def surroundings() -> Iterator[None]:
    """Set the variables that processes inherit, and put back what was there; Sample Factory names the visible GPUs too.

    Raises:
        EnvError: nowhere is a folder for temporary files whose name is short enough.
    """
    before = {name: os.environ.get(name) for name in (*ONE_THREAD, "TMPDIR", "CUDA_VISIBLE_DEVICES")}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1") | {"TMPDIR": _for_sockets()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _for_sockets() -> str:
    """PyTorch's folder for temporary files, or a shorter one. Sharing memory between processes needs a socket there."""
    name, folder = next(((name, os.environ[name]) for name in TEMPORARY if os.environ.get(name)), ("", SHORT))
    if len(os.fsencode(folder)) <= LONGEST:
        return folder
    if os.access(SHORT, os.W_OK):
        return SHORT
    raise EnvError(
        f"{name} is {folder}, and {SHORT} cannot be written to: PyTorch needs a folder for temporary files "
        f"whose name has at most {LONGEST} bytes; set TMPDIR to one"
    )
