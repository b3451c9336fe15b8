"""Environments: ``envs.make(id, num_envs=…)`` and ``envs.ids()``; also registered with Gymnasium as ldd/<id>-v0."""

from __future__ import annotations

from envs.gymnasium_adapter import register_all
from envs.registry import ids, make

__all__ = ["ids", "make"]

register_all()
