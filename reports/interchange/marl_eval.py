"""marl-eval's JSON (Gorsane et al. 2022; its README, "Data Structure for Raw Experiment data"), written and read.

{environment: {task: {algorithm: {run: {step_1: {step_count, metric: [values]}, …, absolute_metrics: {metric: …}}}}}}

A list has one value, where the metric is over many games already, or one per game. It wants the same metrics in every
step and in absolute_metrics, and for one environment the same algorithms, runs and numbers of steps in every task.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from benchmark.errors import BadInput
from reports.interchange.checking import listed, renamed
from reports.interchange.results import CELL, KNOWN, POINT, Results
from reports.text import noun, plural

SUITE = "ldd-bench"
"""The environment whose tasks ours are, so that marl-eval aggregates over them."""

EVALUATED = "test/"
"""What a curve's metric begins with where it is measured as the score is; only those are steps of this format."""

ABSOLUTE = "absolute_metrics"


def to_json(results: Results) -> dict[str, Any]:
    """All cells that are done. What has no place in this format is left out; `left_out` says what."""
    metrics = shared_metrics(results)
    steps = _steps(results, metrics)
    environments, methods = (results.facts.get(group) or {} for group in ("environments", "methods"))
    found: dict[str, Any] = {}
    for row in _done(results).to_dict("records"):
        about = environments.get(row["environment"]) or {}
        task = found.setdefault(about.get("suite", SUITE), {}).setdefault(about.get("task", row["environment"]), {})
        algorithm = (methods.get(row["method"]) or {}).get("algorithm", row["method"])
        own = steps.get((row["environment"], row["method"], row["seed"]), [])
        task.setdefault(algorithm, {})[f"seed_{row['seed']}"] = {
            **{f"step_{number}": step for number, step in enumerate(own, 1)},
            ABSOLUTE: {name: [row[name]] for name in metrics if not math.isnan(row[name])},
        }
    return found


def shared_metrics(results: Results) -> list[str]:
    """The scores that are written: those that every curve has too, or all where curves lack a headline."""
    drawn: dict[Any, set[str]] = {}
    for *cell, metric in results.curves[[*CELL, "metric"]].drop_duplicates().itertuples(index=False):
        if metric.startswith(EVALUATED):
            drawn.setdefault(tuple(cell), set()).add(metric.removeprefix(EVALUATED))
    shared = [name for name in results.metrics if all(name in own for own in drawn.values())]
    return shared if set(_headlines(results)) <= set(shared) else results.metrics


def _headlines(results: Results) -> list[str]:
    """The metrics that tables show, each once."""
    return list(dict.fromkeys(map(results.headline_of, results.scores["environment"])))


def left_out(results: Results) -> list[str]:
    """What a file of this format does not say, or says unequally, so that marl-eval will not aggregate it; in words."""
    metrics, done = shared_metrics(results), _done(results)
    told = []
    absent = len(results.scores) - len(done)
    if absent:
        told.append(
            f"{absent} of {plural(len(results.scores), 'cell')} {noun(absent, 'has', 'have')} no result, "
            "and this format has no place for the reason"
        )
    others = [name for name in results.metrics if name not in metrics]
    if others:
        told.append(f"left out, because the curves do not have them: {', '.join(others)}")
    steps = _steps(results, metrics)
    seeds: dict[str, list[int]] = {}
    counts: dict[str, list[int]] = {}
    for environment, method, seed in sorted(done[list(CELL)].itertuples(index=False, name=None)):
        pair = f"{environment}/{method}"
        seeds.setdefault(pair, []).append(seed)
        counts.setdefault(pair, []).append(len(steps.get((environment, method, seed), [])))
    for what, own in (("seeds", seeds), ("numbers of steps", counts)):
        usual = Counter(map(tuple, own.values())).most_common(1)
        odd = [pair for pair, values in own.items() if tuple(values) != usual[0][0]]
        if odd:
            told.append(f"marl-eval wants the same {what} everywhere; others than most have {listed(odd)}")
    if not any(steps.values()):
        wanted = " or ".join(EVALUATED + name for name in _headlines(results))
        told.append(f"there are no curves of {wanted}, so it has no steps, only final scores")
    return told


def _done(results: Results) -> pd.DataFrame:
    rows = results.scores[results.scores["status"] == "done"]
    scores = [row[results.headline_of(row["environment"])] for row in rows.to_dict("records")]
    return rows[~np.isnan(np.array(scores, np.float64))]


def _steps(results: Results, metrics: list[str]) -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """Cell -> its steps by ascending count: those at which all these metrics were measured."""
    rows = results.curves[results.curves["metric"].isin([EVALUATED + name for name in metrics])]
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    points: dict[tuple[str, str, int], dict[int, dict[str, float]]] = {}
    for environment, method, seed, frames, metric, value in rows[list(POINT)].itertuples(index=False, name=None):
        own = points.setdefault((environment, method, seed), {}).setdefault(int(frames), {})
        own[metric.removeprefix(EVALUATED)] = float(value)
    for cell, of_cell in points.items():
        found[cell] = [
            {"step_count": frames, **{name: [of_cell[frames][name]] for name in metrics}}
            for frames in sorted(of_cell)
            if len(of_cell[frames]) == len(metrics)
        ]
    return found


