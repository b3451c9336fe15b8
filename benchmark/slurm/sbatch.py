"""What a job asks Slurm for: its share of a machine, more of it after a limit was hit, and the lines before it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.errors import BadInput
from benchmark.executors import SlurmConfig
from benchmark.spec import Resources
from benchmark.surroundings import job_variables

# Parameters of sbatch that `executor.extra` cannot set, and where they come from.
_OWN_KEYS = {
    "account": "executor.account",
    "constraint": "executor.constraint",
    "cpus-per-task": "executor.cpus",
    "gpus-per-node": "executor.gpus",
    "mem": "executor.mem_gb",
    "partition": "executor.partition",
    "qos": "executor.qos",
    "signal": "executor.signal_s",
    "time": "executor.time_min",
}
_OURS_ALONE = ("array", "error", "job-name", "no-requeue", "nodes", "ntasks", "open-mode", "output", "requeue", "wrap")


def check(config: SlurmConfig) -> None:
    """Raises BadInput for what Slurm would take, but no job of ours survives."""
    for name in config.extra:
        option = name.replace("_", "-")
        if option in _OWN_KEYS:
            raise BadInput(f"executor.extra sets {name}; set {_OWN_KEYS[option]} instead")
        if option in _OURS_ALONE:
            raise BadInput(f"executor.extra sets {name}, which jobs are found and continued by; drop it")
    times = {"executor.time_min": config.time_min} | {
        f"executor.resources[{index}].time_min": line["time_min"]
        for index, line in enumerate(config.resources)
        if "time_min" in line
    }
    for where, minutes in times.items():
        if minutes * 60 <= config.signal_s:
            raise BadInput(
                f"{where} is {minutes}, expected more than executor.signal_s ({config.signal_s} s before the limit a "
                "job saves and leaves); raise the one or lower the other"
            )


def grown(config: SlurmConfig, resources: Resources, interruptions: Sequence[Mapping[str, Any]]) -> Resources:
    """More time for each time-out that left no newer checkpoint, more memory for each end for want of it."""
    late = small = newest = 0
    for one in interruptions:
        late += one["why"] == "timeout" and one["checkpoint"] <= newest
        small += one["why"] == "memory"
        newest = max(newest, one["checkpoint"])
    time_min, mem_gb = resources.time_min, resources.mem_gb
    if late and time_min is not None:
        time_min = max(time_min, min(round(time_min * config.growth**late), config.max_time_min))
    if small and mem_gb is not None:
        mem_gb = max(mem_gb, min(mem_gb * config.growth**small, config.max_mem_gb))
    return replace(resources, time_min=time_min, mem_gb=mem_gb)


def parameters(config: SlurmConfig, resources: Resources) -> dict[str, Any]:
    """For submitit's AutoExecutor. None leaves the choice to the cluster."""
    variables = job_variables(resources.device)
    return {
        "timeout_min": resources.time_min,
        "mem_gb": resources.mem_gb,
        "cpus_per_task": resources.cpus,
        "gpus_per_node": resources.gpus or None,
        "slurm_partition": config.partition,
        "slurm_account": config.account,
        "slurm_constraint": config.constraint,
        "slurm_qos": config.qos,
        "slurm_array_parallelism": config.parallelism,
        "slurm_signal_delay_s": config.signal_s,
        "slurm_use_srun": True,  # without it the signal never reaches Python
        "slurm_srun_args": [f"--cpus-per-task={resources.cpus}"],  # since Slurm 22.05 a step does not inherit it
        "slurm_setup": [*(f"export {name}={shlex.quote(value)}" for name, value in variables.items()), *config.setup],
        "slurm_additional_parameters": {"requeue": True, **config.extra},
    }


def refusal(config: SlurmConfig, resources: Resources, words: str) -> str:
    """One line for a person: what was asked for, what Slurm said to it, and where that can be changed."""
    asked = {name: getattr(config, name) for name in ("partition", "account", "qos", "constraint")}
    asked |= {name: getattr(resources, name) for name in ("time_min", "mem_gb", "cpus", "gpus")}
    shown = ", ".join(f"{name}={value}" for name, value in {**asked, **config.extra}.items() if value not in (None, 0))
    return f"Slurm refuses jobs with {shown}: {words}; change executor.* accordingly"
