"""How stages are run: what the files of configs/executor say, and how many jobs a machine has room for."""

from __future__ import annotations

import errno
import re
from typing import Any

import pytest

from benchmark.capacity import Gpu, Machine
from benchmark.cli.resource_lines import check
from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.executors import SlurmConfig, executor_config
from benchmark.provenance import PROJECT
from benchmark.request import read_request
from benchmark.spec import Cell, Plan, Stage
from benchmark.transient import is_transient
from benchmark.validate import Schema

GIB = 2**30
CONFIGS = Configs(PROJECT / "configs")


def slurm(*words: str) -> SlurmConfig:
    schema = Schema(CONFIGS.read("schema"), "configs/schema.yaml")
    executor = read_request(CONFIGS, schema, "demo", ["executor=slurm", *words]).executor
    assert isinstance(executor, SlurmConfig)
    return executor


def shared_plan() -> Plan:
    """One teacher for two methods, and a policy of each."""
    teacher = Stage("pretrain", "t", {"env": {"id": "nethack"}, "seed": 0})
    policies = [
        Stage("policy", "p", {"env": {"id": "nethack"}, "seed": 0, "method": m}, {"pretrain": teacher.key})
        for m in ("ldd", "vae")
    ]
    cells = tuple(
        Cell("nethack", m, 0, {"pretrain": teacher.key, "policy": policy.key})
        for m, policy in zip(("ldd", "vae"), policies, strict=True)
    )
    return Plan("g", "", cells, {s.key: s for s in (teacher, *policies)}, "policy", "win_rate")


def test_every_core_gets_a_job_unless_memory_or_gpus_are_fewer() -> None:
    machine = Machine(cores=8, memory=16 * GIB, gpus=(Gpu("0", 0.0), Gpu("1", 0.0)))
    assert machine.slots(mem_gb=1.0, per_gpu=None) == 8
    assert machine.slots(mem_gb=4.0, per_gpu=None) == 4
    assert machine.slots(mem_gb=1.0, per_gpu=3) == 6
    assert machine.slots(mem_gb=99.0, per_gpu=None) == 1, "one job can always be tried"
    with pytest.raises(BadInput, match=r"no GPU is to be seen here; choose executor\.device=cpu"):
        Machine(8, 16 * GIB).slots(1.0, per_gpu=1)


def test_a_job_goes_to_the_gpu_with_fewest_of_ours_and_then_to_the_emptiest() -> None:
    machine = Machine(8, 16 * GIB, (Gpu("0", 0.1), Gpu("1", 0.9), Gpu("2", 0.0)))
    assert machine.least_busy({}) == "2"
    assert machine.least_busy({"2": 1}) == "0"
    assert machine.least_busy({"2": 1, "0": 1}) == "1", "somebody else's memory counts less than our own jobs"


def test_a_stage_gets_what_the_last_line_that_matches_it_says() -> None:
    plan = shared_plan()
    lines = "[{stages: nethack*/*/policy, gpus: 1, mem_gb: 32}, {stages: '*/ldd/*', time_min: 2880, mem_gb: 16}]"
    config = slurm(f"executor.resources={lines}", "executor.cpus=3")
    given = {
        (stage.kind, stage.params.get("method")): config.resources_of(plan, key) for key, stage in plan.stages.items()
    }
    teacher, ldd, vae = given["pretrain", None], given["policy", "ldd"], given["policy", "vae"]
    assert (ldd.device, ldd.gpus, ldd.cpus, ldd.mem_gb, ldd.time_min) == ("cuda", 1, 3, 16, 2880)
    assert (vae.device, vae.gpus, vae.mem_gb, vae.time_min) == ("cuda", 1, 32, 720)
    assert (teacher.device, teacher.time_min) == ("cpu", 2880), "it is shared with ldd, which needs the time"


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("nethack/*/polcy", "unknown stage 'polcy'; did you mean 'policy'"),
        ("nethack/lddd/policy", "unknown method 'lddd'; did you mean 'ldd'"),
        ("rtfm_s1/*/policy", "unknown environment 'rtfm_s1'; did you mean 'rtfm-s1'"),
    ],
)
def test_a_line_about_nothing_is_refused(pattern: str, complaint: str) -> None:
    lines = f"[{{stages: '*/*/*', cpus: 1}}, {{stages: '{pattern}', gpus: 1}}]"
    config = slurm(f"executor.resources={lines}")
    with pytest.raises(BadInput, match=rf"executor.resources\[1\], stages '{re.escape(pattern)}': {complaint}"):
        check(config, shared_plan(), CONFIGS, pytest.fail)


def test_a_line_about_another_grid_is_said() -> None:
    """A site's file has lines for all of its grids."""
    said: list[str] = []
    config = slurm("executor.resources=[{stages: 'rtfm*/*/policy', gpus: 1}, {stages: '*/vae/policy', gpus: 1}]")
    check(config, shared_plan(), CONFIGS, said.append)
    assert said == ["executor.resources[0], stages 'rtfm*/*/policy': matches no stage of grid g"]
    check(slurm(), shared_plan(), CONFIGS, pytest.fail)


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("executor.resources=[{gpus: 1}]", r"expected \{stages: environment/method/stage"),
        ("executor.resources=[{stages: 'a/b/c', gpu: 1}]", "did you mean 'gpus'"),
        ("executor.resources=[{stages: 'a/b/c', cpus: 0}]", "cpus is 0, expected a number of at least 1"),
        ("executor.extra={nice: [1]}", r"as \{nice: 100"),
        ("executor.extra=[1]", "expected {name: value, …}"),
        ("executor.setup=[1]", r"executor.setup\[0\] is 1, expected a word"),
        ("executor.parallelism=0", "expected at least 1"),
        ("executor.partitoin=gpu", "did you mean 'executor.partition'"),
    ],
)
def test_a_wrong_setting_is_one_line_with_the_remedy(word: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        slurm(word)


def test_sbatch_parameters_and_shell_lines_are_passed_on() -> None:
    config = slurm("executor.extra={nice: 100, reservation: night}", "executor.setup=['module load cuda']")
    assert dict(config.extra) == {"nice": 100, "reservation": "night"}
    assert list(config.setup) == ["module load cuda"]


def test_a_file_that_lacks_a_setting_says_which() -> None:
    with pytest.raises(BadInput, match=r"configs/executor/x.yaml: max_crashes, backoff_s, device missing"):
        executor_config({"kind": "inline", "checkpoint_s": 1.0, "max_failures": 1}, "configs/executor/x.yaml")
    with pytest.raises(BadInput, match="unknown executor kind 'slrum'; did you mean 'slurm'"):
        executor_config({"kind": "slrum"}, "configs/executor/x.yaml")


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.ESTALE, "Stale file handle"), True),
        (ConnectionResetError(), True),
        (MemoryError(), True),
        (FileNotFoundError(errno.ENOENT, "no such file"), False),
        (PermissionError(errno.EACCES, "not yours"), False),
        (ValueError("a shape is wrong"), False),
        (SystemExit(1), False),
    ],
)
def test_only_what_can_go_away_is_worth_a_repeat(error: BaseException, worth: bool) -> None:
    assert is_transient(error) is worth


def test_a_cause_counts_behind_the_error_that_names_it() -> None:
    error: Any = RuntimeError("the table could not be written")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_transient(error)


def test_a_full_gpu_is_worth_a_repeat() -> None:
    import torch

    assert is_transient(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_transient(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
