"""Results that were computed elsewhere as a grid of a store: what is known of them is kept, the rest stays unknown."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import BadInput
from benchmark.spec import IMPORTED, Cell, Plan, Stage, canonical
from benchmark.store import RunStore
from reports.extra import COST_COLUMNS
from reports.interchange import checking, files
from reports.interchange.results import CELL, Results
from reports.rows import UNSAID
from reports.text import plural

POLICY, RESULT = "policy", "result"
"""The stages of an imported cell: what has its learning curve and costs; what has its scores, and all of its time."""

_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]+")
_AT_STAGE = re.compile(r"([a-z_]\w*): (.+)", re.DOTALL)
"""How a store says which stage of a cell failed."""


@dataclass(frozen=True)
class Origin:
    """Where imported results come from. file: its name. sha256: of its content. grid: what it was called there."""

    file: str
    sha256: str
    grid: str | None

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "sha256": self.sha256, "grid": self.grid}


def import_results(root: Path, path: Path, name: str, headline: str | None = None) -> list[str]:
    """Make a grid of a file's or folder's results; returns what was read, in words.

    headline: the metric that tables show, where the file does not say it. A second import of equal content changes
    nothing. Raises BadInput for a file that cannot be read, and where `name` is another grid's.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"--name is {name!r}, expected letters, digits and any of _ . - (no dot first)")
    results, chosen = files.read(path, headline)
    origin = Origin(path.absolute().name, files.digest(path), results.facts.get("grid"))
    imported = _Import(_fit(results), chosen, origin)
    plan, store = imported.plan(name), RunStore(root)
    if name in store.grids() and store.plan(name).to_json() != plan.to_json():
        raise BadInput(
            f"--name {name}: {store.grid_folder(name)} is another grid's; choose another name, or delete that"
        )
    for number, (key, stage) in enumerate(plan.stages.items()):
        _write(store, stage, imported.contents[key], origin, time.time() + number * 1e-3)
    store.write_plan(plan)  # last: what it needs is there, and its claims are registered after its results
    states = results.scores["status"].value_counts()
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    return [
        f"grid {name}: {plural(len(plan.cells), 'cell')} ({told}) from {path}, SHA-256 {origin.sha256[:12]}",
        f"its report: python run_all.py report --grid {name}",
    ]


def _fit(results: Results) -> Results:
    """The same with names that can be parts of a cell's, and labels that tell what they were."""
    environments, environment_labels = checking.renamed(results.scores, "environment")
    methods, method_labels = checking.renamed(results.scores, "method")
    facts = dict(results.facts)
    for group, labels in (("environments", environment_labels), ("methods", method_labels)):
        given = facts.get(group) or {}
        facts[group] = {
            name: {"label": label, **given.get(label, given.get(name, {}))} for name, label in labels.items()
        }
    for name, about in facts["environments"].items():
        about["id"] = name
    tables = [
        table.assign(environment=table["environment"].map(environments), method=table["method"].map(methods))
        for table in (results.scores, results.curves)
    ]
    return Results(tables[0], tables[1], facts)


@dataclass(frozen=True)
class _Content:
    """What a stage's folder will hold. metrics: None where it has no result. curve: rows as a stage logs them."""

    metrics: Mapping[str, float] | None = None
    curve: Sequence[Mapping[str, float]] = ()
    failure: str | None = None
    known: Mapping[str, Any] | None = None

    @property
    def sha256(self) -> str:
        text = canonical([dict(self.metrics or {}), [dict(row) for row in self.curve], self.failure])
        return hashlib.sha256(text.encode()).hexdigest()


