"""The place where an executor's jobs run."""

from __future__ import annotations

from benchmark.executors import ExecutorConfig, InlineConfig, LocalConfig, SlurmConfig
from benchmark.jobs import Launcher
from benchmark.launch_local import LocalLauncher
from benchmark.store import RunStore


def launcher(store: RunStore, config: ExecutorConfig, grid: str) -> Launcher:
    """The launcher of a configuration, for the driver of one grid. Raises BadInput where there is no Slurm."""
    if isinstance(config, SlurmConfig):
        from benchmark.slurm.launcher import SlurmLauncher
        from benchmark.slurm.submitit_queue import require_commands

        require_commands()
        return SlurmLauncher(store, config, grid)
    assert isinstance(config, LocalConfig | InlineConfig)
    return LocalLauncher(store, config)
