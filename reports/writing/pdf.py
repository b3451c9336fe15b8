"""The report on paper: Chromium prints the page, and what differs from one printing to the next is taken out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
VARIABLE = "LDD_BENCH_CHROMIUM"
TIMEOUT_S = 600

WHEN = re.compile(rb"/(?:CreationDate|ModDate) \(D:[^)]*\)")


class NoPdf(Exception):
    """Why there is no PDF, in one line."""


def browser() -> str:
    """The Chromium that prints: the path in LDD_BENCH_CHROMIUM, else the first one that is installed.

    Raises NoPdf where there is none, and for LDD_BENCH_CHROMIUM=off.
    """
    named = os.environ.get(VARIABLE)
    if named == "off":
        raise NoPdf(f"{VARIABLE}=off says so")
    for name in [named] if named else BROWSERS:
        if found := shutil.which(name):
            return found
    if named:
        raise NoPdf(f"{VARIABLE}={named} is no program; give the path of a Chromium")
    raise NoPdf(f"no Chromium was found; install one, or give its path in {VARIABLE}, and build the report again")


def print_page(text: str) -> bytes:
    """An HTML page that needs nothing but itself, as a PDF. Raises NoPdf.

    Equal pages give equal bytes with one version of Chromium.
    """
    program = browser()
    with tempfile.TemporaryDirectory(prefix="ldd-bench-pdf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        page, printed = folder / "report.html", folder / "report.pdf"
        page.write_text(text, encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}", "--no-pdf-header-footer",
            "--generate-pdf-document-outline", f"--print-to-pdf={printed}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # the sandbox refuses to work for root
            page.as_uri(),
        ]  # fmt: skip
        own = {name: str(folder / name) for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
        try:
            done = subprocess.run(command, env=os.environ | own, capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired:
            raise NoPdf(f"{program} did not print within {TIMEOUT_S} s") from None
        except OSError as error:
            raise NoPdf(f"{program} could not be started ({error.strerror})") from None
        if not printed.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise NoPdf(f"{program} printed nothing (exit code {done.returncode}): {said[-1] if said else 'no word'}")
        return WHEN.sub(lambda found: b" " * len(found[0]), printed.read_bytes())
