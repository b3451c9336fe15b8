"""Every environment by its public name. Add an environment by adding its folder's line to ``FAMILIES``."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from envs.base import BatchedEnv, EnvError

FAMILIES: dict[str, str] = {
    "rtfm": "envs.rtfm",
    "messenger": "envs.messenger",
}
"""Family -> package, which offers ``IDS`` and ``make(env_id, *, num_envs, device, seed, **options)``."""


def ids() -> tuple[str, ...]:
    """All environment ids, in the order of the families."""
    return tuple(name for package in FAMILIES.values() for name in import_module(package).IDS)


def make(
    env_id: str, num_envs: int = 1, device: str | torch.device = "cpu", seed: int = 0, **options: Any
) -> BatchedEnv:
    """Build ``num_envs`` copies of an environment; equal arguments give equal episodes.

    Raises EnvError for an unknown id or option, naming the nearest valid one.
    """
    package = FAMILIES.get(env_id.split("-", 1)[0])
    factory: Callable[..., BatchedEnv] | None = None
    if package is not None and env_id in import_module(package).IDS:
        factory = import_module(package).make
    if factory is None:
        near = difflib.get_close_matches(env_id, ids(), n=1, cutoff=0.0)[0]
        raise EnvError(f"unknown environment {env_id!r}; did you mean {near!r}? envs.ids() lists all {len(ids())}")
    if num_envs < 1:
        raise EnvError(f"num_envs is {num_envs}, expected at least 1")
    return factory(env_id, num_envs=num_envs, device=torch.device(device), seed=seed, **options)
