"""One run of a grid from start to finish: prepare, execute under the live display, mirror, report, summary."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmark.cli import show
from benchmark.cli.asked import BuildReport, note
from benchmark.cli.patience import Patience
from benchmark.cli.progress import Display
from benchmark.cli.show_claims import undecidable
from benchmark.cost.forecast import Forecast
from benchmark.cost.price import Price
from benchmark.errors import BadInput
from benchmark.execute import Driver, Mode, prepare
from benchmark.jobs import Launcher
from benchmark.launch import launcher
from benchmark.plurals import noun, plural
from benchmark.provenance import PROJECT
from benchmark.request import Request
from benchmark.spec import Plan, canonical, cell_outcome
from benchmark.store import RunStore
from benchmark.tracking.background_mirror import BackgroundMirror
from benchmark.tracking.experiment import local_database, tracking_uri, ui_command
from benchmark.tracking.mirror import Mirror

_LATER = "`status` shows them, and the same command later submits what they make ready"


def run_grid(
    plan: Plan,
    chosen: Plan,
    store: RunStore,
    request: Request,
    mode: Mode,
    build_report: BuildReport,
    detach: bool = False,
) -> int:
    """Compute the chosen cells of a plan, then report on all of it. Returns the exit code (0, 1 or 130).

    detach: submit what can be started now and leave; only where jobs outlive their driver.
    """
    place = launcher(store, request.executor, plan.grid)
    with contextlib.closing(place):
        place.open()
        if mode == "force":
            store.require_free(*chosen.stages)
        store.write_plan(plan)  # before there are run folders, which `clean` would otherwise find needed by nobody
        prepare(chosen, store, mode)
        return _run(plan, chosen, store, request, build_report, place, detach)


def _run(
    plan: Plan,
    chosen: Plan,
    store: RunStore,
    request: Request,
    build_report: BuildReport,
    place: Launcher,
    detach: bool,
) -> int:
    console = Console(file=sys.stdout)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    display = Display(console)
    forecast = Forecast(chosen, store, request.executor)

    def listen(word: str, about: str) -> None:
        forecast.heard(word, about)
        display.listen(word, about)

    driver = Driver(chosen, store, request.executor, place, listen, forecast.price.expected)
    display.driver = driver
    todo = driver.to_compute()
    say(f"grid {plan.grid}: {_before(driver, len(todo))}{_about(forecast.price) if todo else ''}")
    if todo and (warning := undecidable(plan)):
        say(warning)
    uri = tracking_uri(store, request.tracking_uri)
    mirror = BackgroundMirror(Mirror(plan, store, uri), lambda text: console.print(f"warning: {text}", style="yellow"))
    if todo:
        forecast.at_launch()
    if todo and detach:
        driver.run(detach=True)
        return _left_alone(driver, say)
    if todo:
        with mirror, display.live():
            driver.run()
    if driver.stopping:
        mirror.sync()
        jobs = driver.jobs()
        gone = f"left; {plural(jobs, 'job goes on', 'jobs go on')} in the queue, and " if jobs else "stopped; "
        say(gone + "the same command continues")
        return 130

    outcomes = store.outcomes(plan)
    cells = {cell.name: cell_outcome(plan, cell, outcomes) for cell in plan.cells}
    say(f"\n{show.results_asked_for(plan, chosen, cells)}\n")
    failures = show.failure_lines(chosen, {cell.name: cells[cell.name] for cell in chosen.cells}, outcomes, store)
    for line in failures:
        say(line)
    if failures:
        say(
            "failed stages stay failed until `retry`, which keeps their settings; where a setting was wrong, run the "
            "grid with the right one, for that makes other stages; what did not fail is not affected"
        )
    for line in show.skipped_lines(plan, outcomes, store):
        say(line)
    unavailable = sum(cell.unavailable is not None for cell in plan.cells)
    if unavailable:
        share = f"{unavailable} of {plural(len(plan.cells), 'cell')} {noun(unavailable, 'is', 'are')}"
        say(f"{share} not available yet; `plan` says why")
    written = _finish(plan, store, uri, mirror, build_report, say)
    return 1 if failures or not written else 0


def _left_alone(driver: Driver, say: Callable[[str], None]) -> int:
    """What a driver says that leaves at once; returns the exit code."""
    jobs, failed = driver.jobs(), len(driver.given_up)
    if jobs:
        alone = noun(jobs, "goes on by itself", "go on by themselves")
        say(f"{plural(jobs, 'job is', 'jobs are')} in the queue and {alone}; {_LATER}")
    elif driver.to_compute():
        say("nothing could be submitted; the same command tries again")
    if failed:
        say(f"{plural(failed, 'stage has', 'stages have')} failed; `status` says why")
    return 1 if failed or not jobs else 0


def report_grid(plan: Plan, store: RunStore, request: Request, build_report: BuildReport) -> None:
    """Write the report of what is done so far, and bring its copy in MLflow up to date.

    Raises BadInput, and leaves the old report, where that would show nothing because settings or code have changed.
    """
    uri = tracking_uri(store, request.tracking_uri)
    _require_kept(plan, store)
    store.write_plan(plan)
    report, absent = build_report(store.root, plan.grid, Patience(note).listen)
    for path in report:
        print(path)
    if absent:
        note(absent)
    _mirror_report(plan, store, uri, _background(plan, store, uri), report)


def _require_kept(plan: Plan, store: RunStore) -> None:
    if plan.grid not in store.grids():
        return
    before = _results(store.plan(plan.grid), store)
    if before and not _results(plan, store):
        raise BadInput(
            f"no result of grid {plan.grid!r} is of today's settings and code, {before} are of the plan that was run "
            f"(`why CELL` says what has changed). Their report stays in {store.grid_folder(plan.grid)}; `run` computes "
            "today's, with name=OTHER beside them"
        )


def _results(plan: Plan, store: RunStore) -> int:
    return sum(store.is_done(cell.stages[plan.result]) for cell in plan.cells if cell.stages)


def _background(plan: Plan, store: RunStore, uri: str) -> BackgroundMirror:
    return BackgroundMirror(Mirror(plan, store, uri), lambda text: print(f"warning: {text}", file=sys.stderr))


def _mirror_report(plan: Plan, store: RunStore, uri: str, mirror: BackgroundMirror, report: Sequence[Path]) -> None:
    """Attach the report in MLflow; remember that both show this state."""
    if mirror.sync([path for path in (*report, store.grid_folder(plan.grid) / "figures") if path.exists()]):
        store.note_finished(plan.grid, _fingerprint(plan, store, uri), report)


def _before(driver: Driver, todo: int) -> str:
    """How the stages stand before the run, in words."""
    stages, failed = len(driver.states), len(driver.given_up)
    done = sum(outcome.state == "done" for outcome in driver.states.values())
    kept = ""
    if failed:
        blocked = stages - done - failed - todo
        kept = f", {failed} failed before, {blocked} blocked by them (`retry` runs them again)"
    return f"{plural(stages, 'stage')}, {done} done before{kept}, {todo} to compute"


def _about(price: Price) -> str:
    """How long it will take, where stages like all of them have been computed."""
    return "" if price.unmeasured else f", about {show.duration(price.wall_s)}"


def _finish(
    plan: Plan,
    store: RunStore,
    uri: str,
    mirror: BackgroundMirror,
    build_report: BuildReport,
    say: Callable[[str], None],
) -> bool:
    """Write the report and bring MLflow up to date, unless both already show this state; say where they are."""
    report: Sequence[Path] = store.finished(plan.grid, _fingerprint(plan, store, uri))
    database = local_database(uri)
    if not report or (database is not None and not database.exists()):
        try:
            report, absent = build_report(store.root, plan.grid, Patience(say).listen)
        except Exception as error:
            words = f": {error}" if isinstance(error, BadInput | OSError) else ""
            if not words:
                traceback.print_exc()
            remedy = f"the results are safe, `report --grid {plan.grid}` tries again"
            say(f"the report could not be written{words}; {remedy}")
            mirror.sync()
            return False
        if absent:
            say(absent)
        _mirror_report(plan, store, uri, mirror, report)
    for path in report:
        say(f"report: {path}")
    say(f"MLflow: {ui_command(uri)}")
    return True


def _fingerprint(plan: Plan, store: RunStore, uri: str) -> str:
    """Equal while no stage of the plan, nor the report's own code, nor MLflow's address has changed."""
    outcomes = store.outcomes(plan)
    content = {
        "plan": plan.to_json(),
        "outcomes": {key: [o.state, o.finished, o.reason] for key, o in outcomes.items()},
        "uri": uri,
        "reports": content_hash(PROJECT / "reports"),
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def content_hash(folder: Path) -> str:
    """One hash of all files below a folder that are not Python's own cache."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
