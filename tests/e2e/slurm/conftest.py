"""A cluster for all tests of this folder, and a toy benchmark that computes on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.slurm.cluster import SHORT, Cluster, obstacle
from tests.e2e.slurm.grids import SlurmToy

ASKED = "LDD_BENCH_SLURM"
"""Where this variable is set a cluster is started; `required`, as in .ci/run, makes a failure of what hinders that."""


@pytest.fixture(scope="session")
def shared_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The one cluster of this run, in a folder with a short name: a socket's path has at most 107 characters."""
    asked = os.environ.get(ASKED)
    why = obstacle() if asked else f"nobody has asked for a Slurm on this machine; {ASKED}=1 does"
    if why is not None:
        if asked == "required":
            pytest.fail(f"{why} (.ci/install-slurm installs it)")
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="ldd-slurm-", dir=SHORT))
    cluster = Cluster(folder, bound=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
    if not request.session.testsfailed:  # else its logs are wanted
        shutil.rmtree(folder)


@pytest.fixture
def cluster(shared_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster, whole, and known to the commands that are started from here."""
    for name, value in shared_cluster.environ.items():
        monkeypatch.setenv(name, value)
    shared_cluster.start()
    return shared_cluster


@pytest.fixture
def toy(cluster: Cluster, tmp_path: Path) -> Iterator[SlurmToy]:
    """A toy benchmark on the cluster; what a failed test leaves running ends with it."""
    toy = SlurmToy.on(cluster, tmp_path)
    yield toy
    toy.close()
    cluster.clear()
