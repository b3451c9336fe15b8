"""Results as files: a folder of scores, curves and `grid.json`, or a table of scores alone; CSV or Parquet."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from benchmark.errors import BadInput
from reports.interchange import checking, marl_eval
from reports.interchange.checking import Source
from reports.interchange.results import POINT, Results
from reports.writing.output import ReportFolder

Format = Literal["csv", "parquet", "marl-eval"]

SCORES = {"scores.csv": "csv", "scores.parquet": "parquet"}
CURVES = {"scores.csv": "curves.csv.gz", "scores.parquet": "curves.parquet"}
GRID = "grid.json"
FORMAT = "LDD-Bench results, version 1"

_FACTS: dict[str, type] = {
    "grid": str,
    "description": str,
    "headline": str,
    "settings": dict,
    "environments": dict,
    "methods": dict,
    "evaluated_on": dict,
}


def write(results: Results, place: Path, format: Format) -> list[Path]:
    """Write results into a folder (CSV, Parquet) or a file (marl-eval); returns the files. Raises BadInput."""
    if format == "marl-eval":
        if place.is_dir():
            raise BadInput(f"--to {place} is a folder, expected a file such as {place / 'results.json'}")
        content = json.dumps(marl_eval.to_json(results), indent=1, allow_nan=False) + "\n"
        return [_folder(place.parent).write(place.name, content.encode())]
    if place.suffix in (".csv", ".parquet", ".json", ".gz") or place.is_file():
        raise BadInput(
            f"--to {place} is a file, and {format} is a folder of several; drop the suffix, or choose another"
        )
    folder = _folder(place)
    name = f"scores.{format}"
    files = [
        folder.write(name, _table(results.scores, format)),
        folder.write(CURVES[name], _curves(results.curves, format)),
        folder.write_json(GRID, {"format": FORMAT, **results.facts}),
    ]
    for other in (*(set(SCORES) - {name}), *(set(CURVES.values()) - {CURVES[name]})):
        (place / other).unlink(missing_ok=True)  # of an earlier export, or nobody could tell which holds
    return files


def _folder(path: Path) -> ReportFolder:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--to {path} cannot be made ({error.strerror}); choose another place") from None
    return ReportFolder(path)


def _table(table: pd.DataFrame, format: Format) -> bytes:
    if format == "csv":
        return table.to_csv(index=False, lineterminator="\n").encode()
    out = pa.BufferOutputStream()
    pa.parquet.write_table(pa.Table.from_pandas(table, preserve_index=False), out, compression="zstd")
    return bytes(out.getvalue())


def _curves(table: pd.DataFrame, format: Format) -> bytes:
    content = _table(table, format)
    return gzip.compress(content, mtime=0) if format == "csv" else content


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and contents of the files that `read` reads."""
    if path.is_dir():
        names = [name for name in (*SCORES, *CURVES.values(), GRID) if (path / name).is_file()]
        return hashlib.sha256("".join(f"{name}\0{digest(path / name)}\n" for name in names).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, headline: str | None = None) -> tuple[Results, str]:
    """Results from what `write` wrote, or from a table or a JSON file of somebody else; and the headline metric.

    headline: see Results.decided.

    Raises BadInput, one line about the first thing that is wrong.
    """
    if not path.exists():
        raise BadInput(f"{path} is not there; name a .csv, .parquet or .json file, or a folder that `export` wrote")
    if path.is_dir():
        return _read_folder(path, headline)
    if path.suffix == ".json":
        results = marl_eval.from_json(_json(path), str(path)).decided(headline)
        return results, results.headline()
    table = checking.scores(*_raw(path))
    results = Results(table, no_curves()).decided(headline)
    checking.require_scores(table, results.headline_of, _source(path))
    return results, results.headline()


def _read_folder(path: Path, headline: str | None) -> tuple[Results, str]:
    there = [name for name in SCORES if (path / name).is_file()]
    if not there:
        raise BadInput(f"{path} has neither {' nor '.join(SCORES)}; name a folder that `export` wrote, or a file")
    file = path / there[0]
    table = checking.scores(*_raw(file))
    curves_file, grid_file = path / CURVES[there[0]], path / GRID
    curves = no_curves()
    if curves_file.is_file():
        raw, source = _raw(curves_file)
        curves = checking.curves(raw, source, table) if len(raw) else curves
    results = Results(table, curves, _facts(grid_file) if grid_file.is_file() else {}).decided(headline)
    checking.require_scores(table, results.headline_of, _source(file))
    return results, results.headline()


def no_curves() -> pd.DataFrame:
    """An empty table of curves."""
    return pd.DataFrame({name: [] for name in POINT})


def _source(path: Path) -> Source:
    return Source(str(path)) if path.suffix == ".parquet" else Source(str(path), "line", 2)


def _raw(path: Path) -> tuple[pd.DataFrame, Source]:
    """A file's table as it stands there; the words of a CSV file are not interpreted yet."""
    if path.suffix == ".parquet":
        try:
            return pd.read_parquet(path), _source(path)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{path} is no Parquet file ({_first_line(error)})") from None
    if path.suffix not in (".csv", ".gz"):
        raise BadInput(f"{path} is neither .csv, .parquet nor .json; rename it as what it is")
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return csv_table(data.decode("utf-8-sig"), _source(path)), _source(path)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text in UTF-8 ({_first_line(error)})") from None


def csv_table(text: str, source: Source) -> pd.DataFrame:
    """The table in a text of comma-separated values; no value is interpreted. Raises BadInput where it is none."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise BadInput(f"{source.name} is no CSV ({error})") from None
    while rows and not any(rows[-1]):
        rows.pop()  # lines without a word at the end
    if not rows or not any(rows[0]):
        raise BadInput(f"{source.name} is empty, expected a line of column names and a line per run")
    header = [name.strip() for name in rows[0]]
    for name in header:
        if header.count(name) > 1:
            raise BadInput(f"{source.name} has two columns {name!r}; drop or rename one")
    for index, row in enumerate(rows[1:]):
        if len(row) != len(header):
            raise source.wrong(index, f"it has {len(row)} values for {len(header)} columns")
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def _facts(path: Path) -> dict[str, Any]:
    """`grid.json`, as far as it is what `write` wrote."""
    content = _json(path)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise BadInput(f"{path} is not of `export` ({FORMAT!r} is missing); move it away, or export again")
    for name, kind in _FACTS.items():
        if not isinstance(content.get(name), kind):
            raise BadInput(f"{path}: {name} is {content.get(name)!r:.50}, expected a {kind.__name__}; export again")
    return {name: content[name] for name in _FACTS}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = "is empty" if not path.stat().st_size else f"is no JSON ({_first_line(error)})"
        raise BadInput(f"{path} {what}") from None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
