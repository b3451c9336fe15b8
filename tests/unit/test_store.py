"""The run folder is the truth: whole files, one winner, and a stage is done when its result is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark import lease
from benchmark.checkpoints import Checkpoints
from benchmark.errors import BadInput
from benchmark.lease import Claim, Process
from benchmark.records import UNBEGUN
from benchmark.spec import Stage
from benchmark.store import RunStore

STAGE = Stage("policy", "t", {"seed": 0})
RESULT = {
    "metrics": {"win_rate": 0.5},
    "seconds": 1.0,
    "device": "cpu",
    "deterministic": True,
    "attempts": 1,
    "resumed_from": [],
    "finished": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    store.register(STAGE)
    return store


def test_of_many_results_the_first_stands_and_one_writer_knows_it_won(store: RunStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.publish_result(STAGE.key, {**RESULT, "attempts": n}), range(8)))
    assert won.count(True) == 1
    assert store.outcome(STAGE.key).attempts == won.index(True)


def test_a_failed_write_leaves_the_old_file_and_no_litter(store: RunStore) -> None:
    path = store.publish(STAGE.key, "a.txt", lambda temporary: temporary.write_text("old"))

    def torn(temporary: Path) -> None:
        temporary.write_text("ha")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.publish(STAGE.key, "a.txt", torn)
    assert path.read_text() == "old"
    assert not list(path.parent.glob(".*"))


def test_what_a_killed_writer_left_is_swept_by_the_next_holder(store: RunStore) -> None:
    litter = store.folder(STAGE.key) / ".0123.tmp.pt"
    litter.touch()
    store.tidy(STAGE.key)
    assert not litter.exists()


def test_an_unfinished_last_line_of_a_curve_is_not_read(store: RunStore) -> None:
    store.curve_file(STAGE.key).write_text('{"frames": 1, "x": 0.5}\n{"frames": 2, "x"')
    assert store.curve(STAGE.key) == [{"frames": 1, "x": 0.5}]


def test_outcomes_follow_the_files(store: RunStore) -> None:
    key = STAGE.key
    assert store.outcome(key).state == "missing"
    claim = Claim.acquire(store.claims(key))
    assert claim is not None
    store.write_status(key, {**UNBEGUN, "done": 3})
    assert (store.outcome(key).state, store.outcome(key).done) == ("running", 3)
    claim.release()
    assert store.outcome(key).state == "stopped"
    store.fail(key, "ValueError: x", failures=2)
    assert (store.outcome(key).state, store.outcome(key).failures) == ("failed", 2)
    store.forgive(key)
    assert (store.outcome(key).state, store.outcome(key).failures) == ("stopped", 0)
    store.publish_result(key, RESULT)
    assert (store.outcome(key).state, store.outcome(key).metrics) == ("done", {"win_rate": 0.5})


def test_interruptions_are_counted_until_they_are_forgiven(store: RunStore) -> None:
    assert store.interruptions(STAGE.key) == []
    about = {"at": "2026-11-20T10:11:12+00:00", "checkpoint": 3, "job": "ldd-toy-1", "in_a_row": 1}
    entries = [{"why": why, **about} for why in ("node", "timeout")]
    for entry in entries:
        store.note_interruption(STAGE.key, entry)
    assert store.interruptions(STAGE.key) == entries
    store.forgive(STAGE.key)
    assert store.interruptions(STAGE.key) == []


@pytest.mark.parametrize("damaged", ["[{}]", "[1]", '"x"', "{}", "null", "{"])
def test_interruptions_that_are_not_whole_do_not_count(store: RunStore, damaged: str) -> None:
    (store.folder(STAGE.key) / "interruptions.json").write_text(damaged, encoding="utf-8")
    assert store.interruptions(STAGE.key) == []
    entry = {"why": "node", "at": "", "checkpoint": 3, "job": "ldd-toy-1", "in_a_row": 1}
    store.note_interruption(STAGE.key, entry)
    assert store.interruptions(STAGE.key) == [entry]


def test_an_unknown_key_says_how_to_find_the_known_ones(store: RunStore) -> None:
    with pytest.raises(BadInput, match=r"is not in .*plan"):
        store.stage("0" * 16)


def test_a_stage_in_progress_is_not_discarded(store: RunStore) -> None:
    claim = Claim.acquire(store.claims(STAGE.key))
    assert claim is not None
    with pytest.raises(BadInput, match=f"process {os.getpid()}"):
        store.discard(STAGE.key)
    claim.release()
    store.discard(STAGE.key)
    assert list(store.root.iterdir()) == []


# claims


def test_of_many_claimants_one_gets_the_stage(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: Claim.acquire(tmp_path), range(8)))
    assert len([claim for claim in claims if claim is not None]) == 1


def test_a_claim_made_between_another_s_look_and_its_try_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, mine = lease._alive, []

    def look(folder: Path, number: int, watch: lease.Watch) -> bool | None:
        seen = looked(folder, number, watch)
        if not mine:
            mine.append(None)  # the call inside sees the real thing
            mine[0] = Claim.acquire(folder)
        return seen

    monkeypatch.setattr(lease, "_alive", look)
    assert Claim.acquire(tmp_path) is None
    assert mine[0] is not None


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    script = f"from benchmark.lease import Claim; from pathlib import Path; Claim.acquire(Path({str(tmp_path)!r}))"
    project = Path(lease.__file__).parent.parent
    subprocess.run([sys.executable, "-c", script], cwd=project, check=True)
    claim = Claim.acquire(tmp_path)
    assert claim is not None
    assert claim.number == 2


def test_a_process_is_not_mistaken_for_a_later_one_with_its_number() -> None:
    me = Process.current()
    assert me.alive() is True
    assert Process(me.host, me.pid, me.start - 1).alive() is False
    assert Process("elsewhere", me.pid, me.start).alive() is None


# checkpoints


def test_the_newest_two_checkpoints_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for update in range(12):
        checkpoints.save({"update": update}, {})
    assert len(list(tmp_path.iterdir())) == 2
    assert checkpoints.newest() == ({"update": 11}, {}, [])


def test_a_damaged_checkpoint_gives_way_to_the_previous(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save({"update": 1}, {"done": 1})
    newest = checkpoints.save({"update": 2}, {"done": 2})
    newest.write_bytes(newest.read_bytes()[:-1])
    found = checkpoints.newest()
    assert found is not None
    state, about, notes = found
    assert (state, about) == ({"update": 1}, {"done": 1})
    assert notes == [f"checkpoint {newest.name} does not match its own hash, it is damaged; trying the previous"]


def test_without_a_whole_checkpoint_there_is_none(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() is None
    checkpoints.save({"update": 1}, {}).write_bytes(b"")
    assert checkpoints.newest() is None


def test_plain_states_need_no_torch_and_keep_every_digit(tmp_path: Path) -> None:
    state = {"x": [0.1 + 0.2, -1e-300], "rng": {"state": 2**127 + 1}, "none": None, "on": True}
    assert Checkpoints(tmp_path).save(state, {}).suffix == ".json"
    found = Checkpoints(tmp_path).newest()
    assert found is not None
    assert json.dumps(found[0]) == json.dumps(state)


def test_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    import torch

    weight = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    optimiser = {"state": {0: {"step": 3, "exp_avg": weight * 0.1}}, "betas": (0.9, 0.999)}
    path = Checkpoints(tmp_path).save({"model": {"w": weight}, "optimiser": optimiser, "update": 3}, {"done": 9})
    assert path.suffix == ".pt"
    found = Checkpoints(tmp_path).newest()
    assert found is not None
    assert torch.equal(found[0]["model"]["w"], weight)
    assert found[0]["optimiser"]["betas"] == (0.9, 0.999)
    assert torch.equal(found[0]["optimiser"]["state"][0]["exp_avg"], weight * 0.1)


def test_a_state_that_could_not_be_loaded_is_refused_when_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"state\['rng'\]\[1\] is a pathlib"):
        Checkpoints(tmp_path).save({"rng": [1, tmp_path]}, {})
