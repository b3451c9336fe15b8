"""A complete toy benchmark in a temporary folder: configurations, and stages that fail, sleep or die on demand.

The pipeline has the real one's shape (play → study → practise → exam, and a look at the study), small enough that a
stage takes milliseconds.
Its functions leave a line in a ledger whenever they compute, so a test can count what was computed and how often.
What should go wrong is told through a folder, not through parameters, so that a stage keeps its key:

    toy = Toy.build(tmp_path)
    toy.arm("practise", "die", at=5)                   # kill -9 itself at update 5, once
    done = toy.run("--grid", "toy")                    # `python run_all.py` on the toy's configurations
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.configs import Configs
from benchmark.execute import Driver, Mode, prepare
from benchmark.grid import make_plan
from benchmark.job import StageJob
from benchmark.launch import launcher
from benchmark.request import Request, read_request
from benchmark.spec import Outcome, Plan
from benchmark.store import RunStore
from benchmark.validate import Schema

if TYPE_CHECKING:
    from agents.job import Job

PROJECT = Path(__file__).resolve().parent.parent
# Environment variables that tell the stages where ledger and orders are, and how long an update takes.
FOLDER = "LDD_TOY_FOLDER"
STEP_S = "LDD_TOY_STEP_S"
PATIENCE_S = 500.0
"""So long a test waits for what has to come, on a slow and busy machine too; where it comes soon it costs nothing."""

CONFIG = """\
defaults:
  - env: north
  - method: plain
  - executor: local
  - _self_
study_targets: {none: null, dynamics: tests.toy.study}
inspect_targets: {none: null, dynamics: tests.toy.inspect}
stages:
  play:
    target: tests.toy.play
    version: 1
    seed: teacher
    parents: []
    budget: {key: episodes, small: 1}
    params: {env: {id: "${env.id}", size: "${env.size}"}, episodes: "${play.episodes}"}
  study:
    target: ${study_targets.${method.pretrain}}
    version: 1
    seed: teacher
    parents: [play]
    params: {env: {id: "${env.id}", size: "${env.size}"}, lr: "${study.lr}"}
  inspect:
    target: ${inspect_targets.${method.pretrain}}
    version: 1
    seed: teacher
    parents: [study]
    params: {env: {id: "${env.id}", size: "${env.size}"}}
  practise:
    target: tests.toy.practise
    version: 1
    seed: policy
    parents: [study]
    budget: {key: learner.updates, small: 2}
    params: {env: {id: "${env.id}", size: "${env.size}"}, learner: "${learner}", distill: "${method.distill}"}
  exam:
    target: tests.toy.exam
    version: 1
    seed: policy
    parents: [practise]
    params: {env: {id: "${env.id}", size: "${env.size}"}, episodes: 10}
