"""The verbs of the command line: what each does, its options, examples. Data, read by benchmark/cli/parse.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Verb:
    """One verb. takes: what its bare words are. changes: whether it reads `key=value` words. grid: must one be named?

    options: those it has beside the ones of every verb. notes: what its help says below the options.
    """

    does: str
    options: tuple[str, ...]
    examples: Mapping[str, str]
    takes: Literal["nothing", "cells", "cell", "what", "file", "data", "shell"] = "nothing"
    grid: Literal["needed", "optional", "none"] = "needed"
    changes: bool = True
    notes: str = ""


# Option -> what argparse is told of it.
OPTIONS: dict[str, dict[str, Any]] = {
    "--grid": {"metavar": "NAME", "help": "a file of configs/grid/"},
    "--only": {
        "metavar": "PATTERN",
        "action": "append",
        "help": "only these cells: environment/method/seed, wildcards",
    },
    "--mode": {
        "metavar": "WORD",
        "choices": ("cached", "retry", "force"),
        "help": "what to compute again (default: cached)",
    },
    "--dry-run": {"action": "store_true", "help": "the same as the verb plan"},
    "--detach": {"action": "store_true", "help": "leave it to the background, or to Slurm's queue"},
    "--probe": {"action": "store_true", "help": "first measure speed where no run has recorded it"},
    "--budget": {"metavar": "TIME", "help": "only the whole seeds that fit: 40h, 90m, 2d"},
    "--stage": {"metavar": "NAME", "help": "this stage of the cell, such as policy"},
    "--follow": {"action": "store_true", "help": "go on until the stage ends, also over several attempts"},
    "--yes": {"action": "store_true", "help": "delete without asking"},
    "--record": {"action": "store_true", "help": "record the statuses as they are, less ones included"},
    "--to": {"metavar": "PATH", "help": "the folder to write, or for marl-eval the file"},
    "--format": {
        "metavar": "WORD",
        "choices": ("csv", "parquet", "marl-eval"),
        "help": "csv, parquet or marl-eval (default: csv; for a .json file marl-eval)",
    },
    "--name": {"metavar": "NAME", "help": "what to call the new grid"},
    "--metric": {"metavar": "NAME", "help": "the metric that tables show, where the file does not say"},
    "--compare": {
        "metavar": ("A", "B"),
        "nargs": 2,
        "help": "two results side by side: grids, stores, exported or commits",
    },
    "--nld-aa": {"metavar": "DIR", "help": "the unzipped archive NLD-AA: games of the bot AutoAscend"},
    "--nld-nao": {"metavar": "DIR", "help": "the unzipped archive NLD-NAO: games of people on alt.org"},
    "--index": {"metavar": "DIR", "help": "where the indexes of archives are kept (default: nethack in --root)"},
    "--root": {"metavar": "DIR", "help": "folder of the runs (default: runs)"},
    "--json": {"action": "store_true", "help": "the same as JSON, for programs"},
    "--configs": {"metavar": "DIR", "help": None},
    "--help": {"action": "store_true", "help": "show this"},
}
COMPUTING = ("run", "plan", "retry")  # these verbs need a grid's file; the others also know a grid that is there
STORED_GRID = "a file of configs/grid/, or a grid that was run or imported"
SHORT = {"--follow": "-f", "--yes": "-y", "--help": "-h"}
EVERYWHERE = ("--root", "--configs", "--help")

_MODES = """\
modes:
  cached  compute what is not done; what has failed for good stays failed
  retry   as cached, but failed stages get new attempts, from their checkpoints
  force   delete the stages of the selected cells, shared ones included, and
          compute them again
