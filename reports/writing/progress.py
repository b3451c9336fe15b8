"""How far a long piece of work is, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Listen = Callable[[int, int, str], None]
"""(done, total, words): so many of the things that the words name are done."""

T = TypeVar("T")


def silent(done: int, total: int, words: str) -> None:
    """Nobody listens."""


def followed(items: Sequence[T], words: str, listen: Listen) -> Iterator[T]:
    """The items one by one, telling before each how many are done, and in the end that all are."""
    for done, item in enumerate(items):
        listen(done, len(items), words)
        yield item
    listen(len(items), len(items), words)
