"""A Job without a harness: for tests of stage targets on their own."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Killed(Exception):
    """Raised by a PlainJob at the checkpoint that it was told to die after."""


@dataclass
class PlainJob:
    """Keeps the curve and the newest checkpoint in memory; ``die_at`` kills it after that many checkpoints."""

    params: Mapping[str, Any]
    folder: Path
    parents: Mapping[str, Path] = field(default_factory=dict)
    device: str = "cpu"
    repeatable: bool = True
    die_at: int | None = None
    rows: list[dict[str, float]] = field(default_factory=list)
    saved: tuple[Any, int] | None = None
    offered: int = 0

    def stream(self, purpose: str) -> int:
        name = f"{self.params['env']['id']}/{self.params['seed']}/{purpose}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1

    def log(self, frames: int, **metrics: float) -> None:
        self.rows.append({"frames": frames, **metrics})

    def progress(self, done: int, total: int, **shown: float) -> None:
        assert done >= 0

    def resume(self) -> dict[str, Any] | None:
        if self.saved is None:
            return None
        state, rows = self.saved
        del self.rows[rows:]
        return copy.deepcopy(state)

    def checkpoint(self, state: Callable[[], dict[str, Any]]) -> None:
        self.offered += 1
        self.saved = (copy.deepcopy(state()), len(self.rows))
        if self.offered == self.die_at:
            raise Killed

    def publish(self, name: str, write: Callable[[Path], None]) -> Path:
        write(self.folder / name)
        return self.folder / name
