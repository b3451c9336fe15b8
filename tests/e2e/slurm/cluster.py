"""A real Slurm of two nodes with accounting, all of it on this machine's loopback, that a test may break at will.

    python -m tests.e2e.slurm.cluster up                 # prints the variable that lets sbatch, squeue … find it
    python -m tests.e2e.slurm.cluster status | down
    python -m tests.e2e.slurm.cluster kill-node n2       # as if its plug were pulled; start-node n2 repairs it
    python -m tests.e2e.slurm.cluster kill-controller    # kill -9 of slurmctld; start-controller

Everything lives in one folder (`--folder`, by default ldd-bench-slurm in `SHORT`) and listens on free ports of
127.0.0.1. What it starts it notes by process number and start time, and it ends nothing else.
It needs root and, on Debian: apt-get install slurmctld slurmd slurm-client munge slurmdbd mariadb-server
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.slurm.configuration import configure, database_port, host
from tests.e2e.slurm.processes import Process, every, wait, wipe_out, with_descendants

NODES = ("n1", "n2")
PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacct")
PATIENCE_S = 300.0
"""So long it is waited for a daemon, on a slow and busy machine too."""
SHORT = "/tmp"
"""Where folders are made: a socket's path has at most 107 characters, and TMPDIR may be long."""
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def obstacle() -> str | None:
    """Why no cluster can be started here; None where it can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        return f"Slurm with accounting is not installed: there is no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "only root can start Slurm's daemons"
    try:
        socket.gethostbyname(host())
    except OSError:
        return f"this machine's name does not resolve; add the line '127.0.0.1 {host()}' to /etc/hosts"
    return None


class Cluster:
    """The cluster in a folder, running or not. Its daemons are found again by the notes in `run/`.

    bound: the daemons that it starts end with this process, in whatever way that ends.
    """

    def __init__(self, folder: Path, bound: bool = False) -> None:
        self._before = ("setpriv", "--pdeathsig", "TERM") if bound else ()
        self.folder = folder.resolve()
        self.conf = self.folder / "etc" / "slurm.conf"
        self.environ = {"SLURM_CONF": str(self.conf), "PATH": PATH}
        self._children: list[subprocess.Popen[bytes]] = []  # kept, so that they are buried when they end

    def start(self) -> None:
        """Start what does not run, and wait until every node takes jobs. Raises RuntimeError, naming the log."""
        why = obstacle()
        if why is not None:
            raise RuntimeError(why)
        if not self.conf.exists():
            configure(self.folder, NODES)
        self._start_munge()
        self._start_database()
        self._start_accounting()
        self.start_controller()
        for node in NODES:
            self.start_node(node)

    def stop(self) -> None:
        """Cancel its jobs, end its daemons, and whatever processes its jobs have left."""
        if self.running("slurmctld"):
            self.clear()
        for node in NODES:
            self._end(node, 10)
            wipe_out(lambda node=node: self._processes_on(node))  # type: ignore[misc]
        for name, patience_s in (("slurmctld", 20), ("slurmdbd", 20), ("mariadbd", 30), ("munged", 5)):
            self._end(name, patience_s)

    def clear(self) -> None:
        """Cancel every job, and wait for their end."""
        for state in ("PENDING", "RUNNING"):
            self.slurm("scancel", "--quiet", f"--state={state}", f"--user={os.geteuid()}", check=False)
        wait(lambda: not self.slurm("squeue", "-h", "-o", "%A", check=False), PATIENCE_S)

    def kill_node(self, node: str) -> None:
        """End a node in one moment: its daemon, its job steps and every process of its jobs."""
        wipe_out(lambda: self._processes_on(node))
        self._note(node).unlink(missing_ok=True)

    def start_node(self, node: str) -> None:
        """Start a node that does not run, and wait until it takes jobs."""
        log = self.folder / "log" / node
        self._start(node, ["slurmd", "-D", "-N", node, "-f", str(self.conf)], folder=log)
        self._wait(f"node {node}", lambda: self.node_state(node) in ("idle", "mix", "alloc", "comp"))

    def kill_controller(self) -> None:
        """Kill slurmctld with signal 9; running jobs and nodes stay."""
        process = self.running("slurmctld")
        if process is not None:
            wipe_out(lambda: with_descendants({process}))
        self._note("slurmctld").unlink(missing_ok=True)

    def start_controller(self) -> None:
        self._start("slurmctld", ["slurmctld", "-D", "-f", str(self.conf)])
        self._wait("slurmctld", lambda: "UP" in self.slurm("scontrol", "ping", check=False))

    def slurm(self, *command: str, check: bool = True) -> str:
        """Run one of Slurm's commands; what it printed. Raises RuntimeError when it fails, unless told not to."""
        environ = {**os.environ, **self.environ}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def ask(self, *command: str) -> str:
        """What a command printed that only looks; asked again while nobody answers, as on a busy machine."""
        answers: list[str] = []

        def answered() -> bool:
            with contextlib.suppress(RuntimeError):
                answers.append(self.slurm(*command))
            return bool(answers)

        self._wait(" ".join(command), answered)
        return answers[0]

    def sbatch(self, *options: str) -> str:
        """Submit a job that is none of the benchmark's; its id."""
        return self.slurm("sbatch", "--parsable", "--output=/dev/null", *options)

    def node_state(self, node: str) -> str:
        """idle, mix, alloc, down*, … ; empty while the controller does not answer."""
        states = self.slurm("sinfo", "-h", "-N", "-n", node, "-o", "%t", check=False).split()
        return states[0] if states else ""

    def running(self, name: str) -> Process | None:
        """The process of a daemon: munged, mariadbd, slurmdbd, slurmctld, or a node's name."""
        try:
            process = Process(**json.loads(self._note(name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        return process if process.alive() else None

    def status(self) -> str:
        """One line per daemon, then the nodes as Slurm sees them."""
        names = ("munged", "mariadbd", "slurmdbd", "slurmctld", *NODES)
        found = {name: self.running(name) for name in names}
        lines = [f"{name:10} {'-' if process is None else process.pid}" for name, process in found.items()]
        return "\n".join([*lines, self.slurm("sinfo", "-N", "-l", check=False)])

    # daemons

    def _start_munge(self) -> None:
        run, log = self.folder / "run", self.folder / "log"
        command = [
            "munged",
            "--foreground",
            "--force",
            "--num-threads=2",
            f"--key-file={self.folder / 'etc/munge.key'}",
        ]
        files = {"socket": run / "munge.socket", "pid-file": run / "munge.pid", "seed-file": run / "munge.seed"}
        files["log-file"] = log / "munged.log"
        self._start("munged", command + [f"--{name}={path}" for name, path in files.items()])
        self._wait("munged", lambda: self._works("munge", "-S", str(run / "munge.socket"), "-n"))

    def _start_database(self) -> None:
        data, log = self.folder / "db", self.folder / "log"
        if not (data / "mysql").is_dir():
            command = ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"]
            command += ["--auth-root-authentication-method=socket", "--skip-test-db", "--skip-name-resolve"]
            with (log / "mariadb-install.log").open("wb") as out:
                subprocess.run(command, env={**os.environ, "PATH": PATH}, stdout=out, stderr=out, check=True)
        port = database_port(self.folder)
        command = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--port={port}"]
        command += [f"--socket={self._database()}", f"--pid-file={self.folder / 'run/mariadbd.pid'}"]
        command += ["--bind-address=127.0.0.1", "--skip-name-resolve", "--performance-schema=0"]
        command += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=0"]
        self._start("mariadbd", [*command, "--innodb-lock-wait-timeout=900"])
        self._wait("mariadbd", lambda: self._sql("select 1"))
        self._sql(
            "create database if not exists slurm_acct; create user if not exists slurm@'127.0.0.1' identified by "
            "'slurmlab'; grant all on slurm_acct.* to slurm@'127.0.0.1'"
        )

    def _start_accounting(self) -> None:
        self._start("slurmdbd", ["slurmdbd", "-D"])
        self._wait("slurmdbd", lambda: self._works("sacctmgr", "-n", "show", "cluster"))
        if not self.slurm("sacctmgr", "-n", "-P", "show", "cluster", "lab", "format=cluster"):
            self.slurm("sacctmgr", "-i", "add", "cluster", "lab")

    def _start(self, name: str, command: Sequence[str], folder: Path | None = None) -> None:
        """Start a daemon in the foreground of a session of its own, and note who it is. Nothing where it runs."""
        if self.running(name) is not None:
            return
        folder = folder or self.folder / "log"
        with (folder / f"{name}.out").open("ab") as out:
            child = subprocess.Popen(
                [*self._before, *command],
                env={**os.environ, **self.environ},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._children.append(child)
        process = Process.of(child.pid)
        if process is None:
            raise RuntimeError(f"{name} ended at once; see {folder}/{name}.out")
        self._note(name).write_text(json.dumps(vars(process)), encoding="utf-8")

    def _end(self, name: str, patience_s: float) -> None:
        process = self.running(name)
        if process is not None:
            process.end(patience_s)
        self._note(name).unlink(missing_ok=True)
        for child in self._children:
            child.poll()

    def _note(self, name: str) -> Path:
        return self.folder / "run" / f"{name}.json"

    def _database(self) -> Path:
        return self.folder / "run" / "mysql.sock"

    def _sql(self, statement: str) -> bool:
        return self._works("mariadb", "--no-defaults", "-S", str(self._database()), "-u", "root", "-e", statement)

    def _works(self, *command: str) -> bool:
        environ = {**os.environ, **self.environ}
        try:
            return subprocess.run(command, env=environ, capture_output=True, timeout=20).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        if not wait(condition, PATIENCE_S):
            raise RuntimeError(f"{what} did not come up in {PATIENCE_S} s; see {self.folder / 'log'}")

    def _processes_on(self, node: str) -> set[Process]:
        """The node's daemon, its job steps, the processes of its jobs, and whatever those have started.

        A step overwrites what it was called and its environment, and leaves its parent: it is told by its working
        folder, which it has from the daemon. A process of a job carries the names of its node and of this cluster.
        """
        found = set()
        daemon = self.running(node)
        for process in every():
            if process == daemon:
                found.add(process)
            elif process.program().startswith("slurmstepd"):
                if process.folder() == self.folder / "log" / node:
                    found.add(process)
            else:
                environ = process.environment()
                if (environ.get("SLURM_CONF"), environ.get("SLURMD_NODENAME")) == (str(self.conf), node):
                    found.add(process)
        return with_descendants(found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.slurm.cluster", description=__doc__.split("\n")[0])
    verbs = ("up", "down", "status", "env", "kill-node", "start-node", "kill-controller", "start-controller")
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("node", nargs="?", choices=NODES, default=NODES[0])
    default = Path(SHORT) / "ldd-bench-slurm"
    parser.add_argument("--folder", type=Path, default=default, help=f"default: {default}")
    parser.add_argument("--purge", action="store_true", help="with down: delete the folder")
    options = parser.parse_args(arguments)
    cluster = Cluster(options.folder)
    actions: dict[str, Callable[[], None]] = {
        "up": cluster.start,
        "down": cluster.stop,
        "kill-node": lambda: cluster.kill_node(options.node),
        "start-node": lambda: cluster.start_node(options.node),
        "kill-controller": cluster.kill_controller,
        "start-controller": cluster.start_controller,
    }
    try:
        actions.get(options.verb, lambda: None)()
    except RuntimeError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    if options.verb in ("up", "env"):
        print(f"export SLURM_CONF={cluster.conf}")
    if options.verb == "status":
        print(cluster.status())
    if options.verb == "down" and options.purge:
        shutil.rmtree(cluster.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
