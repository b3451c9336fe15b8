"""Counted things in words, for what the harness and the reports print."""

from __future__ import annotations


def plural(n: int, noun: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
