"""A process that Sample Factory starts must not outlive the one that started it."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import warnings
import zlib
from dataclasses import dataclass

import torch

from agents.networks.cpu import tune_process

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # prctl.h
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
"""Sent to all processes of a job when it should end. Only the first one may hear them: it saves what there is."""


@dataclass(frozen=True)
class Tether:
    """Travels with the configuration: whoever unpickles it, a new process of ``parent``, is tied to its parent.

    Sample Factory's processes know nothing of their parent's death, and would go on computing for ever.
    """

    parent: int
    seed: int

    @classmethod
    def here(cls, seed: int) -> Tether:
        """To this process."""
        return cls(os.getpid(), seed)

    def __reduce__(self) -> tuple[object, ...]:
        return tie, (self.parent, self.seed)


def quiet() -> None:
    """Sample Factory tells every step that it takes, and others tell of its conversions, which work."""
    logging.getLogger("rl").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True to a scalar")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="sample_factory")


def tie(parent: int, seed: int) -> Tether:
    """Make this process die with ``parent``, deaf to the signals that ask a job to stop, quiet, and on one thread.

    Its actions, which Sample Factory draws from PyTorch's global generator, follow from ``seed`` and its name.
    """
    if os.getpid() == parent:  # a copy made at home
        return Tether(parent, seed)
    name = multiprocessing.current_process().name
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())  # for top and ps
    if os.getppid() != parent:  # it was already gone
        os._exit(1)
    for number in DEAF_TO:
        signal.signal(number, signal.SIG_IGN)
    quiet()
    tune_process()
    torch.manual_seed(zlib.crc32(f"{seed} {name}".encode()))
    return Tether(parent, seed)