result: exam
diagnostics: []
headline: score
data: {env: "${oc.select:env.data,[]}"}
play: {episodes: 3}
study: {lr: 0.1}
limit: null
"""

FILES = {
    "config": CONFIG,
    "schema": "learner.lr: {above: 0}\nlearner.rule: {choices: [sgd, adam]}\nlimit: {type: int, optional: true}\n"
    "executor.workers: {type: int, min: 1}\nexecutor.max_failures: {min: 1}\n",
    "env/north": "# @package _global_\ndefaults: [/learner: slow]\n"
    "env: {id: north, label: North, data: [data/north.json], size: 4}\n",
    "env/far_south": "# @package _global_\ndefaults: [/learner: slow]\nenv: {id: far-south, label: South, size: 5}\n",
    "env/west": "# @package _global_\nenv: {id: west, label: West, unavailable: nobody has been there yet}\n",
    "method/plain": "label: Plain\nprovenance: released\npretrain: none\ndistill: 0.0\n",
    "method/taught": "label: Taught\nprovenance: {default: ours, north: released}\npretrain: dynamics\ndistill: 1.0\n",
    "method/taught_less": "label: Taught less\nprovenance: ours\npretrain: dynamics\ndistill: 0.5\n",
    "method/dreamt": "label: Dreamt\nprovenance: reimplemented\nunavailable: dreaming is not built yet\n",
    "learner/slow": "lr: 0.5\nupdates: 10\nrule: sgd\nsizes: [2, 3]\n",
    "learner/quick": "lr: 0.9\nupdates: 5\nrule: adam\nsizes: [2]\n",
    "executor/local": "kind: local\nworkers: 2\nmem_gb: 0.5\ndevice: cpu\nper_gpu: 1\ncheckpoint_s: 60.0\n"
    "max_failures: 2\nmax_crashes: 2\n"
    "backoff_s: 0.1\ngrace_s: 300.0\ntimeout_min: 60\n",
    "executor/inline": "kind: inline\ndevice: cpu\ncheckpoint_s: 60.0\nmax_failures: 2\nmax_crashes: 2\n"
    "backoff_s: 0.1\n",
    "preset/tiny/north": "# @package _global_\nlearner: {updates: 4}\n",
    "preset/tiny/far_south": "# @package _global_\nlearner: {updates: 3}\n",
    "grid/toy": "name: toy\ndescription: a toy\nenvs: [north, far_south]\nmethods: [plain, taught, taught_less]\n"
    "seeds: [0, 1]\nteacher_seeds: null\npreset: null\n",
    "grid/one": "name: one\nenvs: [north]\nmethods: [plain]\nseeds: [0]\n",
    "grid/three": "name: three\nenvs: [north]\nmethods: [taught]\nseeds: [0]\n",
    "grid/inspected": "envs: [north]\nmethods: [plain, taught, taught_less]\nseeds: [0]\n"
    "overrides: ['diagnostics=[inspect]']\n",
    "grid/search": "envs: [north]\nmethods: [plain, taught]\nseeds: [0]\n"
    "search: {taught: {method.distill: [1.0, 0.25], learner.lr: [0.5, 1e-5]}}\n",
    "tuned/small": "selected_on: {grid: search}\n"
    "values: {north: {taught: {method.distill: 0.25, learner.lr: 1}}, far-south: {taught_less: {study.lr: 0.2}}}\n",
    "grid/wide": "name: wide\nenvs: [north, west]\nmethods: [plain, dreamt]\nseeds: 2\n",
    "grid/small": "name: small\nenvs: [north]\nmethods: [plain]\nseeds: [0]\npreset: tiny\n",
}


class Toy:
    """The toy benchmark below one folder: `configs/`, `runs/`, and the stages' ledger and orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configs, self.root = folder / "configs", folder / "runs"
        self.environ = {FOLDER: str(folder), STEP_S: "0"}
        self._started: list[subprocess.Popen[str]] = []

    @classmethod
    def build(cls, folder: Path) -> Toy:
        """Write a new toy benchmark into an empty folder."""
        toy = cls(folder)
        for name, text in FILES.items():
            toy.write(name, text)
        (folder / "data").mkdir()
        (folder / "data" / "north.json").write_text("[1, 2, 3]", encoding="utf-8")
        return toy

    def slow(self, step_s: float) -> None:
        """Let every update of a stage take this many seconds, in commands started from now on."""
        self.environ[STEP_S] = str(step_s)

    def write(self, name: str, text: str) -> None:
        """Write `configs/<name>.yaml`."""
        path = self.configs / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def arm(self, kind: str, order: str, at: int = 0, times: int = 1, **params: Any) -> None:
        """Order stages of a kind (with these params) to raise, stumble, die, expire, wait or hold, at update `at`.

        Who waits goes on once the order is withdrawn; who holds, also once it has been asked to stop.
        """
        path = self.folder / "orders" / f"{uuid.uuid4().hex}.json"
        path.parent.mkdir(exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"kind": kind, "order": order, "at": at, "times": times, "params": params}))
        new.rename(path)  # a stage that looks just now finds all of it or nothing

    def disarm(self) -> None:
        for path in (self.folder / "orders").glob("*"):
            path.unlink()

    def computed(self, kind: str = "*") -> int:
        """How often a stage of this kind was begun."""
        return len(list((self.folder / "ledger").glob(f"{kind}-*")))

    def work(self) -> Counter[tuple[str, int]]:
        """How often each update of `practise` was begun: (key of the stage, update) -> times."""
        ledgers = (self.folder / "work").glob("*")
        return Counter((path.name, int(line)) for path in ledgers for line in path.read_text().splitlines())

    def command(self, *words: str) -> list[str]:
        place = ["--configs", str(self.configs), "--root", str(self.root)]
        return [sys.executable, str(PROJECT / "run_all.py"), *words, *place]

    def start_driver(self, *words: str) -> subprocess.Popen[str]:
        """Start `drive` in a process of its own: a run without report and MLflow, which take seconds."""
        script = "import sys, pathlib, tests.toy\ntests.toy.Toy(pathlib.Path(sys.argv[1])).drive(*sys.argv[2:])"
        return self._start([sys.executable, "-c", script, str(self.folder), *words])

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the command line in a process group of its own."""
        return self._start(self.command(*words))

    def close(self) -> None:
        """Leave no command behind, and no stage that waits for something; of use where a test has failed."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        self.disarm()

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env={**os.environ, **self.environ, "PYTHONPATH": str(PROJECT)},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_hear_ctrl_c,
        )
        self._started.append(process)
        return process

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def request(self, grid: str = "toy", *words: str) -> Request:
        return self._asked(grid, *words)[2]

    def plan(self, grid: str = "toy", *words: str) -> Plan:
        """The plan of a grid, made in this process."""
        return make_plan(*self._asked(grid, *words))

    def _asked(self, grid: str, *words: str) -> tuple[Configs, Schema, Request]:
        configs = Configs(self.configs)
        schema = Schema(configs.read("schema"), "configs/schema.yaml")
        return configs, schema, read_request(configs, schema, grid, words)

    def drive(self, grid: str = "toy", *words: str, mode: Mode = "cached") -> tuple[dict[str, Outcome], list[str]]:
        """Run a grid by a Driver in this process: the outcomes, and the words that the driver said."""
        driver, said = self.driver(grid, *words, mode=mode)
        return driver.run(), said

    def driver(self, grid: str, *words: str, mode: Mode = "cached") -> tuple[Driver, list[str]]:
        """A Driver in this process that has not begun, and the words that it says."""
        plan, store, said = self.plan(grid, *words), RunStore(self.root), []
        executor = self.request(grid, *words).executor
        prepare(plan, store, mode)
        place = launcher(store, executor, plan.grid)
        return Driver(plan, store, executor, place, lambda word, about: said.append(word)), said

    def results(self) -> dict[str, bytes]:
        """Key -> curve and metrics of every finished stage: what must be equal in a repeat."""
        found = {}
        for path in self.root.glob("*/result.json"):
            metrics = json.loads(path.read_text())["metrics"]
            found[path.parent.name] = json.dumps(metrics).encode() + (path.parent / "metrics.jsonl").read_bytes()
        return found


