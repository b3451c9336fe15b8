"""What the verbs of the command line do; each returns the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.cli import check, data, questions, resource_lines
from benchmark.cli.asked import Asked, Reports, note
from benchmark.cli.parse import Options
from benchmark.errors import BadInput
from benchmark.plurals import noun, plural
from benchmark.spec import Plan

if TYPE_CHECKING:
    from benchmark.execute import Mode


def command(options: Options, reports: Reports) -> int:
    """Carry out what `cli.parse` returned; returns the exit code. Raises BadInput."""
    return _VERBS[options.verb](Asked(options, reports))


def _plan(asked: Asked) -> int:
    from benchmark.cli.show_claims import claim_powers, claims_text
    from benchmark.cli.show_cost import cost_text
    from benchmark.cli.show_plan import plan_text
    from benchmark.cost.price import price

    asked.require_file()
    chosen = _affordable(asked)
    cost = price(chosen, asked.store, asked.request.executor)

    whole = asked.plan if asked.options.budget is None else chosen  # claims are about more than `--only` chooses

    def text() -> str:
        return "\n\n".join(filter(None, (plan_text(chosen, asked.store), claims_text(whole), cost_text(cost))))

    return asked.show(
        lambda: {
            **chosen.to_json(),
            "claims": [one.to_json() for one in claim_powers(whole)],
            "price": cost.to_json(),
        },
        text,
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
    asked.require_file()
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
        note("nothing has failed with these settings; `run` computes what is missing")
        return 0
    asked.store.require_writable()
    if in_background:
        from benchmark.cli.background import start

        return start(options, asked.store, plan.grid)
    from benchmark.cli.session import run_grid

    return run_grid(plan, chosen, asked.store, asked.request, mode, asked.reports.build, options.detach)


def _has_failed(asked: Asked, chosen: Plan) -> bool:
    return any(outcome.state == "failed" for outcome in asked.store.outcomes(chosen).values())


def _report(asked: Asked) -> int:
    if asked.options.compare:
        return _compare(asked)
    plan = asked.plan
    asked.store.require_writable()
    from benchmark.cli.session import report_grid

    report_grid(plan, asked.store, asked.request, asked.reports.build)
    return 0


def _compare(asked: Asked) -> int:
    options, store = asked.options, asked.store
    store.require_writable()
    for path in asked.reports.compare(store.root, options.grid, (options.compare[0], options.compare[1])):
        print(path)
    return 0


def _export(asked: Asked) -> int:
    options = asked.options
    if options.to is None:
        raise BadInput("--to is missing; name a new folder, or a .json file for marl-eval")
    for line in asked.reports.export(asked.store.root, asked.request.name, options.to, options.format):
        print(line)
    return 0


def _import(asked: Asked) -> int:
    """A grid of this root from results that were computed elsewhere."""
    options, store = asked.options, asked.store
    if options.name is None:
        raise BadInput("--name is missing; choose a name for the new grid, such as --name theirs")
    if options.name.replace("-", "_") in asked.configs.members("grid"):
        raise BadInput(f"--name {options.name} is a file of configs/grid/, whose results are computed; choose another")
    store.require_writable()
    for line in asked.reports.import_results(store.root, Path(options.targets[0]), options.name, options.metric):
        print(line)
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
    if not found or not (options.yes or (not options.json and _agreed(f"delete {plural(len(found), 'folder')}?"))):
        return 0
    deleted = clean.delete(store, found)
    note(f"{plural(len(deleted), 'folder')} deleted")
    if left := len(found) - len(deleted):
        note(f"{plural(left, 'is', 'are')} needed or computed since, and {noun(left, 'was', 'were')} left")
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
    "check": check.check,
    "trace": questions.trace,
    "export": _export,
    "import": _import,
    "data": data.data,
    "sync": _sync,
    "clean": _clean,
    "doctor": questions.doctor,
    "completion": _completion,
}
