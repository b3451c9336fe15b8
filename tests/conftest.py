"""What tests share: the project on the import path, and a toy benchmark in a temporary folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.toy import Toy

# What somebody has set for other work: warnings on stderr, a narrow page, a proxy, an MLflow or a repository of theirs.
FOREIGN = r"PYTHON(WARNINGS|DEVMODE|VERBOSE|OPTIMIZE|INSPECT)|(MLFLOW|SLURM|SBATCH|SQUEUE|SACCT|SINFO|SUBMITIT)_.*"
FOREIGN += r"|GIT_(?!CONFIG).*|(http|https|all|no)_proxy|COLUMNS|LINES|(NO|FORCE)_COLOR|TTY_.*"
for name in [name for name in os.environ if re.fullmatch(FOREIGN, name, re.IGNORECASE)]:
    del os.environ[name]

# Printing a report takes seconds. Only tests/e2e/test_browser.py does it, with the browser that the caller has named.
os.environ.setdefault("LDD_BENCH_TEST_CHROMIUM", os.environ.get("LDD_BENCH_CHROMIUM", ""))
os.environ["LDD_BENCH_CHROMIUM"] = "off"

# The same examples on every machine, however slow it is and whatever an earlier run has found.
settings.register_profile(
    "anywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anywhere")

# The longest first, so that no process is left with them at the end.
ORDER = ("e2e/slurm", "e2e", "contract", "property")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((i for i, folder in enumerate(ORDER) if f"tests/{folder}/" in item.path.as_posix()), len(ORDER))

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One process for the tests of a file, which share what they compute, and for all that share a Slurm cluster.

    xdist's own groups have no effect with pytest 9: they rename tests, which cannot be renamed any more.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "slurm" if nodeid.startswith("tests/e2e/slurm/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """A toy benchmark, whose stages also find their orders when they are computed by this process."""
    toy = Toy.build(tmp_path)
    for name, value in toy.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield toy
    toy.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """No test, nor what is made for it, meets what an earlier one has drawn, or has set in PyTorch.

    rliable draws from NumPy's own generator; stage targets take denormal numbers for zero, and hypothesis refuses to
    work like that.
    """
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
        sys.modules["torch"].set_flush_denormal(False)
