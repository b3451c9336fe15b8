"""A stage's curve as points of MLflow, and the tag by which a run says how much of it the run shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.tracking.experiment import Point

Curve = tuple[bytes, list[dict[str, float]]]  # whole lines, and the rows in them


@dataclass(frozen=True)
class Rows:
    """Points to add for a curve, and the tag that says so then. count: all its rows. frames: at the last of them."""

    points: Sequence[Point] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    frames: int = 0
    damaged: bool = False


def new_rows(name: str, tag: str | None, curve: Curve, created: int, only: str | None = None) -> Rows:
    """What a run with this tag does not show yet; name: of the tag. created: when the stage was begun, milliseconds.

    only: of `train/win_rate`, `test/win_rate`, … those whose name ends so.
    """
    data, rows = curve
    shown = _mark(tag)[0]
    points: list[Point] = []
    for index, row in enumerate(rows[shown:], start=shown):
        values = {metric: value for metric, value in row.items() if metric != "frames"}
        if only is not None:
            values = {metric: value for metric, value in values.items() if metric.rpartition("/")[2] == only}
        points += points_of(values, created + index, int(row["frames"]))
    digest = hashlib.sha256(data).hexdigest()
    tags = {name: f"{len(rows)} rows, {len(data)} bytes, sha256 {digest}"} if len(rows) > shown else {}
    return Rows(points, tags, len(rows), int(rows[-1]["frames"]) if rows else 0)


def shows(tag: str | None, curve: Curve) -> bool:
    """Whether the rows that a run with this tag shows are the first of the curve."""
    rows, size, digest = _mark(tag)
    data = curve[0][:size]
    return not rows or (len(data) == size and hashlib.sha256(data).hexdigest() == digest)


def points_of(metrics: Mapping[str, Any], timestamp: int, step: int) -> list[Point]:
    """The finite numbers among the metrics."""
    return [(name, float(value), timestamp, step) for name, value in metrics.items() if isinstance(value, int | float)]


def _mark(tag: str | None) -> tuple[int, int, str]:
    """Rows, bytes and hash that the tag tells."""
    if tag is None:
        return 0, 0, ""
    words = tag.replace(",", "").split()
    return int(words[0]), int(words[2]), words[5]
