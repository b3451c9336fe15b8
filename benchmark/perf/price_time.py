"""How long a price takes: a grid of many seeds, of which half are finished run folders.

    python -m benchmark.perf.price_time [--grid messenger] [--seeds 600] [--budget 40h]

Prints the stages and run folders, then the seconds for reading the history for the first time (every folder), for
reading it again (its index), for the price, and for the time on the clock that it simulates.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.configs import Configs
from benchmark.cost.budget import within
from benchmark.cost.history import History
from benchmark.cost.price import price
from benchmark.grid import make_plan
from benchmark.provenance import PROJECT
from benchmark.request import read_request
from benchmark.spec import Stage
from benchmark.store import RunStore
from benchmark.validate import Schema


def finish(store: RunStore, stage: Stage, number: int) -> None:
    """Write a finished run folder, without waiting for the disk."""
    folder = store.folder(stage.key)
    folder.mkdir()
    result = {
        "key": stage.key, "metrics": {"score": 0.5}, "seconds": 30.0 + number % 7, "device": "cpu", "attempts": 1,
        "deterministic": True, "resumed_from": [], "finished": "2026-11-23T00:00:00+00:00",
    }  # fmt: skip
    for name, content in (("spec", stage.to_json()), ("result", result), ("status", {}), ("provenance", {})):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    (folder / "metrics.jsonl").write_text('{"frames": 1}\n' * 50, encoding="utf-8")


def timed(what: str, work: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    result = work()
    print(f"{what:32} {time.perf_counter() - begin:7.2f} s")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.price_time")
    parser.add_argument("--grid", default="messenger")
    parser.add_argument("--seeds", type=int, default=600)
    parser.add_argument("--budget", default="40h")
    given = parser.parse_args()
    configs = Configs(PROJECT / "configs")
    schema = Schema(configs.read("schema"), configs.shown("schema"))
    request = read_request(configs, schema, given.grid, [f"seeds={given.seeds}"])
    plan = timed("plan", lambda: make_plan(configs, schema, request))
    done = [stage for stage in plan.stages.values() if stage.params["seed"] % 2 == 0]
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        for number, stage in enumerate(done):
            finish(store, stage, number)
        print(f"{len(plan.stages)} stages, {len(done)} run folders")
        timed("history, first time", lambda: History(store))
        timed("history, from its index", lambda: History(store))
        cost = timed("price, history included", lambda: price(plan, store, request.executor))
        timed("time on the clock", lambda: cost.wall_s)
        timed("what fits the budget", lambda: within(plan, cost, given.budget))


if __name__ == "__main__":
    main()
