"""Where everything lies below one root: no other module builds a path in it."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.checkpoints import Checkpoints
from benchmark.errors import BadInput


class Places:
    """`<root>/<key>/` holds one stage, `<root>/grids/<name>/` what belongs to one grid."""

    def __init__(self, root: Path | str = "runs") -> None:
        self.root = Path(root).absolute()

    def folder(self, key: str) -> Path:
        return self.root / key

    def artefact(self, key: str, name: str) -> Path:
        """Path of a file that the stage published, e.g. `episodes.npz`."""
        return self.folder(key) / name

    def log_file(self, key: str) -> Path:
        return self.folder(key) / "log.txt"

    def curve_file(self, key: str) -> Path:
        return self.folder(key) / "metrics.jsonl"

    def claims(self, key: str) -> Path:
        return self.folder(key) / "claims"

    def checkpoints(self, key: str) -> Checkpoints:
        return Checkpoints(self.folder(key) / "checkpoint")

    def grid_folder(self, grid: str) -> Path:
        return self.root / "grids" / grid

    def comparison(self, name: str) -> Path:
        """Where two results side by side are written."""
        return self.root / "compare" / name

    def driver_log(self, grid: str) -> Path:
        """What a command that runs a grid in the background says."""
        return self.grid_folder(grid) / "driver.log"

    def launches(self) -> Path:
        """Where running commands keep the files of their jobs."""
        return self.root / ".jobs"

    def mlflow_database(self) -> Path:
        return self.root / "mlflow.db"

    def mlflow_artifacts(self) -> Path:
        return self.root / "mlflow-artifacts"

    def mirrored_file(self, grid: str) -> Path:
        """Which cells of a grid MLflow shows in their final state."""
        return self.grid_folder(grid) / "mirrored.json"

    def require_writable(self) -> None:
        """Make the root folder. Raises BadInput where it cannot be made or written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.root, os.W_OK | os.X_OK)
        except FileExistsError:
            raise BadInput(f"--root {self.root} is a file, expected a folder; choose another --root") from None
        except OSError as error:
            raise BadInput(f"--root {self.root} cannot be made ({error.strerror}); choose another --root") from None
        if not writable:
            raise BadInput(f"--root {self.root} is not writable; choose another --root, or change its permissions")

    def history_file(self) -> Path:
        return self.root / "history.json"

    def probes_file(self) -> Path:
        return self.root / "probes.json"

    def probe_folder(self) -> Path:
        """Where a probe computes; nothing in it is a result."""
        return self.root / ".probe"
