"""Reading what an earlier stage has saved with PyTorch."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from envs.base import EnvError


def load_saved(path: Path, device: torch.device | None = None) -> Any:
    """The content of a file of ``torch.save``, its tensors on the device; without one, where they were.

    Raises EnvError where the file is not what was saved.
    """
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        if _is_whole(path):
            raise
        raise EnvError(
            f"{path} is damaged; move the folder {path.parent} away, so that it is computed anew, and retry"
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except zipfile.BadZipFile:
        return False