def from_json(content: Any, name: str) -> Results:
    """The results in a file of this format. name: of the file. Raises BadInput for what is not as documented."""
    rows: list[dict[str, Any]] = []
    points: list[tuple[Any, ...]] = []
    for suite, tasks in _entries(content, name):
        for task, algorithms in _entries(tasks, f"{name}: {suite}"):
            for algorithm, runs in _entries(algorithms, f"{name}: {suite}/{task}"):
                where = f"{name}: {suite}/{task}/{algorithm}"
                seeds: dict[int, str] = {}
                for run, steps in _entries(runs, where):
                    seed = _seed(run, where)
                    if seed in seeds:
                        raise BadInput(f"{where}: runs {seeds[seed]!r} and {run!r} are both seed {seed}; rename one")
                    seeds[seed] = run
                    cell = {"suite": suite, "task": task, "method": algorithm, "seed": seed, "status": "done"}
                    rows.append({**cell, **_scores(steps, f"{where}/{run}")})
                    points += [(suite, task, algorithm, seed, *point) for point in _curve(steps, f"{where}/{run}")]
    return _named(pd.DataFrame(rows), pd.DataFrame(points, columns=["suite", "task", "method", *POINT[2:]]))


def _entries(content: Any, where: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(content, Mapping) or not content:
        kind = "empty" if content in ({}, []) else f"a {type(content).__name__}"
        raise BadInput(f"{where} is {kind}, expected marl-eval's environment, task, algorithm, run, step in each other")
    yield from content.items()


def _seed(run: str, where: str) -> int:
    digits = re.search(r"\d+$", run)
    if digits is None:
        raise BadInput(f"{where}: run {run!r} does not end with a number; name runs by their seeds, such as seed_0")
    return int(digits[0])


def _scores(steps: Any, where: str) -> dict[str, float]:
    own = dict(_entries(steps, where)).get(ABSOLUTE)
    if own is None:
        raise BadInput(f"{where} has no {ABSOLUTE}, the scores of the finished run; add them")
    scores = {
        metric: _mean(values, f"{where}/{ABSOLUTE}: {metric}")
        for metric, values in _entries(own, f"{where}/{ABSOLUTE}")
    }
    for metric in scores:
        if metric in KNOWN:
            raise BadInput(
                f"{where}/{ABSOLUTE}: {metric} is a name that this project uses otherwise; rename the metric"
            )
    return scores


def _curve(steps: Mapping[str, Any], where: str) -> Iterator[tuple[int, str, float]]:
    """Frames, metric, value."""
    for name, step in steps.items():
        if name == ABSOLUTE:
            continue
        values = dict(_entries(step, f"{where}/{name}"))
        frames = values.pop("step_count", None)
        if type(frames) is not int or frames < 0:
            raise BadInput(f"{where}/{name}: step_count is {frames!r}, expected a whole number from 0")
        for metric, own in values.items():
            yield frames, EVALUATED + metric, _mean(own, f"{where}/{name}: {metric}")


def _mean(values: Any, where: str) -> float:
    if not isinstance(values, list) or not values:
        raise BadInput(f"{where} is {values!r:.40}, expected a list of numbers")
    for value in values:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise BadInput(f"{where} has {value!r:.40}, expected numbers")
    return fmean(values)


def _named(rows: pd.DataFrame, points: pd.DataFrame) -> Results:
    """With names that can be parts of a cell's; a task's name has its environment's where two have one like it."""
    pairs = rows[["suite", "task"]].drop_duplicates()
    twice = pairs["task"].duplicated(keep=False)
    whole = pairs["task"].where(~twice, pairs["suite"] + "-" + pairs["task"])
    name_of = dict(zip(pairs.itertuples(index=False, name=None), whole, strict=True))
    tables = []
    for table in (rows, points):
        own = [name_of[pair] for pair in zip(table["suite"], table["task"], strict=True)]
        tables.append(table.assign(environment=own))
    environments, labels = renamed(tables[0], "environment")
    methods, method_labels = renamed(tables[0], "method")
    scores, curves = (
        table.assign(environment=table["environment"].map(environments), method=table["method"].map(methods)).drop(
            columns=["suite", "task"]
        )
        for table in tables
    )
    abouts = {environments[name_of[pair]]: {"suite": pair[0], "task": pair[1]} for pair in name_of}
    facts = {
        "environments": {n: {"id": n, "label": labels[n], **abouts[n]} for n in labels},
        "methods": {n: {"label": label, "algorithm": label} for n, label in method_labels.items()},
    }
    order = [*CELL, "status", *(n for n in scores.columns if n not in KNOWN)]
    return Results(scores[order], curves[list(POINT)], facts)
