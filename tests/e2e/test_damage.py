"""Files that are damaged: no traceback, one line that names the file, nothing thrown away, and equal results again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import run_all
from benchmark import stages
from benchmark.errors import BadInput
from benchmark.files import Damaged
from benchmark.spec import Resources
from benchmark.stint import Stint
from benchmark.store import RunStore
from tests.toy import Toy

WORDS = ("three", "executor=inline")
DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "not JSON": lambda data: b"<html>",
    "no object": lambda data: b"[1, 2]",
    "another's": lambda data: data.replace(b'"key": "', b'"key": "0'),
    "without fields": lambda data: b"{}",
    "zeros": lambda data: bytes(len(data)),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The grid `three`, computed; its tests work on copies."""
    toy = Toy.build(tmp_path_factory.mktemp("finished"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in toy.environ.items():
            patch.setenv(name, value)
        toy.drive(*WORDS)
    store = RunStore(toy.root)
    store.write_plan(toy.plan(*WORDS))
    return toy


@pytest.fixture
def done(toy: Toy, finished: Toy) -> Toy:
    shutil.copytree(finished.root, toy.root)
    return toy


def practise(toy: Toy) -> str:
    return toy.plan(*WORDS).cells[0].stages["practise"]


def call(toy: Toy, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run_all.main([*words, "--grid", "three", "--configs", str(toy.configs), "--root", str(toy.root)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out, captured.err


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_result_does_not_count_is_kept_and_computed_again(
    done: Toy, finished: Toy, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    key, store = practise(done), RunStore(done.root)
    path = store.folder(key) / "result.json"
    broken = DAMAGE[damage](path.read_bytes())
    path.write_bytes(broken)

    for verb in ("plan", "status"):
        call(done, capsys, verb)
    outcome = store.outcome(key)
    assert (store.is_done(key), outcome.state) == (False, "stopped")
    assert f"{path} is damaged: it " in str(outcome.reason)
    assert "the next run sets it aside and computes the stage again" in str(outcome.reason)
    assert path.read_bytes() == broken, "looking changes nothing"

    outcomes, _ = done.drive(*WORDS)
    assert {outcome.state for outcome in outcomes.values()} == {"done"}
    assert done.computed() == done.computed("practise") == 1, "the others stand"
    assert done.results() == finished.results()
    assert (path.parent / "result.json.damaged-1").read_bytes() == broken
    assert f"{path} is damaged" in store.log_file(key).read_text()


@pytest.mark.parametrize("damage", ["truncated", "empty", "without fields"])
def test_a_damaged_status_forgets_no_more_than_itself(
    toy: Toy, finished: Toy, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    toy.arm("practise", "raise", at=6)
    toy.drive(*WORDS, "executor.checkpoint_s=0")
    key, store = practise(toy), RunStore(toy.root)
    path = store.folder(key) / "status.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    for verb in ("plan", "status"):
        call(toy, capsys, verb)
    assert store.outcome(key).state == "stopped"
    assert f"{path} is damaged" in str(store.outcome(key).reason)
    toy.drive(*WORDS)
    assert toy.results() == finished.results()
    assert store.outcome(key).resumed_from == (600,), "its checkpoint is used"


@pytest.mark.parametrize("damage", ["truncated", "another's", "without fields"])
def test_a_damaged_specification_is_written_anew_by_its_plan(toy: Toy, finished: Toy, damage: str) -> None:
    key, store = practise(toy), RunStore(toy.root)
    toy.arm("practise", "raise", times=9)
    toy.drive(*WORDS)
    toy.disarm()
    path = store.folder(key) / "spec.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(Damaged, match=f"{path} is damaged"):
        stages.run_stage(key, toy.root)
    toy.drive(*WORDS, mode="retry")
    assert store.stage(key).key == key
    assert toy.results() == finished.results()
    assert (path.parent / "spec.json.damaged-1").exists()


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "another's"])
def test_a_damaged_plan_says_how_it_is_written_anew(done: Toy, damage: str) -> None:
    path = RunStore(done.root).grid_folder("three") / "plan.json"
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(BadInput, match=rf"{path} is damaged.*`run_all.py run --grid three` writes it anew"):
        RunStore(done.root).plan("three")


def test_a_plan_with_a_stage_that_was_edited_by_hand_is_damaged(done: Toy) -> None:
    path = RunStore(done.root).grid_folder("three") / "plan.json"
    plan = json.loads(path.read_text())
    plan["recipes"][0]["params"]["episodes"] = 4
    path.write_text(json.dumps(plan))
    with pytest.raises(Damaged, match="the plan was edited"):
        RunStore(done.root).plan("three")


def test_a_damaged_curve_is_not_shown_as_if_it_were_whole(done: Toy) -> None:
    key, store = practise(done), RunStore(done.root)
    lines = store.curve_file(key).read_text().splitlines(keepends=True)
    store.curve_file(key).write_text("".join([*lines[:3], '{"frames": 400, "trai\n', *lines[4:]]))
    with pytest.raises(Damaged, match=rf"{store.curve_file(key)} is damaged in line 4; move .* away"):
        store.curve(key)


def test_a_stage_does_not_go_on_after_rows_that_were_changed(toy: Toy, finished: Toy) -> None:
    toy.arm("practise", "raise", at=6)
    toy.drive(*WORDS, "executor.checkpoint_s=0")
    key, store = practise(toy), RunStore(toy.root)
    curve = store.curve_file(key)
    curve.write_text(curve.read_text().replace('"frames": 300', '"frames": 301'))
    toy.drive(*WORDS, mode="retry")
    assert toy.results() == finished.results()
    assert store.outcome(key).resumed_from == ()
    assert "the curve is not what it was at the checkpoint" in store.log_file(key).read_text()


@pytest.mark.parametrize("damaged", [1, 2])
def test_after_a_kill_the_newest_whole_checkpoint_is_used(toy: Toy, finished: Toy, damaged: int) -> None:
    toy.arm("practise", "die", at=6)
    toy.drive("three", "executor.checkpoint_s=0", "executor.max_crashes=0", "executor.workers=1")
    key, store = practise(toy), RunStore(toy.root)
    saved = sorted((store.folder(key) / "checkpoint").iterdir(), reverse=True)
    for path in saved[:damaged]:
        path.write_bytes(path.read_bytes()[:-7])
    toy.drive(*WORDS, "executor.checkpoint_s=0", mode="retry")
    assert toy.results() == finished.results()
    assert store.outcome(key).resumed_from == ((500,) if damaged == 1 else ())
    log = store.log_file(key).read_text()
    words = "it is damaged; trying the previous" if damaged == 1 else "no checkpoint is whole; starting over"
    assert words in log


@pytest.mark.parametrize(
    ("name", "damaged"), [("provenance.json", b"{"), ("interruptions.json", b"{"), ("interruptions.json", b"[{}]")]
)
def test_a_damaged_side_file_stops_nobody(
    toy: Toy, finished: Toy, capsys: pytest.CaptureFixture[str], name: str, damaged: bytes
) -> None:
    toy.arm("practise", "die", at=6)
    toy.drive("three", "executor.checkpoint_s=0", "executor.max_crashes=0", "executor.workers=1")
    key = practise(toy)
    path = toy.root / key / name
    assert path.exists()
    path.write_bytes(damaged)
    call(toy, capsys, "status")
    toy.drive(*WORDS, mode="retry")
    assert toy.results() == finished.results()


def test_a_stage_whose_parent_turns_out_to_be_damaged_says_so(done: Toy) -> None:
    """Its job was queued while the parent was whole."""
    store, cell = RunStore(done.root), done.plan(*WORDS).cells[0]
    exam, parent = cell.stages["exam"], cell.stages["practise"]
    shutil.rmtree(store.folder(exam))
    store.register(done.plan(*WORDS).stages[exam])
    (store.folder(parent) / "result.json").write_bytes(b"")
    assert Stint((exam,), done.root, Resources())() == {exam: "failed"}
    outcome = store.outcome(exam)
    assert f"needs practise ({parent}) to be done first" in str(outcome.reason)
    assert outcome.transient
    outcomes, _ = done.drive(*WORDS)
    assert {outcome.state for outcome in outcomes.values()} == {"done"}


def test_of_a_folder_that_cannot_be_read_the_reason_is_told(done: Toy) -> None:
    key, store = practise(done), RunStore(done.root)
    path = Path(store.folder(key) / "result.json")
    path.unlink()
    path.mkdir()  # as good as unreadable, for a test that runs as root
    assert f"cannot read {path}: Is a directory" in str(store.outcome(key).reason)
    with pytest.raises(BadInput, match=f"cannot read {path}"):
        store.is_done(key)
