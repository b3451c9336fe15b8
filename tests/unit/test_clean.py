"""What no grid needs is found and deleted; what is needed, computed or queued never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.cli import clean
from benchmark.errors import BadInput
from benchmark.files import write_json
from benchmark.jobs import Work
from benchmark.lease import Claim, Process
from benchmark.slurm.batches import Ledger
from benchmark.spec import Plan, Resources
from benchmark.store import RunStore
from tests.toy import Toy
from tests.unit.test_status import finish


def roots(toy: Toy) -> tuple[RunStore, Plan, Plan]:
    """A store with the results of two plans, of which only the first is of a grid: store, needed, not needed."""
    store = RunStore(toy.root)
    needed, other = toy.plan("one"), toy.plan("one", "learner.lr=0.1")
    for plan in (needed, other):
        finish(store, plan, *plan.stages)
    store.write_plan(needed)
    return store, needed, other


def names(found: list[clean.Rubbish]) -> set[str]:
    return {one.path.name for one in found}


def test_runs_of_no_grid_are_found_and_deleted_and_the_others_stay(toy: Toy) -> None:
    store, needed, other = roots(toy)
    found = clean.find(store)
    assert names(found) == set(other.stages)
    assert all(one.bytes > 0 and one.seconds == 2.0 for one in found)
    text = clean.text(store, found)
    assert "needed by no grid that has been run there (one):" in text
    assert "exam north      done  1" in text
    assert "2 folders, " in text
    assert "results of 4 s of computing among them" in text
    assert names(clean.delete(store, found)) == set(other.stages)
    assert all(store.is_done(key) for key in needed.stages)
    assert clean.find(store) == []
    assert clean.text(store, []).startswith("nothing to clean in ")


def test_what_is_computed_or_waits_in_a_queue_is_left(toy: Toy) -> None:
    store, _, other = roots(toy)
    first, second = other.stages
    claim = Claim.acquire(store.claims(first))
    assert claim is not None
    ledger = Ledger(store.launches() / "slurm")
    ledger.write(ledger.new("other", [Work((second,), Resources())], [(0,)]))
    assert clean.find(store) == []


def test_what_became_needed_after_the_list_was_made_is_left(toy: Toy) -> None:
    store, _, other = roots(toy)
    found = clean.find(store)
    first, _ = other.stages
    claim = Claim.acquire(store.claims(first))
    assert claim is not None
    assert names(clean.delete(store, found)) == set(other.stages) - {first}
    claim.release()
    found = clean.find(store)
    store.write_plan(toy.plan("one", "learner.lr=0.1", "name=mine"))
    assert clean.delete(store, found) == []
    assert store.is_done(first)


def test_graves_and_folders_of_dead_commands_are_found(toy: Toy) -> None:
    store, needed, _ = roots(toy)
    clean.delete(store, clean.find(store))
    grave = store.root / f".{next(iter(needed.stages))}.0123abcd.deleted"
    grave.mkdir()
    mine, dead = Process.current(), Process(Process.current().host, os.getpid(), 1)
    for name, driver in (("1-living", mine), ("2-dead", dead)):
        write_json(store.launches() / name / "driver.json", vars(driver))
    found = clean.find(store)
    assert names(found) == {grave.name, "2-dead"}
    clean.delete(store, found)
    assert (store.launches() / "1-living").exists()
    assert not grave.exists()


def test_a_plan_that_cannot_be_read_stops_it(toy: Toy) -> None:
    store, _, _ = roots(toy)
    (store.grid_folder("one") / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"plan\.json"):
        clean.find(store)


def test_a_root_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not there; name the folder of the runs"):
        clean.find(RunStore(tmp_path / "nowhere"))


def test_what_a_killed_probe_left_is_found_unless_a_process_uses_it(toy: Toy) -> None:
    store, needed, _ = roots(toy)
    clean.delete(store, clean.find(store))
    probe = store.probe_folder()
    scratch = RunStore(probe / "1")
    key = next(iter(needed.stages))
    scratch.register(needed.stages[key])
    for claims in (probe / "claims", scratch.claims(key)):  # the second is of a stage that outlived its probe
        claim = Claim.acquire(claims)
        assert claim is not None
        assert clean.find(store) == []
        claim.release()
    found = clean.find(store)
    assert [(one.path, one.what) for one in found] == [(probe, "probe")]

    goes_on = Claim.acquire(scratch.claims(key))
    assert goes_on is not None
    assert clean.delete(store, found) == []
    goes_on.release()
    assert clean.delete(store, found) == found
    assert not probe.exists()
    assert Claim.acquire(probe / "claims") is not None, "the next probe begins"


def test_folders_of_forgotten_batches_are_found_where_no_driver_runs(toy: Toy) -> None:
    store, _, other = roots(toy)
    clean.delete(store, clean.find(store))
    ledger = Ledger(store.launches() / "slurm")
    known, forgotten = (ledger.new("my-grid", [Work(tuple(other.stages), Resources())], [(0, 0)]) for _ in range(2))
    ledger.write(known)
    for batch in (known, forgotten):
        ledger.files(batch.name).mkdir()
    driver = Claim.acquire(store.grid_folder("my-grid") / "driver")
    assert driver is not None
    assert clean.find(store) == []
    driver.release()
    found = clean.find(store)
    assert [(one.path, one.what) for one in found] == [(ledger.files(forgotten.name), "batch")]
    assert clean.delete(store, found) == found
    assert ledger.files(known.name).exists()
    assert clean.find(store) == []
