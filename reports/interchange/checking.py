"""Tables of other people, checked value by value: what is wrong is named with its place, in one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import BadInput, nearest, unknown
from reports.interchange.results import CELL, FLAGS, KNOWN, NUMBERS, POINT, TEXTS, ordered
from reports.rows import STATUSES

Value = TypeVar("Value")

UNFIT = re.compile(r"[^\w.@=+-]+")
"""What no name of an environment or a method has, because names are parts of `environment/method/seed`."""


@dataclass(frozen=True)
class Source:
    """A table that is read. name: of its file. row: what its rows are called, and the number of the first."""

    name: str
    row: str = "row"
    first: int = 1

    def wrong(self, index: int, problem: str) -> BadInput:
        """The error for a row. index: from 0."""
        return BadInput(f"{self.name}, {self.row} {self.first + index}: {problem}")


def scores(raw: pd.DataFrame, source: Source) -> pd.DataFrame:
    """A table of scores as Results has it. Rows without a status are done. Raises BadInput for the first mistake."""
    _require(raw, CELL, source)
    metrics = [name for name in raw.columns if name not in KNOWN]
    if not metrics:
        raise BadInput(
            f"{source.name} has no column of scores beside {', '.join(raw.columns)}; add one such as win_rate"
        )
    found = {
        "environment": _each(raw["environment"], source, _word),
        "method": _each(raw["method"], source, _word),
        "seed": _each(raw["seed"], source, _whole),
    }
    status = raw["status"] if "status" in raw else pd.Series(["done"] * len(raw), name="status")
    found["status"] = _each(status, source, _status)
    for name in (name for name in TEXTS if name in raw and name != "status"):
        found[name] = [_text(value) or None for value in raw[name]]
    for name in (name for name in FLAGS if name in raw):
        found[name] = _each(raw[name], source, _flag)
    numbers = {name: _numbers(raw[name], source) for name in (*NUMBERS, *metrics) if name in raw}
    table = pd.DataFrame({**found, **numbers})
    _require_one_each(table, source)
    for name in metrics:
        for index in np.flatnonzero(table[name].notna() & (table["status"] != "done")):
            state = table["status"][index]
            raise source.wrong(int(index), f"status is {state}, but {name} has a value; only what is done has scores")
    return table[ordered(metrics, table.columns)]


def curves(raw: pd.DataFrame, source: Source, known: pd.DataFrame) -> pd.DataFrame:
    """A table of curves as Results has it. known: the scores. Raises BadInput for the first mistake."""
    _require(raw, POINT, source)
    table = pd.DataFrame(
        {
            "environment": _each(raw["environment"], source, _word),
            "method": _each(raw["method"], source, _word),
            "seed": _each(raw["seed"], source, _whole),
            "frames": _each(raw["frames"], source, _whole),
            "metric": _each(raw["metric"], source, _word),
            "value": _numbers(raw["value"], source),
        }
    )
    for index in np.flatnonzero(table["value"].isna()):
        raise source.wrong(int(index), "value is empty; leave the row out")
    cells = set(known[list(CELL)].itertuples(index=False, name=None))
    columns = (table[name] for name in CELL)
    for index, cell in enumerate(zip(*columns, strict=True)):
        if cell not in cells:
            raise source.wrong(index, f"it is of {'/'.join(map(str, cell))}, of which there is no row of scores")
    return table


def require_scores(table: pd.DataFrame, headline_of: Callable[[str], str], source: Source) -> None:
    """Every run that is done has the metric that tables show of its environment. Raises BadInput."""
    for index, row in enumerate(table.to_dict("records")):
        metric = headline_of(row["environment"])
        if row["status"] == "done" and np.isnan(row[metric]):
            words = f"{metric} is empty; give the number, or say what became of the run in a column status"
            raise source.wrong(index, f"{words} (failed, missing)")


def slug(name: str) -> str:
    """A name that can be part of `environment/method/seed`."""
    return UNFIT.sub("-", name.strip()).strip("-")


def renamed(table: pd.DataFrame, column: str) -> tuple[dict[str, str], dict[str, str]]:
    """Name in a file -> name in a grid, and that -> what readers see. Raises BadInput where two become one."""
    names = {str(name): slug(str(name)) for name in dict.fromkeys(table[column])}
    labels: dict[str, str] = {}
    for name, short in names.items():
        if not short:
            raise BadInput(f"{column} {name!r} has no letter or digit; give it a name")
        if short in labels:
            raise BadInput(f"{column} {name!r} and {labels[short]!r} are both {short!r} in a grid; rename one")
        labels[short] = name
    return names, labels


def _require(raw: pd.DataFrame, columns: Sequence[str], source: Source) -> None:
    for column in columns:
        if column not in raw.columns:
            near = nearest(column, [str(name) for name in raw.columns if name not in KNOWN])
            hint = f"; did you mean its {near!r}?" if near else ""
            raise BadInput(f"{source.name} has no column {column!r}{hint} (it has: {', '.join(map(str, raw.columns))})")
    if raw.empty:
        raise BadInput(f"{source.name} has no rows; there is nothing to read")


def _require_one_each(table: pd.DataFrame, source: Source) -> None:
    seen: dict[Any, int] = {}
    for index, cell in enumerate(table[list(CELL)].itertuples(index=False, name=None)):
        if cell in seen:
            first = f"{source.row} {source.first + seen[cell]}"
            name = "/".join(map(str, cell))
            raise source.wrong(index, f"{name} is there twice, first in {first}; give each seed one row")
        seen[cell] = index


def _each(column: pd.Series[Any], source: Source, read: Callable[[str, Any], Value]) -> list[Value]:
    """Every value of a column as `read` understands it; equal ones are read once."""
    known: dict[Any, Value] = {}
    found = []
    for index, value in enumerate(column):
        value = value if isinstance(value, Hashable) else str(value)
        if value not in known:
            try:
                known[value] = read(str(column.name), value)
            except BadInput as error:
                raise source.wrong(index, str(error)) from None
        found.append(known[value])
    return found


def _text(value: Any) -> str:
    return "" if _absent(value) else str(value).strip()


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _word(name: str, value: Any) -> str:
    if not _text(value):
        raise BadInput(f"{name} is empty, expected a name")
    return _text(value)


def _status(name: str, value: Any) -> str:
    text = _text(value) or "done"
    if text not in STATUSES:
        raise unknown(name, text, STATUSES)
    return text


def _flag(name: str, value: Any) -> bool | None:
    text = _text(value).lower()
    if text not in ("", "true", "false"):
        raise BadInput(f"{name} is {value!r}, expected true or false")
    return None if not text else text == "true"


def _whole(name: str, value: Any) -> int:
    try:
        number = float(_text(value))
    except ValueError:
        number = -1.0
    if not number.is_integer() or number < 0:
        raise BadInput(f"{name} is {_shown(value)}, expected a whole number from 0")
    return int(number)


def _numbers(column: pd.Series[Any], source: Source) -> npt.NDArray[np.float64]:
    """A column of finite numbers; NaN where it is empty."""
    plain = column.to_numpy(dtype=float, na_value=np.nan) if pd.api.types.is_numeric_dtype(column) else None
    if plain is not None and not np.isinf(plain).any():
        return plain
    return np.array(_each(column, source, _number), dtype=np.float64)


def _number(name: str, value: Any) -> float:
    text = _text(value)
    try:
        number = float(text or "nan")
    except ValueError:
        number = np.inf
    if np.isinf(number) or (text and np.isnan(number)):
        raise BadInput(f"{name} is {_shown(value)}, expected a number, or nothing where there is none")
    return number


def _shown(value: Any) -> str:
    return "empty" if not _text(value) else repr(_text(value))


def listed(names: Iterable[object], most: int = 6) -> str:
    """`a, b, c, …`."""
    words = [str(name) for name in names]
    return ", ".join(words[:most]) + (", …" if len(words) > most else "")
