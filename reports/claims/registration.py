"""When a grid's claims were written down, and what was changed in them since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from reports.claims.results import Registration
from reports.frame import GridData
from reports.text import plain_value

_LONG = 60  # characters of a value that are shown


def registrations(data: GridData) -> list[Registration]:
    """What the store noted of the grid's claims (benchmark.grid_records), first to last, each with its changes.

    Run folders can be copied beside a registration that was noted without them, so each result is also asked when it
    was finished.
    """
    entries, finished = data.registrations, _finished(data)
    changes = [(), *(tuple(_changes(before, after)) for before, after in pairwise(entries))]
    return [
        Registration(
            at=entry["at"],
            name=entry["name"],
            sha256=entry["sha256"],
            seeds=tuple(entry["seeds"]),
            results=entry["results"],
            older=sum(time is None or time < datetime.fromisoformat(entry["at"]) for time in finished),
            changes=its,
        )
        for entry, its in zip(entries, changes, strict=False)
    ]


def since_named(data: GridData) -> tuple[list[Registration], list[Registration]]:
    """The registrations before the plan's claims file was named for the first time, and those from then on."""
    noted, name = registrations(data), data.plan.settings["claims"]["name"]
    first = next((place for place, one in enumerate(noted) if one.name == name), len(noted))
    return noted[:first], noted[first:]


def _finished(data: GridData) -> list[datetime | None]:
    """When each result of the grid was finished; None where it does not say so."""
    of_cells = set(data.cells["key"][data.cells["status"] == "done"])
    return [_moment(time) for time in data.stages["finished"][data.stages["key"].isin(of_cells)]]


def _moment(text: Any) -> datetime | None:
    """A time as `result.json` has it, UTC where it names no zone; None for what an imported file has in its place."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    if before["name"] != after["name"]:
        found.append(f"claims file: {before['name'] or 'none'} → {after['name'] or 'none'}")
    if before["seeds"] != after["seeds"]:
        found.append(f"seeds: {_seeds(before['seeds'])} → {_seeds(after['seeds'])}")
    settings = [_leaves(entry.get("settings") or {}) for entry in (before, after)]
    found += [
        f"`{key}`: {' → '.join(_short(one[key]) if key in one else 'not set' for one in settings)}"
        for key in dict.fromkeys([*settings[0], *settings[1]])
        if settings[0].get(key) != settings[1].get(key)
    ]
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
