"""What the verbs of the command line do; each returns the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli import Options
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan, select
from benchmark.provenance import PROJECT
from benchmark.request import Request, read_request
from benchmark.spec import Cell, Plan
from benchmark.store import RunStore
from benchmark.validate import Schema

if TYPE_CHECKING:
    from benchmark.execute import Mode

BuildReport = Callable[[Path, str], tuple[Path, Path]]


@dataclass(frozen=True)
class Command:
    """A command line with what it refers to. Whatever it names wrongly raises BadInput when it is first looked at."""

    options: Options
    build_report: BuildReport

    @cached_property
    def configs(self) -> Configs:
        return Configs(self.options.configs or PROJECT / "configs")

    @cached_property
    def schema(self) -> Schema:
        return Schema(self.configs.read("schema"), self.configs.shown("schema"))

    @cached_property
    def request(self) -> Request:
        assert self.options.grid is not None
        return read_request(self.configs, self.schema, self.options.grid, self.options.words)

    @cached_property
    def plan(self) -> Plan:
        """The whole grid."""
        return make_plan(self.configs, self.schema, self.request)

    @cached_property
    def chosen(self) -> Plan:
        """The grid's cells that `--only`, or the cells behind the verb, choose."""
        if self.options.only:
            return self.plan.only(select(self.plan, self.options.only))
        return self.plan.only(self.cells) if self.options.targets else self.plan

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells behind the verb."""
        return select(self.plan, self.options.targets, "")

    @cached_property
    def store(self) -> RunStore:
        return RunStore(self.options.root)

    def show(self, as_json: Callable[[], Any], as_text: Callable[[], str]) -> int:
        """Print one of the two."""
        print(json.dumps(as_json(), indent=1) if self.options.json else as_text())
        return 0


def command(options: Options, build_report: BuildReport) -> int:
    """Carry out what `cli.parse` returned; returns the exit code. Raises BadInput."""
    return _VERBS[options.verb](Command(options, build_report))


def _plan(asked: Command) -> int:
    from benchmark.cost import price
    from benchmark.show_cost import cost_text
    from benchmark.show_plan import plan_text

    chosen = _affordable(asked)
    cost = price(chosen, asked.store, asked.request.executor)
    return asked.show(
        lambda: {**chosen.to_json(), "price": cost.to_json()},
        lambda: f"{plan_text(chosen, asked.store)}\n\n{cost_text(cost)}",
    )


def _affordable(asked: Command) -> Plan:
    """The chosen cells that the budget pays for, after the probe that was asked for; what is left out is said."""
    options, chosen = asked.options, asked.chosen
    if options.budget is None and not options.probe:
        return chosen
    from benchmark import budget, cost, probe, show_cost

    if options.budget is not None:
        budget.parse(options.budget)  # before minutes of probing
    if options.probe:
        probe.probe(chosen, asked.store, asked.request.executor, _note)
    if options.budget is None:
        return chosen
    price = cost.price(chosen, asked.store, asked.request.executor)
    kept = budget.within(chosen, price, options.budget)
    _note(show_cost.budget_text(chosen, kept, price, options.budget))
    return kept


def _status(asked: Command) -> int:
    from benchmark.status import look

    status = look(asked.chosen, asked.store, asked.request.executor)
    if sys.stdout.isatty() and not asked.options.json:
        from benchmark.matrix import print_status

        print_status(status)
        return 0
    return asked.show(status.to_json, status.text)


def _why(asked: Command) -> int:
    from benchmark.why import Explainer

    cells, explain = asked.cells, Explainer(asked.plan, asked.store, asked.request.executor)
    return asked.show(
        lambda: {cell.name: explain.to_json(cell) for cell in cells},
        lambda: "\n\n".join(explain.text(cell) for cell in cells),
    )


def _logs(asked: Command) -> int:
    from benchmark.logs import log_of

    if len(asked.cells) > 1:
        example = asked.cells[0].name
        raise BadInput(
            f"{asked.options.targets[0]!r} is {len(asked.cells)} cells, and logs shows one; name it, such as {example}"
        )
    log = log_of(asked.plan, asked.store, asked.cells[0], asked.options.stage)
    if asked.options.follow:
        _note(log.title())
        return log.follow(asked.request.executor, sys.stdout)
    text = log.text()
    if not asked.options.json:
        _note(log.title())
    return asked.show(log.to_json, text.rstrip)


def _run(asked: Command) -> int:
    """run and retry."""
    options = asked.options
    mode: Mode = "retry" if options.verb == "retry" else options.mode or "cached"
    plan, executor = asked.plan, asked.request.executor
    in_background = options.detach and executor.kind == "local"
    if options.detach and executor.kind == "inline":
        raise BadInput(
            "--detach needs jobs that go on alone, and executor=inline computes in this process; add executor=local"
        )
    chosen = asked.chosen if in_background else _affordable(asked)
    asked.store.require_writable()
    if in_background:
        from benchmark.background import start

        return start(options, asked.store, plan.grid)
    from benchmark.session import run_grid

    return run_grid(plan, chosen, asked.store, asked.request, mode, asked.build_report, options.detach)


def _report(asked: Command) -> int:
    plan = asked.plan
    asked.store.require_writable()
    from benchmark.session import report_grid

    report_grid(plan, asked.store, asked.request, asked.build_report)
    return 0


def _note(text: str) -> None:
    """What is not the answer itself, which a program may read."""
    print(text, file=sys.stderr)


_VERBS: dict[str, Callable[[Command], int]] = {
    "run": _run,
    "plan": _plan,
    "status": _status,
    "why": _why,
    "logs": _logs,
    "retry": _run,
    "report": _report,
}
