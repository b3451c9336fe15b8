"""Checks of the machine, the packages and the places that results go to: one line each, with the remedy."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.capacity import Machine
from benchmark.cli.show import abbreviated, table
from benchmark.cli.show_cost import volume
from benchmark.packages import equal, installed, remedy, tested
from benchmark.plurals import plural
from benchmark.provenance import PROJECT, commit, revision
from benchmark.store import RunStore
from benchmark.tracking.experiment import local_database

LOW_DISK = 5e9
NO_DISK = 2e8  # bytes: less than one checkpoint of a large network and its successor
_ANSWER_S = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. needed: nothing can be computed while it is missing."""

    name: str
    level: Literal["ok", "warning", "missing"]
    words: str
    remedy: str = ""
    needed: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(store: RunStore, uri: str) -> list[Finding]:
    """All checks; uri: MLflow's store."""
    checks: Sequence[Callable[[], Finding]] = (
        _python,
        _packages,
        _code,
        _torch,
        _cuda,
        _machine,
        lambda: _folder(store),
        lambda: _disk(store),
        lambda: _mlflow(uri),
        _slurm,
        lambda: _optional("BERT, MiniLM", "transformers", "frozen sentence encoders"),
        lambda: _optional("NLE", "nle", "NetHack"),
        lambda: _optional("Sample Factory", "sample-factory", "learner=appo"),
        _alfworld,
    )
    return [check() for check in checks]


def text(findings: Sequence[Finding]) -> str:
    """A line per finding, then what it comes to."""
    rows = [(one.level, one.name, one.words + (f"; {one.remedy}" if one.remedy else "")) for one in findings]
    broken = [one.name for one in findings if is_broken(one)]
    end = f"broken: {', '.join(broken)}" if broken else "everything that is needed works"
    return "\n".join([*table(("", "", ""), rows, "").splitlines()[1:], end])


def is_broken(finding: Finding) -> bool:
    return finding.needed and finding.level == "missing"


def _python() -> Finding:
    words = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.version_info[:2] != (3, 11):
        return Finding("Python", "missing", words, "use Python 3.11: make demo PYTHON=/path/to/python3.11")
    return Finding("Python", "ok", words)


