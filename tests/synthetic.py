"""A store of runs that look like real ones, computed by nobody: for the report's tests, and for looking at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.spec import Cell, Plan, Stage
from benchmark.store import RunStore
from reports.frame import GridData
from reports.page import Page
from reports.pages import PAGES

ENVIRONMENTS = {"messenger-s1": "Messenger S1", "rtfm-s1": "RTFM S1"}
METHODS: dict[str, dict[str, Any]] = {
    "tabula_rasa": {
        "label": "Tabula rasa",
        "provenance": "released",
        "pretrain": "none",
        "initialise": False,
        "distill": 0.0,
    },
    "ldd": {"label": "LDD", "provenance": "released", "pretrain": "dynamics", "initialise": True, "distill": 1.0},
    "ldd_rep": {"label": "LDD-rep", "provenance": "ours", "pretrain": "dynamics", "initialise": True, "distill": 1.0},
}
LEVELS = {
    ("messenger-s1", "tabula_rasa"): 0.34, ("messenger-s1", "ldd"): 0.41, ("messenger-s1", "ldd_rep"): 0.93,
    ("rtfm-s1", "tabula_rasa"): 0.47, ("rtfm-s1", "ldd"): 0.52, ("rtfm-s1", "ldd_rep"): 0.66,
}  # fmt: skip


def _method(label: str, provenance: object, pretrain: str = "none", **others: Any) -> dict[str, Any]:
    switches = {"demos": "expert", "checkpoint": 1.0, "language": True, "head": "paper", "initialise": True}
    switches |= {"distill": 0.0, "shaping": 0.0}
    return {"label": label, "provenance": provenance, "pretrain": pretrain, **switches, **others}


TEN_METHODS = {
    "ldd_rep": _method("LDD-rep", "ours", "dynamics", head="rep", distill=1.0),
    "tabula_rasa": _method("Tabula rasa", "released", initialise=False),
    "vae": _method("VAE pretraining", "unavailable in release", "vae"),
    "inverse_rl": _method("Inverse RL", "reimplemented", "inverse_bc"),
    "reward_shaping": _method("Reward shaping", "reimplemented", "dynamics", initialise=False, shaping=0.01),
    "ldd": _method("LDD", "released", "dynamics", distill=1.0),
    "ldd_init_only": _method("LDD, initialisation only", "released", "dynamics"),
    "ldd_distill_only": _method("LDD, distillation only", "released", "dynamics", initialise=False, distill=1.0),
    "ldd_no_language": _method(
        "LDD, no language",
        {"default": "ours", "touchdown-lang": "reimplemented"},
        "dynamics",
        language=False,
        distill=1.0,
    ),
    "ldd_nonexpert": _method("LDD, non-expert", "unavailable in release", "dynamics", demos="random", distill=1.0),
}
"""Every method of the paper and one of ours, which the grid lists first."""

GAMES = 500
FRAMES = 150_000
POINTS = 2_000.0
"""What a run at level 1 scores on an environment that is scored by its return."""

WinRate = Callable[[str, str, int], float]
"""(environment, method, seed) -> win rate of the finished policy, or its share of POINTS."""


def noisy_level(environment: str, method: str, seed: int) -> float:
    """A level per environment and method with a spread between seeds."""
    rng = np.random.default_rng([seed, len(environment), len(method)])
    return float(np.clip(LEVELS.get((environment, method), 0.5) + 0.04 * rng.standard_normal(), 0, 1))


def make_plan(
    environments: Mapping[str, str] = ENVIRONMENTS,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
    seeds: tuple[int, ...] = (0, 1, 2),
    unavailable: Mapping[str, str] | None = None,
    changes: Mapping[str, Mapping[str, list[Any]]] | None = None,
    headline: str = "win_rate",
    headlines: Mapping[str, str] | None = None,
    probe: bool = False,
    split: str = "test",
    **others: Any,
) -> Plan:
    """A plan of the pipeline's shape: demonstrations → pretrain → policy → evaluate, equal stages shared.

    unavailable: environment or method -> reason. headlines: environment -> its own metric, where it has one (with
    `episode_return` it is scored in hundreds of points). changes: environment -> setting -> (the paper's, the
    preset's). probe: every cell has that diagnostic. split: of the games behind the results. others: further settings
    of the plan.
    """
    absent, own = unavailable or {}, headlines or {}
    settings: dict[str, Any] = {"seeds": list(seeds), "teacher_seeds": None, "preset": "demo", "overrides": {}}
    settings |= {"changes": dict(changes or {}), "search": {}, "tuned": None, **others}
    stages: dict[str, Stage] = {}
    cells = []
    for environment in environments:
        for method, about in methods.items():
            for seed in seeds:
                reason = absent.get(environment) or absent.get(method)
                keys = {} if reason else _pipeline(stages, environment, about, seed, probe, split)
                cells.append(Cell(environment, method, seed, keys, reason))
    return Plan(
        grid="synthetic",
        description="Synthetic runs",
        cells=tuple(cells),
        stages=stages,
        result="evaluate",
        headline=headline,
        settings=settings,
        environments={
            name: {"id": name, "label": label} | ({"headline": own[name]} if name in own else {})
            for name, label in environments.items()
        },
        methods={name: dict(about) for name, about in methods.items()},
    )


def make_search(
    methods: Mapping[str, str], values: tuple[float, ...] = (1.0, 0.1, 10.0), **others: Any
) -> tuple[Plan, dict[str, list[str]]]:
    """A plan that searches one coefficient of each method (name -> dotted key), and each method's candidates."""
    candidates: dict[str, dict[str, Any]] = {}
    search: dict[str, dict[str, Any]] = {}
    for method, key in methods.items():
        short = key.rpartition(".")[2]
        for value in values:
            name = f"{method}@{short}={value}"
            own = TEN_METHODS[method]
            candidates[name] = {**own, short: value, "label": f"{own['label']}, {short} {value}"}
            search[name] = {"method": method, "values": {key: value}}
    of_method = {method: [name for name, about in search.items() if about["method"] == method] for method in methods}
    plan = make_plan(**{"methods": candidates, "seeds": (100,), "search": search, "split": "dev", **others})
    return plan, of_method


def _pipeline(
    stages: dict[str, Stage], environment: str, about: Mapping[str, Any], seed: int, probe: bool, split: str
) -> dict[str, str]:
    keys: dict[str, str] = {}

    def add(kind: str, params: dict[str, Any], *parents: str, name: str = "", games: str = "train") -> None:
        full = {"env": {"name": f"{environment}-{games}"}, "seed": seed, **params}
        stage = Stage(kind, f"agents.{kind}", full, {parent: keys[parent] for parent in parents})
        keys[name or kind] = stage.key
        stages.setdefault(stage.key, stage)

    pretrain = about.get("pretrain", "none")
    taught = pretrain != "none"
    if taught:
        add("demonstrations", {"source": about.get("demos", "expert")})
    if pretrain == "inverse_bc":
        add("demonstrations", {"source": "random"}, name="interaction")
        add("inverse", {}, "interaction")
    if taught:
        parents = ["demonstrations", *(["inverse"] if pretrain == "inverse_bc" else [])]
        own = {name: about[name] for name in ("head", "language", "beta") if name in about}
        add("pretrain", {"kind": pretrain, **({} if "head" in about else {"of": about["label"]}), **own}, *parents)
    after = ["pretrain"] if taught else []
    if probe:
        add("probe", {}, *after)
    switches = {name: about[name] for name in ("initialise", "distill", "shaping") if name in about}
    add("policy", {"method": about["label"], **switches}, *after)
    add("evaluate", {}, "policy", games=split)
    return keys


def write_runs(
    root: Path,
    plan: Plan,
    win_rate: WinRate = noisy_level,
    skip: frozenset[str] = frozenset(),
    failed: Mapping[str, str] | None = None,
    points: int = 20,
) -> RunStore:
    """Write the run folders of a plan.

    skip: names of cells (`environment/method/seed`) whose own runs are left out; failed: such names -> the reason for
    which their policy failed, or `demonstrations:environment/seed` for a shared stage.
    """
    store = RunStore(root)
    store.write_plan(plan)
    reasons = failed or {}
    for number, (key, stage) in enumerate(plan.stages.items()):
        cell = plan.users[key][0]
        culprit = cell.name if stage.kind == "policy" else f"{stage.kind}:{cell.environment}/{cell.seed}"
        reason = reasons.get(culprit)
        if (cell.name in skip and stage.kind in ("policy", "evaluate")) or _blocked(store, stage):
            continue
        store.register(stage)
        store.write_provenance(key, PROVENANCE | {"created": 1_795_000_000.0 + 60 * number})
        _write(store.log_file(key), f"log of {plan.label(key)}\n")
        final = win_rate(cell.environment, cell.method, cell.seed)
        scored = plan.environments[cell.environment].get("headline") == "episode_return"
        _write_curve(store, stage, final, 0.6 if reason else 1.0, points, scored)
        if reason:
            _fail(store, key, reason)
        else:
            _finish(store, stage, final, number, scored)
    return store


FITTED: dict[str, dict[str, Any]] = {
    "dynamics": {"valid/accuracy": 0.9712, "valid/copy_accuracy": 0.9688, "valid/accuracy_changed": 0.21},
    "vae": {"valid/accuracy": 0.961, "valid/kl": 12.4, "valid/elbo": -31.5, "valid/score": -20.34},
    "inverse_bc": {"valid/accuracy": 0.64, "valid/majority": 0.31},
}
"""What each kind of pretraining reports of its best weights."""

PROVENANCE: dict[str, Any] = {
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "diff_sha256": None,
    "command": ["run_all.py", "--grid", "synthetic"],
    "python": "3.11.2",
    "packages": {"numpy": "2.3.5", "torch": "2.13.0"},
    "hardware": {"machine": "x86_64", "processor": "Some CPU", "cores": 2, "memory": 16 * 2**30, "system": "Linux"},
}


def _blocked(store: RunStore, stage: Stage) -> bool:
    return any(not store.is_done(parent) for parent in stage.parents.values())


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _fail(store: RunStore, key: str, reason: str) -> None:
    store.write_status(
        key,
        {
            "state": "failed", "reason": reason, "done": 90_000, "total": FRAMES, "rate": 0.0, "shown": {},
            "heartbeat": 0.0, "attempt": 2, "pid": 1, "failures": 2,
        },
    )  # fmt: skip


def _finish(store: RunStore, stage: Stage, final: float, number: int, scored: bool) -> None:
    metrics: dict[str, Any] = {"frames": FRAMES, "weights_sha": stage.key}
    seconds = 48.0 + number
    if stage.kind == "evaluate":
        won = np.arange(GAMES) < (0 if scored else round(final * GAMES))
        np.random.default_rng(number % 7).shuffle(won)
        store.publish(stage.key, "episodes.npz", lambda path: _save(path, won))
        rate = float(won.mean())
        metrics = {
            "win_rate": rate,
            "episode_return": POINTS * final if scored else 2 * rate - 1.1,
            "episode_length": 9.5 - 2 * rate,
            "episodes": GAMES,
        }
        seconds = 2.5
    elif stage.kind == "pretrain":
        metrics = FITTED[stage.params["kind"]] | {"best_update": 1400, "updates": 1500, "fitted_frames": 48_000}
        seconds = 60.0
    elif stage.kind == "inverse":
        metrics = {"valid/accuracy": 0.83, "valid/loss": 0.41, "converged": True, "best_update": 900, "updates": 1900}
        metrics |= {"fitted_frames": 190_000}
        seconds = 20.0
    elif stage.kind == "demonstrations":
        metrics = {"win_rate": 0.99, "episode_return": 0.92, "episode_length": 3.9, "frames": 7811, "episodes": 2000}
        seconds = 1.4
    elif stage.kind == "probe":
        rep = {"pooled": 0.55, "spatial": 0.72, "rep": 0.31 + 0.4 * final}
        metrics = {f"{name}/test_accuracy": value + 0.01 * (number % 3) for name, value in rep.items()}
        metrics |= {"majority/test_accuracy": 0.29, "frames": 7000, "test_frames": 1800}
    result = {
        "key": stage.key, "metrics": metrics, "seconds": seconds, "device": "cpu", "deterministic": True, "attempts": 1,
        "resumed_from": [], "finished": f"2026-11-22T18:{number % 60:02d}:00+00:00",
    }  # fmt: skip
    store.publish_result(stage.key, result)


def _save(path: Path, won: np.ndarray[Any, Any]) -> None:
    np.savez_compressed(path, won=won)


def _write_curve(store: RunStore, stage: Stage, final: float, share: float, points: int, scored: bool) -> None:
    if stage.kind != "policy":
        return
    rng = np.random.default_rng(int(stage.key[:8], 16))
    metric, unit = ("episode_return", POINTS) if scored else ("win_rate", 1.0)
    rows: list[dict[str, float]] = []
    for frames in np.linspace(0, FRAMES * share, points).astype(int).tolist():
        level = final * (1 - np.exp(-4 * frames / FRAMES)) / (1 - np.exp(-4))
        noise = 0.03 * rng.standard_normal(2)
        train, test = np.clip([0.95 * level + noise[0], level + noise[1]], 0, 1).tolist()
        row: dict[str, float] = {"frames": frames, f"train/{metric}": unit * train}
        if len(rows) % 2 == 0:
            row[f"test/{metric}"] = unit * test
        rows.append(row)
    _write(store.curve_file(stage.key), "".join(json.dumps(row) + "\n" for row in rows))


def all_pages(data: GridData) -> list[Page]:
    """Every page that has something to say of the grid, its figures not drawn."""
    return [built for page in PAGES if (built := page(data)) is not None]