"""
_CELL = "A cell is environment/method/seed; parts that are left out, and *, match all."

VERBS: dict[str, Verb] = {
    "run": Verb(
        "compute what is missing, then write the report (default)",
        ("--only", "--mode", "--dry-run", "--detach", "--probe", "--budget"),
        {
            "--grid demo": "",
            "--grid demo --only 'rtfm*/ldd*/0'": "",
            "--grid demo seeds=5 executor.workers=1": "",
            "--grid paper executor=slurm --detach": "",
        },
        notes=f"{_MODES}\nThe same command goes on after Ctrl-C or a crash.\n",
    ),
    "plan": Verb(
        "list cells, shared stages and the price; compute nothing",
        ("--only", "--probe", "--budget", "--json"),
        {"--grid paper": "", "--grid paper --probe": "", "--grid demo seeds=5 learner.lr=1e-3 --json": ""},
    ),
    "status": Verb(
        "show what is done, running, failed, blocked or missing",
        ("--only", "--json"),
        {"--grid demo": "", "--grid demo --only 'rtfm*'": "some of its cells", "--grid demo --json": ""},
    ),
    "why": Verb(
        "say why a cell will be computed, or will not",
        ("--json",),
        {"rtfm-s1/ldd/0 --grid demo": "", "rtfm-s1/ldd --grid demo learner.lr=1e-3": "before a change"},
        takes="cells",
        notes=f"{_CELL}\n"
        "Stage by stage: done, running, no result yet, which settings or which code\n"
        "differ from the nearest stored stage, which parent changed and why, failed\n"
        "with what, blocked by what, not available.\n",
    ),
    "logs": Verb(
        "print the log of a cell",
        ("--stage", "--follow", "--json"),
        {"rtfm-s1/ldd/0 --grid demo -f": "", "rtfm-s1/ldd/0 --grid demo --stage policy": ""},
        takes="cell",
        notes="Of the stage that failed, else of the one that runs, else of the last that\nhas a log.\n",
    ),
    "retry": Verb(
        "give failed cells new attempts, and run them",
        ("--detach",),
        {"--grid demo": "all that failed", "rtfm-s1/ldd --grid demo": "only these cells"},
        takes="cells",
        notes=f"{_CELL}\nFailed stages continue from their checkpoints; what is done stays. A wrong\n"
        "setting fails again: `run` with the right one, for that makes other stages.\n",
    ),
    "report": Verb(
        "write the report from what is done so far",
        ("--compare",),
        {
            "--grid demo": "",
            "--compare demo theirs": "side by side",
            "--grid demo --compare HEAD~1 HEAD": "two commits",
        },
        notes="--compare takes two of: a grid of --root; the folder of another store; what\n"
        "export wrote; a commit of this project. A store and a commit have many\n"
        "grids: --grid names the one that is meant. Of a commit it takes the cells\n"
        "in --root that were computed by it, or else the report that was committed.\n",
    ),
    "check": Verb(
        "say what became of the grid's claims; exit 3 if one is less than it was",
        ("--record", "--json"),
        {"--grid demo": "", "--grid demo --record": "from now on, as it is"},
        notes="The claims are those that the grid was planned with (configs/claims/). The\n"
        "first check records their statuses in grids/NAME/claims.json; later ones\n"
        "raise what has become more and exit with 3 where something is less, from\n"
        "SUPPORTED over INCONCLUSIVE and REFUTED to INCOMPLETE.\n",
    ),
    "trace": Verb(
        "follow a number of a table back to runs, settings and commits",
        ("--json",),
        {
            "rtfm-s1/ldd --grid demo": "the mean over seeds",
            "rtfm-s1/ldd/0 --grid demo": "one seed",
            "0.734 --grid demo": "whose result it is",
        },
        takes="what",
    ),
    "export": Verb(
        "write a grid's scores and curves for other programs and people",
        ("--to", "--format"),
        {
            "--grid demo --to demo-results": "",
            "--grid demo --to demo-results --format parquet": "",
            "--grid demo --to marl-eval.json": "",
        },
    ),
    "import": Verb(
        "read results of others as a grid of this --root",
        ("--name", "--metric"),
        {
            "their-results --name theirs": "what export wrote",
            "scores.csv --name theirs": "",
            "runs.json --name theirs": "",
        },
        takes="file",
        grid="none",
        changes=False,
        notes="CSV and Parquet: a row per run with the columns environment, method, seed and\n"
        "one for each metric; also status and reason, if some runs have failed.\n"
        "JSON: as marl-eval reads it. Nothing is computed for such a grid; report,\n"
        "status, why, trace and export know it by its name. Run folders of another\n"
        "store need no import: copy them into --root.\n",
    ),
    "data": Verb(
        "register data that you have downloaded, or say what is registered",
        ("--nld-aa", "--nld-nao", "--index"),
        {
            "nethack": "what is there, or could be",
            "nethack --nld-aa /data/aa": "",
            "nethack --nld-nao /data/nao": "",
        },
        takes="data",
        grid="none",
        changes=False,
        notes="An archive of the NetHack Learning Dataset stays where it is, unchanged; NLE's\n"
        "index of it and the list of its whole games are written. Every game is read\n"
        "once; damaged files are named and left out. Registering again replaces both.\n",
    ),
    "sync": Verb(
        "rebuild MLflow from the run folders",
        (),
        {"": "every grid", "--grid demo": "one", "tracking.uri=http://server:5000": ""},
        grid="optional",
    ),
    "clean": Verb(
        "list what no grid needs, ask, and delete it",
        ("--yes", "--json"),
        {"": "deletes nothing without an answer", "--json": "only lists"},
        grid="none",
        changes=False,
        notes="Not needed is a run folder that is in the plan of no grid that has been run\n"
        "in this --root, and what killed commands left behind. What is being computed\n"
        "is never touched.\n",
    ),
    "doctor": Verb(
        "check Python, packages, devices, Slurm, MLflow and disk",
        ("--json",),
        {"": "", "tracking.uri=http://server:5000": ""},
        grid="none",
        notes="Exit code 1 if something that is needed does not work.\n",
    ),
    "completion": Verb(
        "print shell completion",
        (),
        {
            "bash >> ~/.bashrc": "",
            "zsh >> ~/.zshrc": "",
            "fish > ~/.config/fish/conf.d/run_all.fish": "",
        },
        takes="shell",
        grid="none",
        changes=False,
    ),
}
SHELLS = ("bash", "zsh", "fish")
DATA = ("nethack",)
