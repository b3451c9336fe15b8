"""The command line of LDD-Bench: `python run_all.py [run|plan|status|report] --grid NAME [key=value …]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from benchmark.errors import BadInput, nearest

VERBS = {
    "run": "compute what is missing, then write the report (default)",
    "plan": "list cells and shared stages; compute nothing",
    "status": "show what is done, running, failed, blocked or missing",
    "report": "write the report from what is done so far",
}

EPILOG = """\
examples:
  python run_all.py --grid demo                            run it; the same command continues after Ctrl-C or a crash
  python run_all.py plan --grid paper                      what would be computed, and what cannot be yet
  python run_all.py --grid demo --only 'rtfm*/ldd*/0'      some of its cells: environment/method/seed
  python run_all.py --grid demo seeds=5 executor.workers=1
  python run_all.py --grid demo seeds=[0,3] envs=[rtfm_s1] learner.lr=1e-3
  python run_all.py status --grid demo

key=value:
  seeds, envs, methods, teacher_seeds, preset, name        change the grid (a new name gives it its own report)
  tuned                                                    a file of configs/tuned/, or null: values that a search chose
  executor=inline|local, executor.workers, …               how to compute (configs/executor/); changes no result
  tracking.uri                                             MLflow store (else MLFLOW_TRACKING_URI, else in --root)
  anything else                                            a key of configs/, for every cell that has it, checked first

modes:
  cached   compute what is not done; what failed before in all its attempts stays failed and is reported
  retry    as cached, but failed stages get new attempts, from their checkpoints
  force    delete the stages of the selected cells, shared ones included, and compute them again

exit codes: 0 ok, 1 a cell or diagnostic failed, 2 bad input (nothing was written), 130 interrupted (run it again)
"""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one line with the nearest valid option."""

    def error(self, message: str) -> NoReturn:
        options = [option for action in self._actions for option in action.option_strings if option.startswith("--")]
        wrong = next(
            (word for word in message.split() if word.startswith("--") and word.rstrip(":") not in options), None
        )
        near = nearest(wrong.split("=")[0], options) if wrong else None
        hint = f"; did you mean {near}?" if near else ""
        raise BadInput(f"{message}{hint} (see --help)")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, with `verb` and the `key=value` words apart. Raises BadInput."""
    parser = _Parser(
        prog="python run_all.py",
        usage="python run_all.py [run|plan|status|report] --grid NAME [options] [key=value …]",
        description="Run a grid of environments × methods × seeds from demonstrations to a report.\n\nverbs:\n"
        + "\n".join(f"  {verb:8} {words}" for verb, words in VERBS.items()),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", metavar="verb or key=value", help=argparse.SUPPRESS)
    parser.add_argument("--grid", metavar="NAME", help="a file of configs/grid/")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[], help="cells to run; may be repeated")
    parser.add_argument("--mode", choices=("cached", "retry", "force"), help="what to compute again (default: cached)")
    parser.add_argument(
        "--root", metavar="DIR", type=Path, default=Path("runs"), help="folder of the runs (default: runs)"
    )
    parser.add_argument("--dry-run", action="store_true", help="the same as the verb plan")
    parser.add_argument("--json", action="store_true", help="plan and status as JSON")
    parser.add_argument("--configs", metavar="DIR", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_intermixed_args(arguments)
    bare = [word for word in options.words if "=" not in word]
    options.words = [word for word in options.words if "=" in word]
    for word in bare:
        if word not in VERBS:
            near = nearest(word, VERBS)
            hint = f"; did you mean {near!r}?" if near else ""
            raise BadInput(f"unknown verb {word!r}{hint} (verbs: {', '.join(VERBS)}; changes are written key=value)")
    if len(bare) > 1:
        raise BadInput(f"two verbs, {bare[0]!r} and {bare[1]!r}; give one")
    options.verb = bare[0] if bare else "run"
    if options.dry_run:
        if options.verb != "run" or options.mode:
            other = f"verb {options.verb!r}" if options.verb != "run" else f"--mode {options.mode}"
            raise BadInput(f"--dry-run computes nothing and contradicts {other}; drop one")
        options.verb = "plan"
    if options.mode and options.verb != "run":
        raise BadInput(f"--mode is for running and means nothing to {options.verb!r}; drop it")
    if options.json and options.verb not in ("plan", "status"):
        raise BadInput(f"--json is for plan and status, not for {options.verb!r}; drop it")
    if options.grid is None:
        raise BadInput("--grid is missing; name a file of configs/grid/, such as --grid demo")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        # Only now: help and mistakes in the options should not wait for Hydra.
        from benchmark import commands

        return commands.command(options, _build_report)
    except BadInput as error:
        print(f"run_all: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run_all: interrupted; the same command continues", file=sys.stderr)
        return 130


def _build_report(root: Path, grid: str) -> tuple[Path, Path]:
    from reports.build import build

    return build(root, grid)


if __name__ == "__main__":
    sys.exit(main())
