"""What a game of Messenger refuses, ours or the original."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from envs.base import BatchedEnv, EnvError
from envs.messenger.board import ACTIONS


def require_copy(env: BatchedEnv, index: int) -> None:
    """Raises EnvError for the number of a copy that is not there."""
    if not 0 <= index < env.num_envs:
        raise EnvError(f"{env.env_id} has no copy {index}, expected 0 to {env.num_envs - 1}")


def require_actions(env: BatchedEnv, actions: Tensor) -> None:
    """Raises EnvError for actions that are not int64 [num_envs], each one of ACTIONS."""
    if actions.shape != (env.num_envs,) or actions.dtype != torch.int64:
        got = f"{actions.dtype} {list(actions.shape)}"
        raise EnvError(f"{env.env_id}: actions are {got}, expected torch.int64 [{env.num_envs}]")
    outside = (actions < 0) | (actions >= len(ACTIONS))
    if outside.any():
        valid = ", ".join(f"{number} {action}" for number, action in enumerate(ACTIONS))
        raise EnvError(f"{env.env_id}: there is no action {int(actions[outside][0])}; there are {valid}")


def require_identity(identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Raises EnvError for the saved state of another environment: its id, options, tokenizer or number of copies."""
    theirs = state.get("identity", {})
    for key, mine in identity.items():
        if theirs.get(key) != mine:
            raise EnvError(f"the saved state has {key} {theirs.get(key)!r}, this environment {mine!r}")
