"""Errors that are for the person at the keyboard, and the nearest valid name to what they wrote."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BadInput(Exception):
    """What the user asked for cannot be done as written; the message is one line that says what to change."""


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that `name` most resembles, or None where none is near.

    A dotted key is compared first with its neighbours, then with keys of that last part anywhere.
    """
    names = sorted(valid)
    group, dot, last = name.rpartition(".")
    if dot:
        neighbours = [other for other in names if other.rpartition(".")[0] == group]
        close = _closest(name, neighbours, 0.6, by_last_part=True)
    else:
        close = _closest(name, names, 0.6)
    return close or _closest(last, names, 0.75, by_last_part=True) or _closest(name, names, 0.8)


def _closest(name: str, names: list[str], cutoff: float, by_last_part: bool = False) -> str | None:
    if by_last_part:
        parts = {other.rpartition(".")[2]: other for other in reversed(names)}
        close = difflib.get_close_matches(name.rpartition(".")[2], parts, n=1, cutoff=cutoff)
        return parts[close[0]] if close else None
    close = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return close[0] if close else None


def unknown(what: str, name: str, valid: Iterable[str], do: str = "") -> BadInput:
    """The error for a name that does not exist: names it, the nearest valid one, and, where few, all of them.

    A last part without its dotted key names every key that ends so.
    """
    names = sorted(valid)
    near = [other for other in names if other.rpartition(".")[2] == name] or [nearest(name, names) or ""]
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if any(near) else ""
    listed = f" (valid: {', '.join(names)})" if 0 < len(names) <= 12 else ""
    return BadInput(f"unknown {what} {name!r}{hint}{listed}{'; ' + do if do else ''}")
