"""After kills, lost answers and rebuilds MLflow holds what the run folders hold: every run and point, each once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.configs import Configs
from benchmark.errors import BadInput
from benchmark.execute import Driver, prepare
from benchmark.grid import make_plan
from benchmark.launch import launcher
from benchmark.request import read_request
from benchmark.spec import Plan
from benchmark.store import RunStore
from benchmark.tracking import background_mirror
from benchmark.tracking.background_mirror import BackgroundMirror
from benchmark.tracking.experiment import Runs, tracking_uri
from benchmark.tracking.mirror import Mirror
from benchmark.tracking.sync import sync
from benchmark.validate import Schema
from tests.e2e.test_tracking import empty_database, tracked
from tests.mlflow_view import assert_equal, server, shown
from tests.toy import PATIENCE_S, PROJECT, Toy, until

__all__ = ["empty_database", "tracked"]
EIGHT = ("executor.workers=8", "executor.checkpoint_s=0.05", "executor.max_crashes=9", "seeds=1")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """One server for all tests: it is slow to start."""
    with server(tmp_path_factory.mktemp("server")) as running:
        yield running


def mirrored_drive(folder: str, uri: str, *words: str) -> None:
    """What `run` does, without the report, and with a mirror in a hurry; in a process of its own."""
    background_mirror.EVERY_S = 0.05
    toy = Toy(Path(folder))
    configs = Configs(toy.configs)
    request = read_request(configs, Schema(configs.read("schema"), ""), "toy", words)
    plan, store = make_plan(configs, Schema(configs.read("schema"), ""), request), RunStore(toy.root)
    prepare(plan, store, "cached")
    store.write_plan(plan)
    driver = Driver(plan, store, request.executor, launcher(store, request.executor, plan.grid))
    mirror = BackgroundMirror(Mirror(plan, store, uri), print)
    with mirror:
        driver.run()
    assert mirror.sync()


def start(toy: Toy, uri: str, *words: str) -> subprocess.Popen[str]:
    script = "import sys, tests.e2e.test_tracking_chaos as chaos\nchaos.mirrored_drive(*sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", script, str(toy.folder), uri, *words],
        env={**os.environ, **toy.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
        cwd=toy.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_all(toy: Toy) -> None:
    """Kill -9 of the driver and of all that it has started, at once: whatever names the toy's folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(toy.folder).encode() in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


def logged(toy: Toy) -> int:
    return sum(path.read_bytes().count(b"\n") for path in toy.root.glob("*/metrics.jsonl"))


def survive(toy: Toy, uri: str, *words: str) -> Plan:
    """Run the grid `toy` on eight workers, and kill everything three times on the way."""
    toy.slow(0.05)
    for rows in (8, 25, 45):
        running = start(toy, uri, *words)
        until(lambda rows=rows: logged(toy) >= rows)
        kill_all(toy)
        running.communicate()
    toy.slow(0.0)
    running = start(toy, uri, *words)
    out, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, out
    return toy.plan("toy", *words)


def test_eight_workers_and_a_sqlite_file_survive_kills(tracked: Toy) -> None:
    store = RunStore(tracked.root)
    plan = survive(tracked, tracking_uri(store, None), *EIGHT)
    assert_equal(store.mlflow_database(), store, plan)


def test_eight_workers_and_a_server_survive_kills(toy: Toy, served: tuple[str, Path]) -> None:
    address, database = served
    plan = survive(toy, address, *EIGHT, "name=served")
    assert_equal(database, RunStore(toy.root), plan)
    before = shown(database)
    sync(RunStore(toy.root), address, [], lambda text: None)
    assert shown(database) == before


def test_a_driver_can_be_killed_before_any_word_to_mlflow(tracked: Toy) -> None:
    """One after the other: each pass dies a request later in its course than the last, the database is the same."""
    import mlflow  # noqa: F401 - loaded once, not in every child

    tracked.drive("three", "executor=inline")
    store, plan = RunStore(tracked.root), tracked.plan("three")
    uri, deaths = tracking_uri(store, None), 0
    for step in range(1, 200):
        if not _dies_at(step, lambda: Mirror(plan, store, uri, check=True).sync()):
            break
        deaths += 1
    assert deaths > 5
    assert_equal(store.mlflow_database(), store, plan)


