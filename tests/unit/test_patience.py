"""Somebody who waits for a report hears from it, but not too often."""

from __future__ import annotations

import pytest

from benchmark.cli.patience import Patience


def test_a_quick_report_is_silent_and_a_slow_one_speaks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("benchmark.cli.patience.time.monotonic", lambda: clock[0])
    said: list[str] = []
    patience = Patience(said.append, every_s=5.0)
    for second, done in enumerate(range(12)):
        clock[0] = 100.0 + second
        patience.listen(done, 40, "figures")
    assert said == ["report: figures, 5 of 40", "report: figures, 10 of 40"]
    clock[0] += 60
    patience.listen(0, 1, "printing the PDF")
    assert said[-1] == "report: printing the PDF"