def _hear_ctrl_c() -> None:
    """A shell that runs the tests in the background ignores Ctrl-C, and so would all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def until(condition: Any, timeout: float = PATIENCE_S) -> None:
    """Wait for a condition. Raises TimeoutError."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{condition} did not come true in {timeout} s")
        time.sleep(0.02)


# the stages


def play(job: Job) -> dict[str, float]:
    """Publishes random numbers; offers no checkpoint."""
    _begin("play", job.params)
    rng = np.random.default_rng(job.stream("play"))
    numbers = rng.normal(size=job.params["episodes"]).tolist()
    for index in range(job.params["episodes"]):
        _obey("play", job, index)
        job.progress(index + 1, job.params["episodes"])
    job.publish("play.json", lambda path: path.write_text(json.dumps(numbers)))
    return {"episodes": job.params["episodes"]}


def study(job: Job) -> dict[str, float]:
    """Publishes the mean of its parent's numbers."""
    _begin("study", job.params)
    _obey("study", job, 0)
    numbers = json.loads((job.parents["play"] / "play.json").read_text())
    mean = float(np.mean(numbers)) * job.params["lr"]
    job.publish("study.json", lambda path: path.write_text(json.dumps(mean)))
    job.log(1, **{"valid/mean": mean})
    return {"mean": mean}


