"""When a grid's claims were written down, and what was changed in them since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from reports.claims.results import Registration
from reports.text import plain_value

_LONG = 60  # characters of a value that are shown


def registrations(entries: Sequence[Mapping[str, Any]]) -> list[Registration]:
    """The registrations that a store noted (benchmark.grid_records), first to last, each with its changes in words."""
    if not entries:
        return []
    first = Registration(entries[0]["at"], entries[0]["sha256"], entries[0]["results"], ())
    return [
        first,
        *(Registration(b["at"], b["sha256"], b["results"], tuple(_changes(a, b))) for a, b in pairwise(entries)),
    ]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    if before["name"] != after["name"]:
        found.append(f"claims file: {before['name'] or 'none'} → {after['name'] or 'none'}")
    if before["seeds"] != after["seeds"]:
        found.append(f"seeds: {_seeds(before['seeds'])} → {_seeds(after['seeds'])}")
    old, new = (_leaves(entry["content"] or {}) for entry in (before, after))
    for key in dict.fromkeys([*old, *new]) if before["name"] == after["name"] else ():
        if key not in new:
            found.append(f"`{key}` dropped")
        elif key not in old:
            found.append(f"`{key}` added: {_short(new[key])}")
        elif old[key] != new[key]:
            found.append(f"`{key}`: {_short(old[key])} → {_short(new[key])}")
    return found or ["only the file's comments or its layout"]


def _leaves(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= _leaves(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _short(value: Any) -> str:
    text = plain_value(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _seeds(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
