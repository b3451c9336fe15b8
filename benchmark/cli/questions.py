"""The verbs that only look: status, why, logs, trace, doctor. Each returns the exit code."""

from __future__ import annotations

import sys

from benchmark.cli.asked import Asked, note
from benchmark.cli.show import folded
from benchmark.errors import BadInput
from benchmark.store import RunStore


def status(asked: Asked) -> int:
    from benchmark.cli.status import look

    status = look(asked.chosen, asked.store, asked.request.executor)
    if sys.stdout.isatty() and not asked.options.json:
        from benchmark.cli.matrix import print_status

        print_status(status)
        return 0
    return asked.show(status.to_json, status.text)


def why(asked: Asked) -> int:
    from benchmark.cli.why import Explainer

    cells, explain = asked.cells, Explainer(asked.plan, asked.store, asked.request.executor)
    return asked.show(
        lambda: {cell.name: explain.to_json(cell) for cell in cells},
        lambda: folded("\n\n".join(explain.text(cell) for cell in cells)),
    )


def logs(asked: Asked) -> int:
    from benchmark.cli.logs import log_of

    if len(asked.cells) > 1:
        example = asked.cells[0].name
        raise BadInput(
            f"{asked.options.targets[0]!r} is {len(asked.cells)} cells, and logs shows one; name it, such as {example}"
        )
    log = log_of(asked.plan, asked.store, asked.cells[0], asked.options.stage)
    if asked.options.follow:
        note(log.title())
        return log.follow(asked.request.executor, sys.stdout)
    text = log.text()
    if not asked.options.json:
        note(log.title())
    return asked.show(log.to_json, text.rstrip)


def trace(asked: Asked) -> int:
    from benchmark.cli import trace as tracing
    from benchmark.tracking.experiment import local_database, tracking_uri

    database = local_database(tracking_uri(asked.store, asked.request.tracking_uri))
    word = asked.options.targets[0]
    found = tracing.trace(asked.plan, asked.store, word, database)

    def text() -> str:
        if tracing.is_number(word) and len(found) > 1:
            return tracing.listed(found, word)
        return "\n\n".join(one.text() for one in found)

    return asked.show(lambda: [one.to_json() for one in found], text)


def doctor(asked: Asked) -> int:
    from benchmark.cli.doctor import examine, is_broken, text
    from benchmark.tracking.experiment import tracking_uri

    store = RunStore(asked.options.root)  # whatever is wrong with it is a finding
    findings = examine(store, tracking_uri(store, asked.tracking_uri))
    asked.show(lambda: [one.to_json() for one in findings], lambda: folded(text(findings)))
    return 1 if any(map(is_broken, findings)) else 0
