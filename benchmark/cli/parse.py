"""Reading the command line: a verb, its options, cells and `key=value` words. It reads no file, so it is quick."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from benchmark.cli.verbs import COMPUTING, DATA, EVERYWHERE, OPTIONS, SHELLS, SHORT, STORED_GRID, VERBS, Verb
from benchmark.errors import BadInput, nearest

PROGRAM = "python run_all.py"

_INTRODUCTION = f"""\
usage: {PROGRAM} [VERB] --grid NAME [options] [key=value …]

Run a grid of environments × methods × seeds from demonstrations to a report.

verbs (`{PROGRAM} VERB --help` shows options and examples of one):"""
_GENERAL = """\
examples:
  python run_all.py --grid demo          run it; again, to go on after a stop
  python run_all.py plan --grid paper    what would be computed, and its price
  python run_all.py --grid demo --only 'rtfm*/ldd*/0'
  python run_all.py --grid demo seeds=[0,3] envs=[rtfm_s1] learner.lr=1e-3
  python run_all.py status --grid demo   then: why, logs, retry of a CELL, which
                                         is environment/method/seed

key=value:
  seeds, envs, methods, teacher_seeds, preset, name
                change the grid (a new name gives it its own report)
  tuned, claims files of configs/tuned/ (values that a search chose) and
                configs/claims/ (what the grid is to show), or null
  executor=inline|local|slurm, executor.workers, …
                how to compute (configs/executor/); changes no result
  tracking.uri  MLflow store (else MLFLOW_TRACKING_URI, else a file in --root)
  anything else a key of configs/, for every cell that has it, checked first

exit codes: 0 ok, 1 a cell or diagnostic failed, 2 bad input (nothing was
written), 3 a claim is less than it was, 130 interrupted (run it again)"""
_TARGETS_OPTIONAL = ("retry",)  # without cells, all of the grid


@dataclass(frozen=True)
class Options:
    """A command line that has been understood.

    words: `key=value`. targets: the cells, or what to trace, or the shell, as written.
    arguments: all of it, as given.
    """

    verb: str
    arguments: tuple[str, ...]
    words: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    grid: str | None = None
    only: tuple[str, ...] = ()
    mode: Literal["cached", "retry", "force"] | None = None
    root: Path = Path("runs")
    configs: Path | None = None
    json: bool = False
    detach: bool = False
    probe: bool = False
    budget: str | None = None
    stage: str | None = None
    follow: bool = False
    yes: bool = False
    record: bool = False
    to: Path | None = None
    format: str | None = None
    name: str | None = None
    metric: str | None = None
    compare: tuple[str, ...] = ()
    nld_aa: Path | None = None
    nld_nao: Path | None = None
    index: Path | None = None


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one line with the nearest valid option."""

    def error(self, message: str) -> NoReturn:
        wrong = next(
            (word for word in message.split() if word.startswith("--") and word.rstrip(":") not in OPTIONS), None
        )
        near = nearest(wrong.split("=")[0], OPTIONS) if wrong else None
        hint = f"; did you mean {near}?" if near else ""
        raise BadInput(f"{message}{hint} (see --help)")


def parse(arguments: Sequence[str]) -> Options | str:
    """The command line, or the text of the help that it asks for. Raises BadInput."""
    given = vars(_parser(OPTIONS).parse_intermixed_args(arguments))
    bare = [word for word in given["words"] if not _is_change(word)]
    words = [word for word in given.pop("words") if _is_change(word)]
    for option in [name for name, value in given.items() if value is None]:
        del given[option]
    if given.pop("help", False):
        return verb_help(bare[0]) if bare and bare[0] in VERBS else general_help()
    name = _verb(bare)
    verb, targets = VERBS[name], tuple(bare[1:])
    if given.pop("dry_run", False):
        if name != "run" or "mode" in given:
            other = f"verb {name!r}" if name != "run" else f"--mode {given['mode']}"
            raise BadInput(f"--dry-run computes nothing and contradicts {other}; drop one")
        name, verb = "plan", VERBS["plan"]
    for key in given:
        _require_option(name, "--" + key.replace("_", "-"))
    _require_targets(name, verb, targets)
    if words and not verb.changes:
        raise BadInput(f"{words[0]!r} means nothing to {name!r}; drop it")
    if verb.grid == "needed" and "grid" not in given and "compare" not in given:
        raise BadInput("--grid is missing; name a file of configs/grid/, such as --grid demo")
    if given.get("follow") and given.get("json"):
        raise BadInput("--follow and --json contradict each other; drop one")
    for key in ("root", "configs", "to", "nld_aa", "nld_nao", "index"):
        if key in given:
            given[key] = Path(given[key])
    for key in ("only", "compare"):
        if key in given:
            given[key] = tuple(given[key])
    return Options(name, tuple(arguments), tuple(words), targets, **given)


def general_help() -> str:
    """The verbs, and what a command consists of."""
    verbs = [f"  {name:10}  {verb.does}" for name, verb in VERBS.items()]
    return "\n".join([_INTRODUCTION, *verbs, "", _GENERAL])


