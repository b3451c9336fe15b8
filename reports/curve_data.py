"""The curves that stages logged: read fast, kept once per stage, written as one Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet

from benchmark.store import RunStore
from reports.writing.progress import Listen, followed, silent

Array = npt.NDArray[np.float64]
Columns = Mapping[str, Array]
"""`frames` and one column per metric, all equally long, in the order of the file; NaN where a row lacks the metric."""

READERS = 2
"""Threads that read: parsing holds no interpreter lock, and more would only wait for the disk."""

SCHEMA = pa.schema(
    [
        ("key", pa.dictionary(pa.int32(), pa.string())),
        ("stage", pa.dictionary(pa.int32(), pa.string())),
        ("frames", pa.int64()),
        ("metric", pa.dictionary(pa.int32(), pa.string())),
        ("value", pa.float64()),
    ]
)
"""Of data/curves.parquet: a row per number that a stage logged; the stages of a cell are in data/cells.csv."""

TOGETHER = 50
"""Stages per row group of the file: few enough for little memory, enough for good compression."""


@dataclass(frozen=True)
class Curves:
    """Stage key -> what the stage logged. A stage that several cells share is there once."""

    columns: Mapping[str, Columns]

    def keys(self) -> tuple[str, ...]:
        """The stages that have logged a row, in the order of the plan."""
        return tuple(self.columns)

    def metrics(self, key: str) -> tuple[str, ...]:
        """The names of what a stage logged; none for a stage without a curve."""
        return tuple(name for name in self.columns.get(key, {}) if name != "frames")

    def points(self, key: str, metric: str) -> tuple[Array, Array]:
        """Frames and values of one metric, [points] each, by rising frames; both empty where there is none.

        Of several values at one frame the last counts.
        """
        columns = self.columns.get(key, {})
        if metric not in columns:
            return np.empty(0), np.empty(0)
        there = ~np.isnan(columns[metric])
        frames, last = np.unique(columns["frames"][there][::-1], return_index=True)
        return frames, columns[metric][there][::-1][last]

    def tidy(self, key: str) -> pd.DataFrame:
        """One row per number that a stage logged: frames, metric, value."""
        parts = [
            pd.DataFrame({"frames": frames, "metric": metric, "value": values})
            for metric in self.metrics(key)
            for frames, values in [self.points(key, metric)]
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["frames", "metric", "value"])


def read_curves(store: RunStore, keys: Sequence[str], listen: Listen = silent) -> Curves:
    """The curves of these stages; one without a whole line is left out. listen: hears how far it is.

    Raises benchmark.files.Damaged, which names file and line.
    """
    found: dict[str, Columns] = {}
    with ThreadPoolExecutor(READERS) as readers:
        read = readers.map(lambda key: _read(store, key), keys)
        for key, columns in zip(followed(keys, "curves", listen), read, strict=True):
            if columns:
                found[key] = columns
    pa.default_memory_pool().release_unused()
    return Curves(found)


def _read(store: RunStore, key: str) -> Columns:
    """A curve's columns. What the fast parser does not take word for word, the store's exact one reads or names."""
    try:
        data = store.curve_file(key).read_bytes()
        data = data[: data.rfind(b"\n") + 1]  # an unfinished last line is not there yet
        if not data:
            return {}
        columns = _parse(data)
    except (OSError, ValueError, pa.ArrowException):
        columns = None
    return _exact(store.curve(key)) if columns is None else columns


def _parse(data: bytes) -> Columns | None:
    """The columns of whole lines; None where they are not one object with its frames in each line."""
    options = pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    table = pa.json.read_json(pa.BufferReader(data), read_options=options)
    whole = table.num_rows == data.count(b"\n") and b"\r" not in data and "frames" in table.column_names
    if not whole or not _is_number(table["frames"].type) or table["frames"].null_count:
        return None
    names = [name for name in table.column_names if _is_number(table[name].type)]
    return {name: _floats(table[name]) for name in names}


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _floats(column: pa.ChunkedArray) -> Array:
    floats = column.type == pa.float64()
    return np.asarray((column if floats else column.cast(pa.float64(), safe=False)).to_numpy(), dtype=np.float64)


def _exact(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """The same from rows of any content: a value that is no number is a hole, a column of holes is left out."""
    names = dict.fromkeys(["frames", *(name for row in rows for name in row)])
    columns = {name: [_number(row.get(name)) for row in rows] for name in names}
    return {
        name: np.array(values, dtype=np.float64)
        for name, values in columns.items()
        if rows and any(value is not None for value in values)
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def write_curves(path: Path, curves: Curves, stage_of: Mapping[str, str]) -> None:
    """Write all curves to a Parquet file of SCHEMA. stage_of: stage key -> its name in the pipeline."""
    with pa.parquet.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=["key", "stage", "metric"]) as file:
        for table in _tables(curves, stage_of):
            file.write_table(table)


def _tables(curves: Curves, stage_of: Mapping[str, str]) -> Iterator[pa.Table]:
    keys = curves.keys()
    for first in range(0, len(keys), TOGETHER):
        parts = [
            (key, metric, *curves.points(key, metric))
            for key in keys[first : first + TOGETHER]
            for metric in curves.metrics(key)
        ]
        lengths = [len(values) for *_, values in parts]
        repeated = (
            _repeated([key for key, *_ in parts], lengths),
            _repeated([stage_of[key] for key, *_ in parts], lengths),
            _repeated([metric for _, metric, *_ in parts], lengths),
        )
        frames = np.concatenate([frames for *_, frames, _ in parts]).astype(np.int64)
        values = np.concatenate([values for *_, values in parts])
        yield pa.Table.from_arrays([*repeated[:2], frames, repeated[2], values], schema=SCHEMA)


def _repeated(words: Sequence[str], lengths: Sequence[int]) -> pa.DictionaryArray:
    places, unique = pd.factorize(np.array(words, dtype=object))
    return pa.DictionaryArray.from_arrays(np.repeat(places.astype(np.int32), lengths), list(unique))
