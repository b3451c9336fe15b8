"""The JSON files of a store, read so that only whole ones count: each reader raises Damaged, which names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.files import Damaged, read_json, unreadable
from benchmark.recipes import unpacked
from benchmark.spec import Plan, Stage

# status.json before the first progress of a stage.
UNBEGUN: dict[str, Any] = {
    "state": "running",
    "done": 0,
    "total": 0,
    "rate": 0.0,
    "shown": {},
    "heartbeat": 0.0,
    "attempt": 0,
    "failures": 0,
    "transient": False,
    "reason": None,
    "pid": 0,
}
# The fields that a file must have, with values of their types.
_STATUS = {name: value for name, value in UNBEGUN.items() if name != "transient"}  # the first versions had none
_PROVENANCE = {"commit": None, "dirty": False, "created": 0.0}
_SPEC = {"key": "", "kind": "", "target": "", "params": {}, "parents": {}, "version": 0}
_INTERRUPTION: dict[str, type] = {"why": str, "checkpoint": int, "job": str, "in_a_row": int}
_PLAN: dict[str, Any] = {"grid": "", "cells": [], "stages": {}}
_RESULT = {
    "metrics": {},
    "attempts": 0,
    "seconds": 0.0,
    "device": "",
    "deterministic": True,
    "resumed_from": [],
    "finished": "",
}


def read_spec(path: Path, key: str) -> Stage | None:
    """The stage of a run folder's `spec.json`, which must have the folder's key."""
    data = read_json(path, _SPEC)
    if data is None:
        return None
    try:
        stage = Stage.from_json(data)
    except ValueError as error:
        raise Damaged(f"{path} is damaged: {error}") from None
    if stage.key != key:
        raise Damaged(f"{path} is damaged: it is that of stage {stage.key}")
    return stage


def read_result(path: Path, key: str) -> dict[str, Any] | None:
    """A run folder's `result.json`, which must be that of its stage."""
    result: dict[str, Any] | None = read_json(path, _RESULT)
    if result is not None and result.get("key", key) != key:
        raise Damaged(f"{path} is damaged: it is that of stage {result['key']}")
    return result


def read_status(path: Path) -> dict[str, Any] | None:
    status = read_json(path, _STATUS)
    return None if status is None else {**UNBEGUN, **status}


def read_provenance(path: Path) -> dict[str, Any] | None:
    provenance: dict[str, Any] | None = read_json(path, _PROVENANCE)
    return provenance


def read_interruptions(path: Path) -> list[dict[str, Any]]:
    """The entries that have all their fields, and none of a damaged file: it only says how often to try again."""
    try:
        entries = read_json(path)
    except Damaged:
        return []
    return [one for one in entries if _is_interruption(one)] if isinstance(entries, list) else []


def _is_interruption(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(name), kind) for name, kind in _INTERRUPTION.items())


def read_curve(path: Path) -> tuple[bytes, list[dict[str, float]]]:
    """The whole lines of a curve, and the rows in them: {"frames": int, "<metric>": float, …}; no file has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b"", []
    except OSError as error:
        raise unreadable(path, error) from error
    data = data[: data.rfind(b"\n") + 1]  # an unfinished last line is not there yet
    rows = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            row = json.loads(line)
            row["frames"] + 0  # a number
        except (ValueError, KeyError, TypeError):
            remedy = f"move {path.parent} away and run its grid again, which computes it anew"
            raise Damaged(f"{path} is damaged in line {number}; {remedy}") from None
        rows.append(row)
    return data, rows


def read_plan(path: Path) -> Plan | None:
    """A grid's `plan.json`."""
    try:
        data = read_json(path, _PLAN)
        return None if data is None else unpacked(data)
    except (Damaged, LookupError, TypeError, ValueError, AttributeError) as error:
        what = str(error) if isinstance(error, Damaged) else f"{path} is damaged ({type(error).__name__}: {error})"
        raise Damaged(f"{what}; `run_all.py run --grid {path.parent.name}` writes it anew") from None
