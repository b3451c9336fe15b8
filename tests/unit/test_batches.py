"""The ledger: what it says of a batch survives its driver, and nothing else of a batch does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.errors import BadInput
from benchmark.jobs import Work
from benchmark.slurm.batches import Batch, Ledger
from benchmark.spec import Resources

GIVEN = Resources("cuda", 30.0, cpus=2, gpus=1, mem_gb=3.5, time_min=90)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "slurm")


def batch_of(ledger: Ledger, grid: str, *keys: str) -> Batch:
    return ledger.new(grid, [Work((key, f"{key}-child"), GIVEN) for key in keys], [(1, 0)] * len(keys))


def test_a_batch_is_read_as_it_was_written(ledger: Ledger) -> None:
    batch = batch_of(ledger, "night", "a", "b", "c")
    ledger.write(batch)
    assert ledger.read(batch.name) == batch
    batch.job = "17"
    batch.settled |= {0, 2}
    ledger.write(batch)
    read = ledger.read(batch.name)
    assert read == batch
    assert read is not None
    assert read.open() == [1]
    assert read.resources == GIVEN


def test_a_grid_has_its_own_batches_only(ledger: Ledger) -> None:
    """The one grid's name begins like the other's."""
    night, nights = batch_of(ledger, "night", "a"), batch_of(ledger, "night-2", "a")
    for batch in (night, nights):
        ledger.write(batch)
    assert [batch.name for batch in ledger.of_grid("night")] == [night.name]
    assert ledger.names() == sorted([night.name, nights.name])


def test_a_forgotten_batch_leaves_no_files(ledger: Ledger) -> None:
    batch = batch_of(ledger, "night", "a")
    ledger.write(batch)
    ledger.files(batch.name).mkdir()
    (ledger.files(batch.name) / "1_submitted.pkl").touch()
    ledger.remove(batch.name)
    assert ledger.read(batch.name) is None
    assert not ledger.files(batch.name).exists()


def test_files_of_forgotten_batches_are_rubbish(ledger: Ledger) -> None:
    kept, other = batch_of(ledger, "night", "a"), batch_of(ledger, "night-2", "a")
    ledger.write(kept)
    gone = batch_of(ledger, "night", "b")
    for batch in (kept, other, gone):
        ledger.files(batch.name).mkdir(parents=True)
    ledger.remove_rubbish("night")
    assert [ledger.files(batch.name).exists() for batch in (kept, other, gone)] == [True, True, False]


def test_a_damaged_batch_is_named_with_what_to_do(ledger: Ledger) -> None:
    batch = batch_of(ledger, "night", "a")
    ledger.write(batch)
    path = next(ledger.files(batch.name).parent.glob("*.json"))
    path.write_text(path.read_text(encoding="utf-8")[:40], encoding="utf-8")
    with pytest.raises(
        BadInput, match=rf"{re.escape(str(path))}.*scancel --name={batch.name}\), delete it, and run again"
    ):
        ledger.of_grid("night")


def test_last_words_are_those_of_the_one_job(ledger: Ledger) -> None:
    batch = batch_of(ledger, "night", *(f"s{number}" for number in range(12)))
    files = ledger.files(batch.name)
    files.mkdir(parents=True)
    (files / "9_1_0_log.out").write_text("submitit INFO (now) - Loading pickle\nhello\n", encoding="utf-8")
    (files / "9_1_0_log.err").write_text("".join(f"line {number}\n" for number in range(9999)), encoding="utf-8")
    (files / "9_11_0_log.err").write_text("of job 11\n", encoding="utf-8")
    words = ledger.words(batch, 1).splitlines()
    assert (words[0], words[-1], len(words)) == ("hello", "line 9998", 21)
    assert ledger.words(batch, 2) == ""


def test_a_job_that_is_no_array_has_last_words_too(ledger: Ledger) -> None:
    batch = batch_of(ledger, "night", "a")
    ledger.files(batch.name).mkdir(parents=True)
    (ledger.files(batch.name) / "9_0_log.err").write_text("Killed\n", encoding="utf-8")
    assert ledger.words(batch, 0) == "Killed"
