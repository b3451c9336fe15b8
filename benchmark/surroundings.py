"""The variables that a job's process finds, wherever it runs."""

from __future__ import annotations

import os

from benchmark.provenance import PROJECT


def job_variables(device: str) -> dict[str, str]:
    """Our modules, from whatever folder it is started; a trace when it crashes.

    On a CPU one computing thread; on a GPU the numbers that nvidia-smi gives them, which are not CUDA's own.
    """
    path = [str(PROJECT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    variables = {"PYTHONFAULTHANDLER": "1", "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, path)))}
    if device == "cpu":
        variables |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if device == "cuda":
        variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    return variables
