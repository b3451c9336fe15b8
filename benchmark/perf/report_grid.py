"""Runs of the paper's grid that nobody has computed, to measure a report: five environments, ten methods, many seeds.

Plan and run folders are as a real grid's, with the project's own claims and published values, a scale for every
environment, a probe and a forecast, so that every page has its work to do. The scores are drawn. NetHack counts wins,
which the real one does not: every run here has a win rate.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.claims import read_claims
from benchmark.configs import Configs
from benchmark.provenance import PROJECT
from benchmark.published import published
from benchmark.spec import Plan, Stage
from benchmark.store import RunStore
from tests.synthetic import TEN_METHODS, make_plan, write_runs

GRID = "synthetic"
CLAIMS = "ldd2022"
ENVIRONMENTS = {
    "rtfm-s1": "RTFM S1",
    "messenger-s2": "Messenger S2",
    "alfworld": "ALFWorld",
    "touchdown-lang": "Touchdown",
    "nethack-challenge-monk": "NetHack",
}
QUALITY = {
    "ldd": 0.30,
    "ldd_rep": 0.32,
    "ldd_distill_only": 0.27,
    "ldd_init_only": 0.22,
    "ldd_nonexpert": 0.20,
    "ldd_no_language": 0.26,
}
"""How much of what random play lacks a method wins; the others win BASELINE."""
BASELINE = 0.18
RANDOM, SPREAD = 0.1, 0.05
LOGGED = (
    "loss/policy", "loss/baseline", "loss/entropy", "loss/distill", "grad_norm", "train/win_rate",
    "train/episode_return", "train/episode_length",
)  # fmt: skip
LOGGED_BEFORE = ("train/loss", "valid/loss", "valid/accuracy")
"""Of pretraining, POINTS_BEFORE times."""
POINTS_BEFORE = 15
TEST_EVERY = 10
"""Points between two plays of the evaluation games."""
FRAMES = 2_000_000


def write_grid(root: Path, seeds: int, points: int) -> int:
    """Finished runs of the grid with `points` logged points in every policy's curve; returns how many policies."""
    plan = paper_plan(tuple(range(seeds)))
    store = write_runs(root, plan, win_rate=_win_rate, points=0)
    store.write_forecast(plan.grid, {key: _foretold(stage) for key, stage in plan.stages.items()})
    for number, (key, stage) in enumerate(plan.stages.items()):
        if stage.kind in ("policy", "pretrain", "inverse"):
            _write_curve(store.curve_file(key), stage, np.random.default_rng(number), points)
    return sum(stage.kind == "policy" for stage in plan.stages.values())


def paper_plan(seeds: tuple[int, ...]) -> Plan:
    """The plan, with what a real one holds beside its cells."""
    configs = Configs(PROJECT / "configs")
    claims = read_claims(configs, CLAIMS)
    claims["content"]["environments"] = dict.fromkeys(ENVIRONMENTS, "win_rate")
    ledger = published(configs, list(ENVIRONMENTS))
    plan = make_plan(ENVIRONMENTS, TEN_METHODS, seeds, probe=True, preset=None, claims=claims, published=ledger)
    facts = {name: {**about, "references": _scale(name)} for name, about in plan.environments.items()}
    return replace(plan, environments=facts)


def _scale(environment: str) -> dict[str, Any]:
    ends = {"random": {"win_rate": RANDOM}, "expert": {"win_rate": 1.0}}
    return {**ends, "games": f"{environment}-test", "options": {}, "source": "invented"}


def _win_rate(environment: str, method: str, seed: int) -> float:
    easy = 1 + 0.5 * list(ENVIRONMENTS).index(environment)
    mean = RANDOM + easy * QUALITY.get(method, BASELINE)
    drawn = np.random.default_rng([seed, *method.encode(), *environment.encode()]).normal(mean, SPREAD)
    return float(np.clip(drawn, 0, 1))


def _foretold(stage: Stage) -> dict[str, Any]:
    return {"seconds": 1_000.0 if stage.kind == "policy" else 10.0, "basis": "rate"}


def _write_curve(path: Path, stage: Stage, rng: np.random.Generator, points: int) -> None:
    learns = stage.kind == "policy"
    names: Sequence[str] = LOGGED if learns else LOGGED_BEFORE
    many = points if learns else POINTS_BEFORE
    frames = np.linspace(FRAMES / many, FRAMES, many).astype(int).tolist()
    level = rng.uniform(0.3, 0.9) * (1 - np.exp(-4 * np.linspace(0, 1, many)))
    logged = rng.standard_normal((many, len(names)))
    if learns:
        logged[:, names.index("train/win_rate")] = np.clip(level + 0.03 * logged[:, 0], 0, 1)
    with path.open("w", encoding="utf-8") as file:
        for number, row in enumerate(logged.tolist()):
            file.write(json.dumps({"frames": frames[number], **dict(zip(names, row, strict=True))}) + "\n")
            if learns and number % TEST_EVERY == 0:
                tested = {"test/win_rate": round(float(level[number]), 3), "test/episode_return": -0.1}
                file.write(json.dumps({"frames": frames[number], **tested}) + "\n")


def is_written(root: Path) -> bool:
    """Whether there is a grid in the folder already."""
    return RunStore(root).grid_folder(GRID).exists()