def verb_help(name: str) -> str:
    """One screen about one verb."""
    verb = VERBS[name]
    options = (*([] if verb.grid == "none" else ["--grid"]), *verb.options, *EVERYWHERE)
    command = PROGRAM if name == "run" else f"{PROGRAM} {name}"
    examples = {f"{command} {words}".rstrip(): about for words, about in verb.examples.items()}
    width = max(map(len, examples))
    shown = "\n".join(f"  {words:{width}}  {about}".rstrip() for words, about in examples.items())
    parts = [
        f"usage: {PROGRAM} {name} {_usage(verb, name)}\n",
        f"{verb.does[0].upper()}{verb.does[1:]}.\n",
        _listed(options, {} if name in COMPUTING else {"--grid": STORED_GRID}),
    ]
    return "\n".join([*parts, *([verb.notes] if verb.notes else []), f"examples:\n{shown}"])


def _usage(verb: Verb, name: str) -> str:
    """What stands behind the verb, as its usage line says it."""
    targets = {"nothing": "", "cells": "CELL…", "cell": "CELL", "what": "CELL|NUMBER", "file": "FILE"}
    targets |= {"data": "|".join(DATA), "shell": "|".join(SHELLS)}
    grid = {"needed": "--grid NAME", "optional": "[--grid NAME]", "none": ""}
    target = f"[{targets[verb.takes]}]" if name in _TARGETS_OPTIONAL else targets[verb.takes]
    return " ".join(filter(None, [target, grid[verb.grid], "[options]", "[key=value …]" if verb.changes else ""]))


def _listed(options: Iterable[str], helps: Mapping[str, str]) -> str:
    """helps: option -> what a verb's help says of it instead of the usual."""
    return "options:\n" + _parser(options, helps).format_help().partition("options:\n")[2]


def _parser(options: Iterable[str], helps: Mapping[str, str] | None = None) -> _Parser:
    """A parser with these options. What is not given is None, so that an option of another verb can be told."""
    parser = _Parser(
        prog=PROGRAM,
        add_help=False,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=24),
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    for option in options:
        about = dict(OPTIONS[option])
        about["help"] = (helps or {}).get(option) or about["help"] or argparse.SUPPRESS
        parser.add_argument(*([SHORT[option]] if option in SHORT else []), option, default=None, **about)
    return parser


def _is_change(word: str) -> bool:
    """Whether a word is `key=value`; a cell's name may hold a `=`, behind a slash: north/taught@lr=0.5/0."""
    key, sign, _ = word.partition("=")
    return bool(sign) and "/" not in key


def _verb(bare: Sequence[str]) -> str:
    """The first bare word, which must be a verb; `run` where there is none."""
    if not bare:
        return "run"
    if bare[0] in VERBS:
        return bare[0]
    near = nearest(bare[0], VERBS)
    hint = f"; did you mean {near!r}?" if near else ""
    raise BadInput(f"unknown verb {bare[0]!r}{hint} (verbs: {', '.join(VERBS)}; changes are written key=value)")


def _require_option(verb: str, option: str) -> None:
    having = [name for name, other in VERBS.items() if option in (*other.options, *EVERYWHERE)]
    if option == "--grid":
        having = [name for name, other in VERBS.items() if other.grid != "none"]
    if verb not in having:
        raise BadInput(f"{option} is for {_and(having)}, and means nothing to {verb!r}; drop it")


def _require_targets(name: str, verb: Verb, targets: Sequence[str]) -> None:
    """The bare words behind the verb are of the kind and number that it takes."""
    if verb.takes == "nothing" and targets:
        if targets[0] in VERBS:
            raise BadInput(f"two verbs, {name!r} and {targets[0]!r}; give one")
        instead = f"choose cells by --only {targets[0]!r}" if "--only" in verb.options else "drop it"
        raise BadInput(f"{targets[0]!r} means nothing to {name!r}; {instead} (changes are written key=value)")
    if verb.takes == "shell" and (len(targets) != 1 or targets[0] not in SHELLS):
        written = f", not {' '.join(targets)!r}" if targets else ""
        raise BadInput(f"{name} prints the lines for {', '.join(SHELLS)}; name one{written}")
    if verb.takes == "data" and targets not in [(one,) for one in DATA]:
        written = f", not {' '.join(targets)!r}" if targets else ""
        raise BadInput(f"{name} needs a word: {' or '.join(DATA)}{written}")
    if verb.takes in ("cell", "what", "file") and len(targets) > 1:
        raise BadInput(f"{name} takes one word, not {len(targets)}: {' '.join(targets)}; drop all but one")
    if not targets and verb.takes != "nothing" and name not in _TARGETS_OPTIONAL:
        wanted = {"what": "a cell, or a number of the table,", "file": "a file, or a folder,"}.get(
            verb.takes, "a cell,"
        )
        raise BadInput(f"{name} needs {wanted} such as {PROGRAM} {name} {next(iter(verb.examples))}")


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
