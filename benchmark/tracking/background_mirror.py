"""The mirror beside a scheduler: a pass every few seconds, whose trouble is told once and stops nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.tracking.mirror import Mirror

EVERY_S = 10.0


class BackgroundMirror:
    """Runs `Mirror.sync` every few seconds. Trouble becomes one warning, never a failure."""

    def __init__(self, mirror: Mirror, warn: Callable[[str], None]) -> None:
        self._mirror, self._warn = mirror, warn
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._thread = threading.Thread(target=self._repeat, name="mlflow-mirror", daemon=True)

    def __enter__(self) -> BackgroundMirror:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def sync(self, report: Sequence[Path] = ()) -> bool:
        """One pass now; returns whether it went well."""
        try:
            with self._lock:
                self._mirror.sync(report)
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            self._say_once(
                "error",
                f"MLflow at {self._mirror.uri} was not written ({type(error).__name__}: {text});"
                " the runs are safe, and the same command mirrors them again",
            )
            return False
        for line in self._mirror.damaged:
            self._say_once(line, f"not shown in MLflow: {line}")
        return not self._mirror.damaged

    def _say_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            self._warn(text)

    def _repeat(self) -> None:
        while not self._over.wait(EVERY_S):
            self.sync()
