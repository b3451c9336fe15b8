"""What a job's process inherits, and that the driver's own environment is left as it was."""

from __future__ import annotations

import os

import pytest

from benchmark.launch_local import _child_environment


def test_only_the_touched_variables_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread of the driver (the MLflow mirror) may set variables while a job is started."""
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("SET_MEANWHILE", raising=False)
    with _child_environment("cpu"):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("1", "1")
        os.environ["SET_MEANWHILE"] = "yes"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ
    assert os.environ.pop("SET_MEANWHILE") == "yes"
