"""What a stage's target may ask of whoever runs it. The harness provides it; a test can provide a plain one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class Job(Protocol):
    """One stage being computed.

    params: the stage's parameters, plain JSON values. parents: stage name -> finished run folder.
    folder: the stage's own run folder. device: "cpu" or "cuda". repeatable: set it to False where equal stages may have
    unequal results on one CPU.
    """

    params: Mapping[str, Any]
    parents: Mapping[str, Path]
    folder: Path
    device: str
    repeatable: bool

    def stream(self, purpose: str) -> int:
        """A 63-bit seed derived from (environment, seed, purpose), equal for all methods."""

    def log(self, frames: int, **metrics: float) -> None:
        """Append one row to the stage's curve; only values that a repeat would reproduce, so no times."""

    def progress(self, done: int, total: int, **shown: float) -> None:
        """Tell the live display how far the stage is (rate and time left are derived from it)."""

    def resume(self) -> dict[str, Any] | None:
        """The newest whole checkpoint's state, or None; rows logged after it are cut."""

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        """Offer a checkpoint at a point where the stage can continue; saved when due or when asked to stop.

        When the stage was asked to stop, it is saved and this call does not return.
        """

    def publish(self, name: str, write: Callable[[Path], None]) -> Path:
        """Write an artefact of the run folder under a temporary name and rename it into place."""
