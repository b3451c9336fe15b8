"""Every environment by its public name. Add an environment by adding its folder's line to ``FAMILIES``."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from envs.base import BatchedEnv, EnvError

FAMILIES: dict[str, str] = {
    "rtfm": "envs.rtfm",
    "messenger": "envs.messenger",
    "messenger-official": "envs.messenger_official",
    "nethack": "envs.nethack",
}
"""Family, which the ids begin with -> package, which offers ``IDS`` and ``make(env_id, *, num_envs, device, seed,
**options)``."""

NEEDS: dict[str, str] = {"messenger-official": "messenger", "nethack": "nle"}
"""Family -> somebody else's package that it runs on: ``ids`` lists it only where that is installed."""


def ids() -> tuple[str, ...]:
    """All environment ids that can be made here, in the order of the families."""
    present = [family for family in FAMILIES if family not in NEEDS or find_spec(NEEDS[family]) is not None]
    return tuple(env_id for family in present for env_id in import_module(FAMILIES[family]).IDS)


def make(
    env_id: str, num_envs: int = 1, device: str | torch.device = "cpu", seed: int = 0, **options: Any
) -> BatchedEnv:
    """Build ``num_envs`` copies of an environment; equal arguments give equal episodes.

    Raises EnvError for an unknown id or option, naming the nearest valid one, and where a family's package is missing.
    """
    families = [family for family in FAMILIES if env_id.startswith(f"{family}-")]
    package = import_module(FAMILIES[max(families, key=len)]) if families else None
    if package is None or env_id not in package.IDS:
        known = ids() if package is None else (*ids(), *package.IDS)
        near = difflib.get_close_matches(env_id, known, n=1, cutoff=0.0)[0]
        raise EnvError(f"unknown environment {env_id!r}; did you mean {near!r}? envs.ids() lists all {len(ids())}")
    if num_envs < 1:
        raise EnvError(f"num_envs is {num_envs}, expected at least 1")
    factory: Callable[..., BatchedEnv] = package.make
    return factory(env_id, num_envs=num_envs, device=torch.device(device), seed=seed, **options)
