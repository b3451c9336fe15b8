"""Settings of a process that trains on a CPU: they change its speed and nothing that it computes visibly."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def tune_process() -> None:
    """One thread, kept memory, and no denormal numbers; call it once, before training or evaluating.

    Feature maps of many megabytes are made and freed at every update. By default glibc hands them back to the system
    each time, and page faults cost a fifth of an update; told to keep them, it reuses them.
    A softmax over tokens underflows where attention has become sharp, and arithmetic on denormal numbers is many
    times slower: they are taken for zero (numbers below 1.2e-38).
    """
    torch.set_num_threads(1)
    for dtype in (np.float32, np.float64):
        np.finfo(dtype)  # asked for later, with denormals off, it would warn that the smallest number is zero
    torch.set_flush_denormal(True)
    malloc_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if malloc_option is not None:
        malloc_option(M_TRIM_THRESHOLD, 2**31 - 1)
        malloc_option(M_MMAP_THRESHOLD, 2**30)
