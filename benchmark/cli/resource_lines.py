"""Whether the lines of `executor.resources` are about anything: one that nothing matches changes nothing."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable

from benchmark.configs import Configs
from benchmark.errors import BadInput, unknown
from benchmark.executors import ExecutorConfig, SlurmConfig
from benchmark.spec import Plan


def check(executor: ExecutorConfig, plan: Plan, configs: Configs, say: Callable[[str], None]) -> None:
    """Raises BadInput for a line with an environment, method or stage that there is nowhere.

    A line that is only of no use to this grid is said: a site's file has those of all grids.
    """
    if not isinstance(executor, SlurmConfig) or not executor.resources:
        return
    names = list(executor.names(plan))
    planned = [set(part) for part in zip(*(name.split("/", 2) for name in names), strict=True)] or [set(), set(), set()]
    known = {
        "environment": planned[0] | set(plan.environments) | set(configs.environments()),
        "method": planned[1] | set(plan.methods) | set(configs.members("method")),
        "stage": planned[2] | set(configs.read("config")["stages"]),
    }
    for index, line in enumerate(executor.resources):
        pattern: str = line["stages"]
        if fnmatch.filter(names, pattern):
            continue
        where = f"executor.resources[{index}], stages {pattern!r}"
        for (what, valid), part in zip(known.items(), pattern.split("/"), strict=True):
            if not any(fnmatch.fnmatchcase(name, part) for name in valid):
                raise BadInput(f"{where}: {unknown(what, part, valid)}")
        say(f"{where}: matches no stage of grid {plan.grid}")
