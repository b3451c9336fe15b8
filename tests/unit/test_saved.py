"""What an earlier stage has saved: read as it was, or named with what to do where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agents.saved import load_saved
from envs.base import EnvError


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "0123456789abcdef" / "teacher.pt"
    path.parent.mkdir()
    torch.save({"weights": torch.arange(10_000.0)}, path)
    return path


def test_what_was_saved_comes_back(weights: Path) -> None:
    assert torch.equal(load_saved(weights, torch.device("cpu"))["weights"], torch.arange(10_000.0))


@pytest.mark.parametrize("kept", [0, 1000, 0.5])
def test_a_file_that_was_cut_is_named_with_what_to_do(weights: Path, kept: float) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content[: int(kept * len(content) if kept < 1 else kept)])
    with pytest.raises(EnvError, match=r"teacher\.pt is damaged; move the folder .*/0123456789abcdef away, so that"):
        load_saved(weights)


def test_a_file_that_is_gone_is_called_so(weights: Path) -> None:
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"teacher\.pt"):
        load_saved(weights)


def test_what_is_wrong_with_a_whole_file_is_said_as_it_is(weights: Path) -> None:
    torch.save(Path("not only tensors"), weights)
    with pytest.raises(Exception, match="Weights only load failed"):
        load_saved(weights)
