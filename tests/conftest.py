"""What tests share: the project on the import path, and a toy benchmark in a temporary folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.toy import Toy


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A toy benchmark, whose stages also find their orders when they are computed by this process."""
    toy = Toy.build(tmp_path)
    for name, value in toy.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return toy


@pytest.fixture(autouse=True)
def denormal_numbers() -> Iterator[None]:
    """Stage targets computed in this process take denormal numbers for zero; hypothesis refuses to work like that."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
