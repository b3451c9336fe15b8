"""What the verbs of the command line do; each returns the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.cli import questions, resource_lines
from benchmark.cli.asked import Asked, BuildReport, note
from benchmark.cli.parse import Options
from benchmark.errors import BadInput
from benchmark.spec import Plan

if TYPE_CHECKING:
    from benchmark.execute import Mode


def command(options: Options, build_report: BuildReport) -> int:
    """Carry out what `cli.parse` returned; returns the exit code. Raises BadInput."""
    return _VERBS[options.verb](Asked(options, build_report))


def _plan(asked: Asked) -> int:
    from benchmark.cli.show_cost import cost_text
    from benchmark.cli.show_plan import plan_text
    from benchmark.cost.price import price

    chosen = _affordable(asked)
    cost = price(chosen, asked.store, asked.request.executor)
    return asked.show(
        lambda: {**chosen.to_json(), "price": cost.to_json()},
        lambda: f"{plan_text(chosen, asked.store)}\n\n{cost_text(cost)}",
    )


def _affordable(asked: Asked) -> Plan:
    """The chosen cells that the budget pays for, after the probe that was asked for; what is left out is said."""
    options, chosen = asked.options, asked.chosen
    resource_lines.check(asked.request.executor, asked.plan, asked.configs, note)
    if options.budget is None and not options.probe:
        return chosen
    from benchmark.cli import show_cost
    from benchmark.cost import budget, probe
    from benchmark.cost import price as cost

    if options.budget is not None:
        budget.parse(options.budget)  # before minutes of probing
    if options.probe:
        probe.probe(chosen, asked.store, asked.request.executor, note)
    if options.budget is None:
        return chosen
    price = cost.price(chosen, asked.store, asked.request.executor)
    kept = budget.within(chosen, price, options.budget)
    note(show_cost.budget_text(chosen, kept, price, options.budget))
    return kept


def _run(asked: Asked) -> int:
    """run and retry."""
    options = asked.options
    mode: Mode = "retry" if options.verb == "retry" else options.mode or "cached"
    plan, executor = asked.plan, asked.request.executor
    in_background = options.detach and executor.kind == "local"
    if options.detach and executor.kind == "inline":
        raise BadInput(
            "--detach needs jobs that go on alone, and executor=inline computes in this process; add executor=local"
        )
    chosen = _affordable(asked)
    if options.verb == "retry" and not _has_failed(asked, chosen):
        note("nothing has failed; `run` computes what is missing")
        return 0
    asked.store.require_writable()
    if in_background:
        from benchmark.cli.background import start

        return start(options, asked.store, plan.grid)
    from benchmark.cli.session import run_grid

    return run_grid(plan, chosen, asked.store, asked.request, mode, asked.build_report, options.detach)


def _has_failed(asked: Asked, chosen: Plan) -> bool:
    return any(outcome.state == "failed" for outcome in asked.store.outcomes(chosen).values())


def _report(asked: Asked) -> int:
    plan = asked.plan
    asked.store.require_writable()
    from benchmark.cli.session import report_grid

    report_grid(plan, asked.store, asked.request, asked.build_report)
    return 0


def _sync(asked: Asked) -> int:
    from benchmark.tracking.experiment import tracking_uri
    from benchmark.tracking.sync import sync

    grids = [] if asked.options.grid is None else [asked.request.name]
    sync(asked.store, tracking_uri(asked.store, asked.tracking_uri), grids, print)
    return 0


def _clean(asked: Asked) -> int:
    """Lists, asks, deletes. `--json` only lists, unless `--yes` says to delete."""
    from benchmark.cli import clean

    options, store = asked.options, asked.store
    found = clean.find(store)
    if options.json:
        print(json.dumps([one.to_json() for one in found], indent=1))
    else:
        print(clean.text(store, found))
    if not found or not (options.yes or (not options.json and _agreed(f"delete these {len(found)} folders?"))):
        return 0
    deleted = clean.delete(store, found)
    note(f"{len(deleted)} folders deleted")
    if len(deleted) < len(found):
        note(f"{len(found) - len(deleted)} are needed or computed since, and were left")
    return 0


def _agreed(question: str) -> bool:
    """Whether a person at the terminal says yes; nobody there has said nothing."""
    if not sys.stdin.isatty():
        note("nothing is deleted without an answer; --yes gives it")
        return False
    print(f"{question} [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    note("nothing deleted")
    return False


def _completion(asked: Asked) -> int:
    from benchmark.cli.completion import script

    print(script(asked.options.targets[0]), end="")
    return 0


_VERBS: dict[str, Callable[[Asked], int]] = {
    "run": _run,
    "plan": _plan,
    "status": questions.status,
    "why": questions.why,
    "logs": questions.logs,
    "retry": _run,
    "report": _report,
    "trace": questions.trace,
    "sync": _sync,
    "clean": _clean,
    "doctor": questions.doctor,
    "completion": _completion,
}
