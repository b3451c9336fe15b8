"""The variables that jobs find, by the device that they compute on."""

from __future__ import annotations

from benchmark.surroundings import job_variables


def test_gpus_have_the_numbers_that_nvidia_smi_gives_them() -> None:
    """The least busy one is found by those; CUDA's own begin with the fastest."""
    assert job_variables("cuda")["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert "CUDA_DEVICE_ORDER" not in job_variables("cpu")
