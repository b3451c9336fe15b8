"""What is refused is refused before anything is written or deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.lease import Claim
from benchmark.provenance import PROJECT
from benchmark.store import RunStore
from tests.toy import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """With an `executor=slurm` whose commands are there and do nothing."""
    toy = Toy.build(tmp_path)
    toy.write("executor/slurm", (PROJECT / "configs/executor/slurm.yaml").read_text(encoding="utf-8"))
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sbatch", "srun", "squeue", "scancel", "sacct"):
        (commands / name).write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    toy.environ["PATH"] = f"{commands}:/usr/bin:/bin"
    return toy


@pytest.mark.parametrize("words", [("run", "--mode", "force"), ("retry",)])
def test_a_second_driver_is_refused_before_it_deletes_or_forgives(toy: Toy, words: tuple[str, ...]) -> None:
    toy.arm("practise", "raise", seed=1)
    toy.drive("one", "seeds=2", "executor=inline")
    before = {path: path.read_bytes() for path in toy.root.glob("*/*.json")}
    first = Claim.acquire(RunStore(toy.root).grid_folder("one") / "driver")
    assert first is not None
    done = toy.run(*words, "--grid", "one", "seeds=2", "executor=slurm")
    assert done.returncode == 2
    assert "grid one is being run by" in done.stderr
    assert {path: path.read_bytes() for path in toy.root.glob("*/*.json")} == before


def test_without_slurm_nothing_is_begun(toy: Toy) -> None:
    toy.environ["PATH"] = str(toy.folder)
    done = toy.run("--grid", "one", "executor=slurm")
    assert done.returncode == 2
    assert (
        done.stderr
        == "run_all: executor=slurm needs Slurm's commands, but there is no sbatch here; run on a login node\n"
    )
    assert not list(toy.root.glob("*"))


def test_a_driver_that_leaves_at_once_does_not_claim_what_it_has_not_submitted(toy: Toy) -> None:
    (toy.folder / "bin" / "squeue").write_text(
        "#!/bin/sh\necho 'slurm_load_jobs error' >&2; exit 1\n", encoding="utf-8"
    )
    done = toy.run("--grid", "one", "executor=slurm", "--detach")
    assert done.returncode == 1
    assert "nothing could be submitted; the same command tries again" in done.stdout