class _Import:
    """Cells and stages of results. contents: key of each stage -> what its folder will hold."""

    def __init__(self, results: Results, headline: str, origin: Origin) -> None:
        self.results, self.headline, self.origin = results, headline, origin
        self.contents: dict[str, _Content] = {}
        self._stages: dict[str, Stage] = {}
        self._curves = _rows(results.curves)

    def plan(self, grid: str) -> Plan:
        cells = tuple(self._cell(row) for row in self.results.scores.to_dict("records"))
        facts, seeds = self.results.facts, self.results.scores["seed"]
        return Plan(
            grid=grid,
            description=str(facts.get("description") or f"imported from {self.origin.file}"),
            cells=cells,
            stages=self._stages,
            result=RESULT,
            headline=self.headline,
            settings={
                "seeds": sorted(set(seeds.tolist())),
                **(facts.get("settings") or {}),
                IMPORTED: self.origin.to_json(),
            },
            environments=facts["environments"],
            methods=self._methods(),
        )

    def _methods(self) -> dict[str, Any]:
        """What is known of each; without words of the file's own, `provenance` of its rows."""
        found: dict[str, Any] = {}
        for name, about in self.results.facts["methods"].items():
            found[name] = dict(about)
            rows = self.results.scores[self.results.scores["method"] == name]
            words = dict(zip(rows["environment"], rows["provenance"], strict=True)) if "provenance" in rows else {}
            words = {environment: word for environment, word in words.items() if word}
            if words and "provenance" not in about:
                found[name]["provenance"] = {"default": next(iter(words.values())), **words}
        return found

    def _cell(self, row: Mapping[Hashable, Any]) -> Cell:
        environment, method, seed = (row[name] for name in CELL)
        status, reason = row["status"], row.get("reason")
        if status == "unavailable":
            return Cell(environment, method, seed, {}, str(reason or "not said why"))
        keys: dict[str, str] = {}
        culprit, failure = _failure(reason) if status in ("failed", "blocked") else ("", None)
        if culprit and culprit not in (POLICY, RESULT):
            shared = {} if status == "blocked" else {"method": method, "seed": seed}  # blocked: by what several need
            keys[culprit] = self._stage(environment, {"part": culprit, **shared}, {}, _Content(failure=failure))
        curve = self._curves.get((environment, method, seed), ())
        trained = _known(row, COST_COLUMNS) if status == "done" else None
        own = {"method": method, "seed": seed}
        about = {name: row[name] for name in _ABOUT if row.get(name) is not None and row[name] == row[name]}
        once = {name: value for name, value in about.items() if name != "seconds"}
        content = _Content(trained, curve, failure if culprit == POLICY else None, once)
        keys[POLICY] = self._stage(environment, {"part": POLICY, **own}, dict(keys), content)
        scores = _known(row, self.results.metrics) if status == "done" else None
        told = {"reason": reason} if status == "missing" and reason else {}
        content = _Content(scores, (), failure if culprit == RESULT else None, about)
        keys[RESULT] = self._stage(environment, {"part": RESULT, **own, **told}, {POLICY: keys[POLICY]}, content)
        return Cell(environment, method, seed, keys)

    def _stage(self, environment: str, params: dict[str, Any], parents: dict[str, str], content: _Content) -> str:
        games = (self.results.facts.get("evaluated_on") or {}).get(environment)
        env = {"id": environment, **({"name": games} if games else {})}
        stage = Stage(IMPORTED, IMPORTED, {**params, "env": env, "sha256": content.sha256}, parents)
        self._stages[stage.key] = stage
        self.contents[stage.key] = content
        return stage.key


_ABOUT = ("seconds", "device", "deterministic", "finished", "commit", "dirty", "run")
"""What may be known of how a score was computed; the seconds of all stages of the cell together."""


def _failure(reason: Any) -> tuple[str, str]:
    """Which stage failed, and with what."""
    text = str(reason or "not said why")
    named = _AT_STAGE.fullmatch(text)
    return (named[1], named[2]) if named else (POLICY, text)


def _known(row: Mapping[Hashable, Any], names: Sequence[str]) -> dict[str, float]:
    return {name: float(row[name]) for name in names if name in row and not math.isnan(row[name])}


def _rows(curves: pd.DataFrame) -> dict[tuple[str, str, int], list[dict[str, float]]]:
    """Cell -> its curve as rows of frames and metrics, by ascending frames."""
    found: dict[tuple[str, str, int], dict[int, dict[str, float]]] = {}
    for environment, method, seed, frames, metric, value in curves.itertuples(index=False, name=None):
        rows = found.setdefault((environment, method, seed), {})
        rows.setdefault(int(frames), {"frames": int(frames)})[metric] = float(value)
    return {cell: [rows[frames] for frames in sorted(rows)] for cell, rows in found.items()}


def _write(store: RunStore, stage: Stage, content: _Content, origin: Origin, now: float) -> None:
    """The stage's folder, unless it is there: a key stands for its content."""
    if store.outcome(stage.key).state in ("done", "failed"):
        return
    store.register(stage)
    known = content.known or {}
    source = {"commit": known.get("commit"), "dirty": bool(known.get("dirty", False)), "created": now}
    there = {**origin.to_json(), "run": known.get("run")}
    store.write_provenance(stage.key, {**source, "command": sys.argv, IMPORTED: there})
    if content.curve:
        text = "".join(json.dumps(row) + "\n" for row in content.curve)
        store.publish(stage.key, "metrics.jsonl", lambda path: _text(path, text))
    if content.failure is not None:
        store.fail(stage.key, content.failure, 0)
    if content.metrics is not None:
        store.publish_result(
            stage.key, {"key": stage.key, "metrics": dict(content.metrics), **_how(known), IMPORTED: origin.to_json()}
        )


def _how(known: Mapping[str, Any]) -> dict[str, Any]:
    """How a result was computed, as `result.json` says it; no time where nobody says."""
    return {
        "attempts": 0,  # here
        "seconds": float(known.get("seconds", 0.0)),
        "device": str(known.get("device") or UNSAID),
        "deterministic": bool(known.get("deterministic", False)),
        "resumed_from": [],
        "commit": known.get("commit"),
        "finished": str(known.get("finished") or ""),
    }


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
