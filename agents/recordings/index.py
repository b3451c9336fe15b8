"""NLE's SQLite index of ttyrecs: made for the games recorded here, and opened, wherever they have been moved to."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from nle import dataset as nld

from envs.base import EnvError


class Index(NamedTuple):
    """dataset: nle.dataset.TtyrecDataset, which knows the files of a game's number. numbers: in the index' order.

    root: what the files are relative to. version: of the ttyrecs.
    """

    dataset: Any
    numbers: list[int]
    root: Path
    version: int


def read_index(path: Path, dataset: str, rows: bool = False) -> Index:
    """What an index says of a dataset; with ``rows``, also the lines of the xlogfiles.

    Raises EnvError where it is missing, damaged or does not know the dataset.
    """
    if not path.is_file():
        raise EnvError(f"there is no index of NetHack games {path}; record or register them anew")
    try:
        with _plain_name(path) as name, nld.db.db(filename=name) as connection:
            found = nld.TtyrecDataset(dataset, dbfilename=name)
            if rows:
                found.populate_metadata()
            numbers = [number for _, number, *_ in nld.db.get_games(dataset, connection)]
            root, version = nld.db.get_root(dataset, connection), nld.db.get_ttyrec_version(dataset, connection)
    except (sqlite3.DatabaseError, TypeError) as error:
        raise EnvError(f"{path} is no readable index of {dataset} ({error}); record or register it anew") from error
    return Index(found, numbers, Path(root), version)


def write_index(path: Path, root: Path, dataset: str) -> None:
    """Write the index of the ttyrecs and xlogfiles that lie one folder below ``root``."""
    with tempfile.TemporaryDirectory(prefix="ldd-index-") as folder:
        name = str(Path(folder) / "ttyrecs.db")
        nld.db.create(filename=name)
        with contextlib.redirect_stdout(io.StringIO()):
            link = Path(folder) / "root"  # NLE takes a root's name for a pattern
            link.symlink_to(root.absolute())
            nld.add_nledata_directory(str(link), dataset, filename=name)
        with closing(sqlite3.connect(name)) as connection:
            connection.execute("UPDATE roots SET root = ?", (str(root.absolute()),))
            connection.commit()
        path.write_bytes(Path(name).read_bytes())


@contextlib.contextmanager
def _plain_name(path: Path) -> Iterator[str]:
    """Another name of an index, without ? and #, by which NLE means something else."""
    with tempfile.TemporaryDirectory(prefix="ldd-index-") as folder:
        link = Path(folder) / "ttyrecs.db"
        link.symlink_to(path.absolute())
        yield str(link)
