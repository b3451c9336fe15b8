"""A command line together with what it refers to: configurations, request, plan, cells, store."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.cli.parse import Options
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.grid import make_plan, select
from benchmark.provenance import PROJECT
from benchmark.request import Request, read_request
from benchmark.spec import Cell, Plan
from benchmark.store import RunStore
from benchmark.validate import Schema

BuildReport = Callable[[Path, str], tuple[Path, Path]]


@dataclass(frozen=True)
class Asked:
    """Whatever is named wrongly raises BadInput when it is first looked at."""

    options: Options
    build_report: BuildReport

    @cached_property
    def configs(self) -> Configs:
        return Configs(self.options.configs or PROJECT / "configs")

    @cached_property
    def schema(self) -> Schema:
        return Schema(self.configs.read("schema"), self.configs.shown("schema"))

    @cached_property
    def request(self) -> Request:
        assert self.options.grid is not None
        return read_request(self.configs, self.schema, self.options.grid, self.options.words)

    @cached_property
    def plan(self) -> Plan:
        """The whole grid."""
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
