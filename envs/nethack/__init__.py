"""NetHack behind our contract: the tasks of the NetHack Learning Environment (NLE), shown as terminal screens.

NLE's task classes run as they are (Küttler et al., "The NetHack Learning Environment", 2020), in worker processes that
share their screens with this one. Ours are the seeds, the step limit, the limit on steps in which game time stands
still, and the scripted players. nethack-challenge is the paper's task: the whole keyboard, nothing skipped, reward =
difference of the in-game score (env_nethack.md §1).

A game cannot be saved, hence ``layout.resume`` is "restart_episodes"; equal seeds do give equal games.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from envs.base import EnvError
from envs.nethack.options import OPTIONS

if TYPE_CHECKING:
    from envs.nethack.env import NetHack

IDS = tuple(OPTIONS)


def make(env_id: str, *, num_envs: int, device: torch.device, seed: int, **options: Any) -> NetHack:
    """Build one of ``IDS``. Its processes start at the first ``reset``.

    Raises EnvError for an unknown option, and where the package `nle` is missing.
    """
    chosen = OPTIONS[env_id].checked(env_id, options)
    if find_spec("nle") is None:
        remedy = "pip install -r requirements/nle.lock"
        raise EnvError(f"{env_id} needs the package `nle`, which is not installed: {remedy}")
    from envs.nethack.env import NetHack

    return NetHack(env_id, chosen, num_envs, device, seed)