def _packages() -> Finding:
    """What pyproject.toml asks for, and whether the other packages are those of requirements/core.lock."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = dict(line.split("==") for line in project["dependencies"])
    locked = (PROJECT / "requirements" / "core.lock").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in locked if "==" in line) | asked
    again = "pip install -r requirements/core.lock, or `make demo`, which does so in .venv"
    found = {name: installed(name) for name in pinned}
    absent = [name for name in asked if found[name] is None]
    if absent:
        return Finding("packages", "missing", f"{', '.join(absent)} not installed", again)
    other = [
        f"{name} {found[name]} (expected {pinned[name]})" for name in pinned if not equal(found[name], pinned[name])
    ]
    if other:
        words = f"{plural(len(other), 'other')} than tested: {', '.join(other[:3])}"
        return Finding("packages", "warning", words, again)
    return Finding("packages", "ok", f"{plural(len(pinned), 'package')} as in requirements/core.lock")


def _code() -> Finding:
    source = commit()
    if source["commit"] is None:
        remedy = "run from a git clone, so that results can be traced to code"
        return Finding("code", "warning", f"{PROJECT} is no git repository", remedy, needed=False)
    words = f"commit {abbreviated(revision(source))} in {PROJECT}"
    if source["dirty"]:
        return Finding(
            "code", "warning", f"{words}, changed since", "commit, so that others find what ran", needed=False
        )
    return Finding("code", "ok", words, needed=False)


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", f"cannot be imported: {_line(error)}", "make demo TORCH=torch==2.13.0")
    return Finding("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")


def _cuda() -> Finding:
    try:
        import torch
    except (ImportError, OSError):
        return Finding("CUDA", "missing", "no torch to ask", needed=False)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Finding("CUDA", "ok", f"{torch.version.cuda}: {', '.join(names)}", needed=False)
    if shutil.which("nvidia-smi") is None:
        return Finding("CUDA", "ok", "no GPU here; stages are computed on the CPU", needed=False)
    built = torch.version.cuda
    remedy = (
        "update the driver (nvidia-smi shows it)" if built else "install a CUDA build: make demo TORCH=torch==2.13.0"
    )
    return Finding("CUDA", "warning", f"a GPU that torch {torch.__version__} cannot use", remedy, needed=False)


def _machine() -> Finding:
    here = Machine.here()
    cores, gpus = plural(here.cores, "core"), plural(len(here.gpus), "GPU")
    return Finding("machine", "ok", f"{cores}, {volume(here.memory)} of memory and {gpus} for this process")


def _folder(store: RunStore) -> Finding:
    """Whether a file can be made, linked and renamed where the runs are, or will be."""
    place = _place(store)
    probe = place / f".doctor-{uuid.uuid4().hex[:8]}"
    remedy = "choose another --root, or make it writable"
    if not place.is_dir():
        return Finding("runs", "missing", f"{place} is a file", remedy)
    try:
        probe.write_bytes(b"x")
        os.link(probe, probe.with_suffix(".link"))
        probe.rename(probe.with_suffix(".moved"))
    except OSError as error:
        return Finding("runs", "missing", f"{place} cannot be written: {error.strerror or error}", remedy)
    finally:
        for path in (probe, probe.with_suffix(".link"), probe.with_suffix(".moved")):
            with contextlib.suppress(OSError):  # a read-only file system says so of files that are not there, too
                path.unlink(missing_ok=True)
    made = "" if place == store.root else ", to be made"
    return Finding("runs", "ok", f"{store.root} can be written{made}")


def _place(store: RunStore) -> Path:
    """The folder of the runs or, while that is not there or out of reach, the first above it that is."""
    for path in (store.root, *store.root.parents):
        with contextlib.suppress(OSError):
            path.stat()
            return path
    return Path("/")


def _disk(store: RunStore) -> Finding:
    place = _place(store)
    usage = shutil.disk_usage(place)
    words = f"{volume(usage.free)} free of {volume(usage.total)} in {place}"
    remedy = "`run_all.py clean` lists what no grid needs"
    if usage.free < NO_DISK:
        return Finding("disk", "missing", words, remedy)
    return Finding("disk", "warning", words, remedy) if usage.free < LOW_DISK else Finding("disk", "ok", words)


def _mlflow(uri: str) -> Finding:
    """MLflow is a copy of the runs: without it everything is computed all the same."""
    database = local_database(uri)
    if database is not None:
        return _database(database)
    if not re.match(r"https?://", uri):
        return Finding("MLflow", "ok", f"{uri} (not looked at)", needed=False)
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWER_S) as answer:
            return Finding("MLflow", "ok", f"{uri} answers ({answer.status})", needed=False)
    except (urllib.error.URLError, OSError, ValueError) as error:
        remedy = "start the server, or choose another by tracking.uri=… or MLFLOW_TRACKING_URI; `sync` makes up for it"
        return Finding("MLflow", "warning", f"{uri} does not answer: {_line(error)}", remedy, needed=False)


def _database(path: Path) -> Finding:
    try:
        if not path.exists():
            return Finding("MLflow", "ok", f"{path} will be made by the first run", needed=False)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_ANSWER_S)) as database:
            (runs,) = database.execute("SELECT COUNT(*) FROM runs").fetchone()
    except (sqlite3.Error, OSError) as error:
        remedy = f"move {path.name} away, then `run_all.py sync` rebuilds it from the runs"
        return Finding("MLflow", "warning", f"{path}: {_line(error)}", remedy, needed=False)
    return Finding("MLflow", "ok", f"{path} with {plural(runs, 'run')}", needed=False)


def _slurm() -> Finding:
    absent = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if absent:
        return Finding("Slurm", "ok", "not on this machine; only executor=slurm needs it", needed=False)
    try:
        answer = subprocess.run(
            ["sinfo", "-h", "-o", "%P %a %D"], capture_output=True, text=True, timeout=_ANSWER_S, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("Slurm", "warning", f"sinfo: {_line(error)}", "ask the cluster's staff", needed=False)
    if answer.returncode:
        return Finding("Slurm", "warning", f"sinfo: {_line(answer.stderr)}", "ask the cluster's staff", needed=False)
    partitions = [line.split()[0] for line in answer.stdout.splitlines() if line.split()[1:2] == ["up"]]
    sacct = "" if shutil.which("sacct") else ", no accounting (sacct)"
    return Finding("Slurm", "ok", f"partitions {', '.join(partitions) or 'none'}{sacct}", needed=False)


def _optional(name: str, package: str, purpose: str) -> Finding:
    """A package that only some stages need, and whether it is the version that was tested."""
    found, pinned = installed(package), tested(package)
    only = f"only for {purpose}: {remedy(package)}"
    if found is None:
        return Finding(name, "missing", "not installed", only, needed=False)
    if pinned is not None and not equal(found, pinned):
        return Finding(name, "warning", f"{package} {found}, tested with {pinned}", only, needed=False)
    return Finding(name, "ok", f"{package} {found}", needed=False)


def _alfworld() -> Finding:
    """The package, and the games that it reads."""
    only = "only for ALFWorld, which is not built yet"
    if importlib.util.find_spec("alfworld") is None:
        return Finding("ALFWorld", "missing", "not installed", only, needed=False)
    data = Path(os.environ.get("ALFWORLD_DATA", Path.home() / ".cache" / "alfworld"))
    if not (data / "json_2.1.1").is_dir():
        return Finding("ALFWorld", "missing", f"no games in {data}", f"set ALFWORLD_DATA; {only}", needed=False)
    return Finding("ALFWorld", "ok", f"games in {data}", needed=False)


def _line(error: object) -> str:
    return " ".join(str(error).split())[:120]