def inspect(job: Job) -> dict[str, float]:
    """A diagnostic: the size of what was studied."""
    _begin("inspect", job.params)
    _obey("inspect", job, 0)
    return {"size": abs(json.loads((job.parents["study"] / "study.json").read_text()))}


def practise(job: Job) -> dict[str, float]:
    """A random walk with checkpoints: state, curve and generator continue where they were."""
    _begin("practise", job.params)
    rng = np.random.default_rng(job.stream("practise"))
    skill, first = 0.0, 0
    if "study" in job.parents:
        skill = job.params["distill"] * json.loads((job.parents["study"] / "study.json").read_text())
    saved = job.resume()
    if saved is not None:
        skill, first = saved["skill"], saved["update"]
        rng.bit_generator.state = saved["rng"]
    updates = job.params["learner"]["updates"]
    for update in range(first, updates):
        _note_work(job.folder, update)
        _obey("practise", job, update)
        skill += job.params["learner"]["lr"] * float(rng.normal())
        job.log((update + 1) * 100, **{"train/score": skill})
        job.progress((update + 1) * 100, updates * 100, score=skill)
        state = {"skill": skill, "update": update + 1, "rng": rng.bit_generator.state}
        job.checkpoint(lambda state=state: state)
    job.publish("policy.json", lambda path: path.write_text(json.dumps(skill)))
    return {"skill": skill}


def exam(job: Job) -> dict[str, float]:
    """The score of a practised walk."""
    _begin("exam", job.params)
    _obey("exam", job, 0)
    skill = json.loads((job.parents["practise"] / "policy.json").read_text())
    return {"score": float(1 / (1 + np.exp(-skill))), "episodes": job.params["episodes"]}


def _begin(kind: str, params: Mapping[str, Any]) -> None:
    ledger = Path(os.environ[FOLDER]) / "ledger"
    ledger.mkdir(exist_ok=True)
    (ledger / f"{kind}-{params['env']['id']}-{params['seed']}-{uuid.uuid4().hex[:8]}").touch()


def _note_work(run: Path, update: int) -> None:
    """A line in the ledger of work; one write to a file of the stage's own, so that it is there whole or not at all."""
    ledger = Path(os.environ[FOLDER]) / "work"
    ledger.mkdir(exist_ok=True)
    with (ledger / run.name).open("a", encoding="utf-8") as lines:
        lines.write(f"{update}\n")


def _obey(kind: str, job: Job, update: int) -> None:
    """Carry out an order that was given for this moment, as often as it was given."""
    time.sleep(float(os.environ[STEP_S]))
    for path in sorted((Path(os.environ[FOLDER]) / "orders").glob("*.json")):
        try:
            order = json.loads(path.read_text())
        except FileNotFoundError:  # withdrawn since
            continue
        matches = all(job.params.get(name) == value for name, value in order["params"].items())
        if order["kind"] == kind and order["at"] == update and matches and _take(path, order["times"]):
            _carry_out(order["order"], path, job)


def _take(path: Path, times: int) -> bool:
    for number in range(times):
        try:
            path.with_suffix(f".{number}").touch(exist_ok=False)
            return True
        except FileExistsError:
            continue
    return False


def _carry_out(order: str, path: Path, job: Job) -> None:
    if order == "raise":
        raise RuntimeError("the toy was told to fail")
    if order == "stumble":  # over something that can be out of the way the next time
        raise ConnectionResetError("the toy was told to stumble")
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "expire":  # as submitit tells a job that its time is over
        os.kill(os.getpid(), signal.SIGUSR2)
    if order == "wait":  # until the order is withdrawn
        while path.exists():
            time.sleep(0.02)
    if order == "hold":  # or until it is asked to stop: the checkpoint that comes next is then its last
        assert isinstance(job, StageJob)
        while path.exists() and not job._stop.is_set():
            time.sleep(0.02)
