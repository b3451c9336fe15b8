#!/usr/bin/env python3
"""The command line of LDD-Bench: `python run_all.py [VERB] --grid NAME [options] [key=value …]`; see `--help`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.cli.completion import WORD as COMPLETE
from benchmark.cli.completion import answer
from benchmark.cli.parse import parse
from benchmark.errors import BadInput

if TYPE_CHECKING:
    from benchmark.cli.asked import Listen, Reports


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words and words[0] == COMPLETE:
            print(answer(words[1:]))
            return 0
        options = parse(words)
        if isinstance(options, str):
            print(options)
            return 0
        # Only now: help and mistakes in the options should not wait for Hydra.
        from benchmark.cli import commands

        return commands.command(options, _reports())
    except BadInput as error:
        print(f"run_all: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package in ("benchmark", "agents", "envs", "reports"):
            raise
        remedy = "`make demo` installs everything into .venv; then use .venv/bin/python"
        print(f"run_all: {sys.executable} has no package {package}; {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run_all: interrupted; the same command continues", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `… | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _reports() -> Reports:
    """What the harness may call of the reports; each is imported when it is called, and only then."""
    from benchmark.cli.asked import Reports

    return Reports(_build_report, _export, _import_results, _compare, _claims)


def _build_report(root: Path, grid: str, listen: Listen) -> tuple[Sequence[Path], str | None]:
    from reports.build import build

    return build(root, grid, listen)


def _claims(root: Path, grid: str) -> dict[str, Any] | None:
    from reports.claims import evaluate, registration_words, to_json
    from reports.frame import load

    report = evaluate(load(root, grid))
    return None if report is None else {**to_json(report), "registration": registration_words(report)}


def _export(root: Path, grid: str, place: Path, format: str | None) -> list[str]:
    from reports.interchange.exporting import export

    return export(root, grid, place, format)


def _import_results(root: Path, path: Path, name: str, headline: str | None) -> list[str]:
    from reports.interchange.importing import import_results

    return import_results(root, path, name, headline)


def _compare(root: Path, grid: str | None, sides: tuple[str, str]) -> tuple[Path, Path]:
    from reports.interchange.comparing import compare

    return compare(root, grid, sides)


if __name__ == "__main__":
    sys.exit(main())
