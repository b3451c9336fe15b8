"""The ledger of batches of jobs that were given to a scheduler, written before the scheduler hears of them.

One JSON file per batch, `<folder>/<name>.json`, and beside it a folder of that name with the files of its jobs. Files
instead of a database: they are replaced in one step, on a network file system too. A batch's file goes when nothing
has to be decided about any of its jobs.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.errors import BadInput
from benchmark.files import Damaged, read_json, write_json
from benchmark.jobs import Work
from benchmark.lease import OURS
from benchmark.spec import Resources

_LIKE: dict[str, Any] = {"grid": "", "job": None, "resources": {}, "works": [], "settled": []}
_TAIL = 8192  # bytes of a log file that are looked at
_LINES = 20


@dataclass
class Batch:
    """Jobs that are submitted together, as one array; a job is known by the batch's name and its place in `works`.

    attempts: of each work, how often each of its stages had been begun before. job: the scheduler's id, once it has
    confirmed the batch; for people. settled: jobs that are over and dealt with.
    """

    name: str
    grid: str
    works: tuple[Work, ...]
    attempts: tuple[tuple[int, ...], ...]
    job: str | None = None
    settled: set[int] = field(default_factory=set)

    @property
    def resources(self) -> Resources:
        """What each of its jobs is given."""
        return self.works[0].resources

    def open(self) -> list[int]:
        """The jobs about which something is still to be decided."""
        return [index for index in range(len(self.works)) if index not in self.settled]

    def to_json(self) -> dict[str, Any]:
        works = [{"keys": work.keys, "attempts": attempts} for work, attempts in self._pairs()]
        return {
            "grid": self.grid,
            "job": self.job,
            "resources": asdict(self.resources),
            "works": works,
            "settled": sorted(self.settled),
        }

    def _pairs(self) -> Iterator[tuple[Work, tuple[int, ...]]]:
        return zip(self.works, self.attempts, strict=True)

    @classmethod
    def from_json(cls, name: str, data: Mapping[str, Any]) -> Batch:
        resources = Resources(**data["resources"])
        works = tuple(Work(tuple(work["keys"]), resources) for work in data["works"])
        attempts = tuple(tuple(work["attempts"]) for work in data["works"])
        return cls(name, data["grid"], works, attempts, data["job"], set(data["settled"]))


class Ledger:
    """The batches of one store, of all its grids."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, grid: str, works: Sequence[Work], attempts: Sequence[Sequence[int]]) -> Batch:
        """A batch with a name that no other has, here or elsewhere; it is not written yet."""
        name = f"{OURS}{grid}-{uuid.uuid4().hex[:8]}"
        return Batch(name, grid, tuple(works), tuple(tuple(each) for each in attempts))

    def write(self, batch: Batch) -> None:
        """Raises BadInput where the disk is full or the folder cannot be written."""
        write_json(self._file(batch.name), batch.to_json(), indent=None)

    def read(self, name: str) -> Batch | None:
        """None where it has been removed. Raises BadInput for a file that does not hold what was written."""
        try:
            data = read_json(self._file(name), _LIKE)
        except Damaged as error:
            raise BadInput(f"{error}; cancel its jobs (scancel --name={name}), delete it, and run again") from None
        return None if data is None else Batch.from_json(name, data)

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob(f"{OURS}*.json"))

    def of_grid(self, grid: str) -> list[Batch]:
        """The batches of one grid. Raises BadInput for a damaged file."""
        mine = [name for name in self.names() if name.rpartition("-")[0] == f"{OURS}{grid}"]
        found = [self.read(name) for name in mine]
        return [batch for batch in found if batch is not None]

    def files(self, name: str) -> Path:
        """The folder of the files that the jobs of a batch read and write."""
        return self._folder / name

    def remove(self, name: str) -> None:
        """Forget a batch: its file first, so that a folder without one is known to be rubbish."""
        self._file(name).unlink(missing_ok=True)
        shutil.rmtree(self.files(name), ignore_errors=True)

    def remove_rubbish(self, grid: str) -> None:
        """Remove folders of this grid's batches that have been forgotten; only for the grid's driver."""
        for folder in self._folder.glob(f"{OURS}{grid}-*/"):
            if folder.name.rpartition("-")[0] == f"{OURS}{grid}" and not self._file(folder.name).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def words(self, batch: Batch, index: int) -> str:
        """The last lines that a job's process and Slurm's own printed; empty where nothing ever ran."""
        place = f"_{index}" if len(batch.works) > 1 else ""
        lines: list[str] = []
        for kind in ("out", "err"):
            for path in sorted(self.files(batch.name).glob(f"*{place}_0_log.{kind}")):
                with path.open("rb") as file:
                    file.seek(max(0, path.stat().st_size - _TAIL))
                    lines += file.read().decode("utf-8", errors="replace").splitlines()[-_LINES:]
        return "\n".join(line for line in lines if not line.startswith("submitit INFO"))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"
