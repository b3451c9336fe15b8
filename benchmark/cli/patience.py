"""Words to somebody who waits for a report: none if it is quick, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 5.0


class Patience:
    """Says how far the report is, at most once in so many seconds, the first time after as many."""

    def __init__(self, say: Callable[[str], None], every_s: float = EVERY_S) -> None:
        self._say = say
        self._every_s = every_s
        self._last = time.monotonic()

    def listen(self, done: int, total: int, words: str) -> None:
        """Hears from the report that so many of the things that the words name are done."""
        now = time.monotonic()
        if now - self._last >= self._every_s:
            self._last = now
            self._say(f"report: {words}" + (f", {done} of {total}" if total > 1 else ""))
