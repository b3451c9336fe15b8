"""The verbs of the command line: run, plan, status, report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from benchmark.configs import Configs
from benchmark.grid import make_plan, select
from benchmark.provenance import PROJECT
from benchmark.request import read_request
from benchmark.store import RunStore
from benchmark.validate import Schema

BuildReport = Callable[[Path, str], tuple[Path, Path]]


def command(options: argparse.Namespace, build_report: BuildReport) -> int:
    """Carry out the options that `run_all.parse` returned; returns the exit code. Raises BadInput."""
    from benchmark import show
    from benchmark.show_plan import plan_text

    configs = Configs(options.configs or PROJECT / "configs")
    schema = Schema(configs.read("schema"), configs.shown("schema"))
    request = read_request(configs, schema, options.grid, options.words)
    plan = make_plan(configs, schema, request)
    cells = select(plan, options.only)
    store = RunStore(options.root)
    chosen = plan.only(cells)
    if options.verb == "plan":
        print(json.dumps(chosen.to_json(), indent=1) if options.json else plan_text(chosen, store))
        return 0
    if options.verb == "status":
        print(
            json.dumps(show.status_json(chosen, store), indent=1) if options.json else show.status_text(chosen, store)
        )
        return 0
    store.require_writable()
    from benchmark.session import report_grid, run_grid

    if options.verb == "report":
        report_grid(plan, store, request, build_report)
        return 0
    return run_grid(plan, chosen, store, request, options.mode or "cached", build_report)
