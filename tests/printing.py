"""The programs that only some tests of the report need: missing, they are a reason to skip, or in CI to fail."""

from __future__ import annotations

import os
import shutil

import pytest

from reports.writing import pdf

ASKED = "LDD_BENCH_REPORT"
"""`required`, as in .ci/run, makes a failure of what would be skipped."""


def program(name: str) -> str:
    """The path of a program; the test is skipped, or fails, where it is not installed."""
    found = shutil.which(name)
    return found if found else absent(f"{name} is not installed (.ci/install-report installs it)")


def chromium(monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of the Chromium that the caller has named, or of Debian's; from here on reports are printed with it."""
    monkeypatch.setenv(pdf.VARIABLE, os.environ["LDD_BENCH_TEST_CHROMIUM"])
    try:
        return pdf.browser()
    except pdf.NoPdf as why:
        return absent(f"{why} (.ci/install-report installs it)")


def absent(why: str) -> str:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get(ASKED) == "required":
        pytest.fail(why)
    pytest.skip(why)