def _dies_at(request: int, work: Callable[[], Any]) -> bool:
    child = os.fork()
    if child == 0:
        from mlflow import MlflowClient

        left = [request]

        def counted(method: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return method(*arguments, **options)

            return call

        for name in ("create_run", "log_batch", "set_tag", "update_run", "set_terminated", "delete_run"):
            setattr(MlflowClient, name, counted(getattr(MlflowClient, name)))
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


# single troubles


@pytest.fixture
def computed(tracked: Toy) -> Toy:
    tracked.drive("three", "executor=inline", "executor.checkpoint_s=0")
    RunStore(tracked.root).write_plan(tracked.plan("three"))
    return tracked


def mirror(toy: Toy, check: bool = True) -> Mirror:
    store = RunStore(toy.root)
    return Mirror(toy.plan("three"), store, tracking_uri(store, None), check)


def view(toy: Toy) -> Any:
    return shown(RunStore(toy.root).mlflow_database())


def check(toy: Toy) -> None:
    store = RunStore(toy.root)
    assert_equal(store.mlflow_database(), store, toy.plan("three"))


def test_what_could_not_be_written_is_written_by_the_next_pass(computed: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    write, failures = Runs.write, [1, 2, 3]

    def sometimes(*arguments: Any, **options: Any) -> None:
        if failures:
            failures.pop()
            raise ConnectionError("the server is away")
        write(*arguments, **options)

    monkeypatch.setattr(Runs, "write", sometimes)
    warnings: list[str] = []
    background = BackgroundMirror(mirror(computed), warnings.append)
    assert [background.sync() for _ in range(5)] == [False, False, False, True, True]
    assert len(warnings) == 1
    check(computed)


def test_a_run_whose_creation_was_answered_to_nobody_is_not_kept_twice(
    computed: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Runs.create
    monkeypatch.setattr(Runs, "create", lambda *arguments: [create(*arguments) for _ in range(2)][1])
    mirror(computed).sync()
    monkeypatch.undo()
    mirror(computed).sync()
    check(computed)


def test_rows_that_a_continued_stage_wrote_differently_replace_those_shown(computed: Toy) -> None:
    """Not every computation repeats bit for bit: on a GPU the rows after a checkpoint may come out otherwise."""
    store, plan = RunStore(computed.root), computed.plan("three")
    key = plan.cells[0].stages["practise"]
    mirror(computed).sync()
    curve = store.curve_file(key)
    curve.write_text(curve.read_text().replace('"train/score": -', '"train/score": '))
    mirror(computed).sync()
    check(computed)


def test_rows_are_replaced_while_the_driver_watches(tracked: Toy) -> None:
    tracked.arm("practise", "raise", at=6)
    tracked.drive("three", "executor=inline", "executor.checkpoint_s=0")
    same = mirror(tracked)
    same.sync()
    store, key = RunStore(tracked.root), tracked.plan("three").cells[0].stages["practise"]
    assert len(view(tracked)["three", f"practise {key}"]["points"]) == 6
    shutil.rmtree(store.checkpoints(key).folder)
    curve = store.curve_file(key)
    curve.write_text(curve.read_text().replace("-", ""))
    same.sync()
    tracked.drive("three", "executor=inline", mode="retry")
    same.sync()
    check(tracked)


def test_finished_cells_are_not_looked_at_again(computed: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror(computed).sync()
    before = view(computed)

    def nobody(*arguments: Any, **options: Any) -> Any:
        pytest.fail("there is nothing to look for")

    later = mirror(computed, check=False)
    monkeypatch.setattr(Runs, "find", nobody)
    later.sync()
    monkeypatch.setattr(RunStore, "outcome", nobody)
    later.sync()
    assert view(computed) == before


def test_a_new_database_is_not_mistaken_for_the_old(computed: Toy, empty_database: Path) -> None:
    mirror(computed, check=False).sync()
    before = view(computed)
    shutil.copy(empty_database, RunStore(computed.root).mlflow_database())
    mirror(computed, check=False).sync()
    assert view(computed) == before


def test_a_damaged_curve_is_told_of_and_hides_nothing_else(computed: Toy) -> None:
    store, plan = RunStore(computed.root), computed.plan("three")
    key = plan.cells[0].stages["practise"]
    whole = store.curve_file(key).read_bytes()
    store.curve_file(key).write_bytes(whole.replace(b'{"frames": 300', b'"frames": 300'))
    warnings: list[str] = []
    assert BackgroundMirror(mirror(computed), warnings.append).sync() is False
    assert [line for line in warnings if f"{store.curve_file(key)} is damaged in line 3" in line]
    assert view(computed)["three", "north/taught/0"]["status"] == "FINISHED"
    store.curve_file(key).write_bytes(whole)
    mirror(computed, check=False).sync()
    check(computed)


# sync


def test_sync_builds_everything_from_the_folders_and_a_second_time_nothing(computed: Toy, empty_database: Path) -> None:
    store = RunStore(computed.root)
    uri = tracking_uri(store, None)
    computed.drive("inspected", "executor=inline")
    store.write_plan(computed.plan("inspected"))
    computed.arm("practise", "raise", at=3, times=9)
    computed.drive("one", "seeds=2", "executor=inline")
    store.write_plan(computed.plan("one", "seeds=2"))
    page = store.grid_folder("three") / "report.html"
    page.write_text("<p>", encoding="utf-8")
    store.note_finished("three", "state", [page])
    said: list[str] = []
    for grid in ("inspected", "one", "three"):
        Mirror(store.plan(grid), store, uri).sync(store.report_files(grid))
    before = view(computed)
    sync(store, uri, [], said.append)
    assert view(computed) == before
    assert [line.partition(":")[0] for line in said] == ["inspected", "one", "three"]
    for path in (store.mlflow_database(), store.mlflow_artifacts()):
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)
    shutil.copy(empty_database, store.mlflow_database())
    sync(store, uri, [], said.append)
    assert view(computed) == before
    assert len(list(store.mlflow_artifacts().rglob("report/report.html"))) == 1
    sync(store, uri, ["three"], said.append)
    assert view(computed) == before
    assert {facts["status"] for facts in before.values()} >= {"FINISHED", "FAILED"}


def test_sync_of_a_store_that_cannot_be_written_is_one_line(computed: Toy) -> None:
    store = RunStore(computed.root)
    store.mlflow_database().write_text("this is no database", encoding="utf-8")
    with pytest.raises(BadInput, match=r"MLflow at sqlite:.* was not written \(.*\); the runs are safe"):
        sync(store, tracking_uri(store, None), [], lambda text: None)
