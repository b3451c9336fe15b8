"""The files that tell Slurm's daemons of a cluster in one folder, on free ports of loopback."""

from __future__ import annotations

import json
import os
import random
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).resolve().parent / "etc"
CPUS = 2
"""Of each node; the machine may have fewer."""
GPUS = 1
"""Of each node. They are pretended: Slurm counts them and shows them to jobs, but there is nothing behind."""
MEMORY_MB = 16_000


def configure(folder: Path, nodes: Sequence[str]) -> None:
    """Write the configuration of a new cluster, and its key."""
    for name in ("etc", "run", "log", "state", "spool", "db", *(f"log/{node}" for node in nodes)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    etc = folder / "etc"
    _write(etc / "munge.key", os.urandom(1024), 0o400)
    devices = [etc / f"gpu{number}" for number in range(GPUS)]
    for device in devices:
        _pretend_device(device)
    _write(etc / "gres.conf", "".join(f"Name=gpu File={device}\n" for device in devices).encode())
    for empty in ("plugstack.conf", "cgroup.conf"):
        _write(etc / empty, b"")
    names = ("controller_port", "accounting_port", "database_port", *nodes)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    _write(folder / "ports.json", json.dumps(ports).encode())
    lines = [
        f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={ports[node]} CPUs={CPUS} "
        f"RealMemory={MEMORY_MB} Gres=gpu:{GPUS} State=UNKNOWN"
        for node in nodes
    ]
    values = {
        **ports,
        "host": host(),
        "folder": folder,
        "nodes": "\n".join(lines),
        "first_node_port": ports[nodes[0]],
        "first_job": int(time.time()) % 60_000_000 + 1000,
    }
    for name, mode in (("slurmdbd.conf", 0o600), ("slurm.conf", 0o644)):
        _write(etc / name, Template((TEMPLATES / name).read_text(encoding="utf-8")).substitute(values).encode(), mode)


def database_port(folder: Path) -> int:
    return int(json.loads((folder / "ports.json").read_text(encoding="utf-8"))["database_port"])


def host() -> str:
    """This machine's name, as Slurm wants it."""
    return socket.gethostname().split(".")[0]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listens, below those that the kernel gives to outgoing connections."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.touch(mode=mode)
    path.write_bytes(content)


def _pretend_device(path: Path) -> None:
    """A file that Slurm takes for a GPU: a twin of /dev/null, or, where those are not allowed, a plain file."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        path.touch()
