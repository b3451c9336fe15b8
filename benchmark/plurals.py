"""Counted things in words, for what the harness and the reports print."""

from __future__ import annotations


def noun(n: int, one: str, many: str = "") -> str:
    """The words for so many: `one`, or else `many`, which without its own form is `one` with an s."""
    return one if n == 1 else many or f"{one}s"


def plural(n: int, one: str, many: str = "") -> str:
    """`1 seed`, `2 seeds`; with words that change otherwise `1 job waits`, `2 jobs wait`."""
    return f"{n} {noun(n, one, many)}"
