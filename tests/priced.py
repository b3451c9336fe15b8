"""A store with a history written by hand, and plans to price: stages of a kind, an amount of work, a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.executors import LocalConfig
from benchmark.spec import Budget, Cell, Plan, Stage
from benchmark.store import RunStore

FRAMES = Budget("learner.frames", small=10)
EPISODES = Budget("episodes", small=5)


def executor(workers: int = 2, device: str = "cpu") -> LocalConfig:
    """As configs/executor/local.yaml has it, but for these."""
    return LocalConfig(
        kind="local",
        checkpoint_s=60.0,
        max_failures=3,
        max_crashes=5,
        backoff_s=1.0,
        workers=workers,
        device=device,
        mem_gb=2.0,
        per_gpu=1,
        grace_s=20.0,
        timeout_min=60,
    )


def policy(seed: int = 0, frames: int = 1000, env: str = "north", width: int = 8, **params: Any) -> Stage:
    """A stage that trains a network of a width for so many frames."""
    own = {
        "env": {"id": env, "name": f"{env}-train"},
        "network": {"width": width},
        "learner": {"frames": frames},
        **params,
    }
    return Stage("policy", "toy.train", {**own, "seed": seed}, budget=FRAMES)


def evaluate(of: Stage, episodes: int = 100) -> Stage:
    """A stage that evaluates a policy."""
    params = {"env": of.params["env"], "episodes": episodes, "seed": of.params["seed"]}
    return Stage("evaluate", "toy.evaluate", params, {"policy": of.key}, budget=EPISODES)


def plan(*stages: Stage) -> Plan:
    """A plan whose every policy is a cell, with the stages that read it."""
    cells = []
    for stage in (one for one in stages if one.kind == "policy"):
        keys = {"policy": stage.key}
        keys |= {one.kind: one.key for one in stages if stage.key in one.parents.values()}
        about = stage.params
        method = about.get("method", "plain")
        cells.append(Cell(about["env"]["id"], method, about["seed"], keys))
    return Plan("toy", "", tuple(cells), {one.key: one for one in stages}, "policy", "score")


def finish(store: RunStore, stage: Stage, seconds: float, device: str = "cpu", size: int = 0) -> None:
    """Write the run folder of a stage that took so long; size: bytes of a file that it published."""
    store.register(stage)
    if size:
        store.publish(stage.key, "policy.pt", lambda path: fill(path, size))
    store.publish_result(
        stage.key,
        {
            "key": stage.key, "metrics": {}, "seconds": seconds, "device": device, "deterministic": True, "attempts": 1,
            "resumed_from": [], "finished": "2026-11-23T00:00:00+00:00",
        },
    )  # fmt: skip


def fill(path: Path, size: int) -> None:
    path.write_bytes(b"x" * size)
