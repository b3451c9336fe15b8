"""A command line together with what it refers to: configurations, request, plan, cells, store."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.cli.parse import Options
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan, select
from benchmark.provenance import PROJECT
from benchmark.request import Request, read_request, stored_request
from benchmark.spec import Cell, Plan
from benchmark.store import RunStore
from benchmark.validate import Schema

Listen = Callable[[int, int, str], None]
"""(done, total, words): so many of the things that the words name are done."""

BuildReport = Callable[[Path, str, Listen], tuple[Sequence[Path], str | None]]
"""(root, grid, listen) -> the report's files, and why there is no PDF among them."""


@dataclass(frozen=True)
class Reports:
    """What the command line needs of the reports, which the harness does not import; run_all.py gives it.

    build: root, grid -> the report's files. export: root, grid, place, format or None -> what was written, and what
    was left out. import_results: root, file, name of the new grid, headline or None -> what was read. compare: root,
    grid or None, two sides -> the files of their comparison. claims: root, grid -> reports.claims as plain JSON, with
    `registration` in words; None where the plan names no claims.
    """

    build: BuildReport
    export: Callable[[Path, str, Path, str | None], list[str]]
    import_results: Callable[[Path, Path, str, str | None], list[str]]
    compare: Callable[[Path, str | None, tuple[str, str]], tuple[Path, Path]]
    claims: Callable[[Path, str], dict[str, Any] | None]


@dataclass(frozen=True)
class Asked:
    """Whatever is named wrongly raises BadInput when it is first looked at."""

    options: Options
    reports: Reports

    @cached_property
    def configs(self) -> Configs:
        return Configs(self.options.configs or PROJECT / "configs")

    @cached_property
    def schema(self) -> Schema:
        return Schema(self.configs.read("schema"), self.configs.shown("schema"))

    @cached_property
    def request(self) -> Request:
        assert self.options.grid is not None
        if self.stored is not None:
            return stored_request(self.configs, self.schema, self.stored, self.options.words)
        return read_request(self.configs, self.schema, self.options.grid, self.options.words)

    @cached_property
    def stored(self) -> Plan | None:
        """The plan in --root, of a grid that is there but has no file: imported, copied, or named on a command line."""
        grid = str(self.options.grid)
        if grid.replace("-", "_") in self.configs.members("grid") or grid not in self.store.grids():
            return None
        return self.store.plan(grid)

    def require_file(self) -> None:
        """Raises BadInput for a grid without a file, of which nothing can be computed."""
        if self.stored is not None:
            raise BadInput(
                f"grid {self.stored.grid!r} is in {self.store.root} but has no file in configs/grid/, so nothing of it "
                "can be planned or computed; status, why, trace, report and export read what is there"
            )

    @cached_property
    def plan(self) -> Plan:
        """The whole grid."""
        if self.stored is not None:
            return self.stored
        gc.disable()  # a large plan is millions of objects, none of them garbage; looking for some takes a third longer
        plan = make_plan(self.configs, self.schema, self.request)
        gc.freeze()
        gc.enable()
        return plan

    @cached_property
    def chosen(self) -> Plan:
        """The grid's cells that `--only`, or the cells behind the verb, choose."""
        if self.options.only:
            return self.plan.only(select(self.plan, self.options.only))
        return self.plan.only(self.cells) if self.options.targets else self.plan

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells behind the verb."""
        return select(self.plan, self.options.targets, "")

    @cached_property
    def tracking_uri(self) -> str | None:
        """`tracking.uri=`, for the verbs that need no grid and take no other change."""
        if self.options.grid is not None:
            return self.request.tracking_uri
        found = None
        for word in self.options.words:
            key, _, value = word.partition("=")
            if key != "tracking.uri":
                raise BadInput(
                    f"{word!r} means nothing to {self.options.verb!r}, which takes tracking.uri=… only; drop it"
                )
            found = value
        return found

    @cached_property
    def store(self) -> RunStore:
        """The folder of the runs, which need not be there yet."""
        root = self.options.root
        try:
            os.scandir(root).close()
        except FileNotFoundError:
            pass
        except NotADirectoryError:
            raise BadInput(f"--root {root} is a file, expected a folder; choose another --root") from None
        except OSError as error:
            raise BadInput(f"--root {root} cannot be read ({error.strerror}); choose another --root") from None
        return RunStore(root)

    def show(self, as_json: Callable[[], Any], as_text: Callable[[], str]) -> int:
        """Print one of the two."""
        print(json.dumps(as_json(), indent=1) if self.options.json else as_text())
        return 0


def note(text: str) -> None:
    """Say what is not the answer itself, which a program may read."""
    print(text, file=sys.stderr)
