"""Nothing that a figure says in words leaves its canvas, and a bar that leaves the axes says so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import matplotlib.axes
import matplotlib.figure
import pandas as pd
import pytest
from matplotlib.text import Text

from benchmark.spec import Plan
from reports.figures import Figure
from reports.figures.forecast import forecast_figure
from reports.figures.style import LIGHT, canvas
from reports.frame import GridData, load
from tests.synthetic import TEN_METHODS, all_pages, make_plan, write_runs

LONG = "Messenger S1, original, on blank texts, reduced"
ENVIRONMENTS = {"messenger-s2": "Messenger S2", "original": LONG}
REFERENCES = {"random": {"win_rate": 0.1}, "expert": {"win_rate": 0.9}, "source": "by hand"}
KINDS = {
    "ablation", "aggregate", "coverage", "curves", "difference", "forecast", "multiverse", "probe", "published",
    "scores", "spread",
}  # fmt: skip


def ledger() -> list[dict[str, object]]:
    """Values near both borders of a win rate, each with a spread that goes on beyond."""
    about = {"metric": "win_rate", "unit": "percent", "spread": 20, "spread_kind": "sd", "seeds": 2, "split": "test"}
    about |= {"frames": 150_000, "where": "Table 1", "comparable": True, "differences": [], "label": None}
    values = [
        {**about, "environments": [name], "method": method, "value": value}
        for name in ENVIRONMENTS
        for method, value in (("ldd", 95), ("ldd_init_only", 5))
    ]
    content = {"title": "the paper", "source": "A. Author", "read_in": "its abstract", "margins": {"win_rate": 0.05}}
    return [{"name": "paper", "sha256": "ab" * 32, "content": {**content, "statements": [], "values": values}}]


def planned() -> Plan:
    plan = make_plan(ENVIRONMENTS, TEN_METHODS, seeds=(0, 1), probe=True, preset=None, published=ledger())
    facts = {name: {**about, "references": {**REFERENCES, "games": f"{name}-test"}} for name, about in
             plan.environments.items()}  # fmt: skip
    return replace(plan, environments=facts)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    """Two seeds: every interval is wide."""
    root, plan = tmp_path_factory.mktemp("runs"), planned()
    store = write_runs(root, plan, win_rate=lambda _, method, seed: 0.4 + 0.2 * seed + 0.01 * len(method))
    store.write_forecast(plan.grid, {key: {"seconds": 90.0, "basis": "rate"} for key in plan.stages})
    return load(root, "synthetic")


@pytest.fixture(scope="module")
def figures(data: GridData) -> list[Figure]:
    """Of the environment with the long name, and of all of them together."""
    found = [figure for page in all_pages(data) for figure in page.figures()]
    return [figure for figure in found if not figure.id.endswith("messenger-s2")]


def outside(drawn: matplotlib.figure.Figure) -> Iterator[str]:
    """The words that are not wholly on the canvas. A tick beyond the axes has a label that is never drawn."""
    drawn.draw_without_rendering()
    hidden = {id(label) for ax in drawn.axes for label in beyond(ax)}
    width, height = drawn.bbox.width, drawn.bbox.height
    for text in drawn.findobj(Text):
        if not isinstance(text, Text) or not text.get_visible() or not text.get_text().strip() or id(text) in hidden:
            continue
        box = text.get_window_extent()
        if min(box.x0, box.y0) < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            yield text.get_text()


def beyond(ax: matplotlib.axes.Axes) -> Iterator[Text]:
    """Labels of ticks that are out of sight; of a pair of axes without frame and ticks, all."""
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not ax.axison or not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def test_no_title_and_no_label_leaves_the_canvas(figures: list[Figure]) -> None:
    assert {figure.id.partition("-")[0] for figure in figures} == KINDS, "a new kind of figure belongs here too"
    cut = {}
    for figure in figures:
        with canvas(LIGHT, *figure.size) as drawn:
            figure.draw(drawn, LIGHT)
            cut[figure.id] = list(outside(drawn))
    assert [(name, words) for name, words in cut.items() if words] == []


@pytest.mark.parametrize("seconds", [(29.3, 1420.0), (0.02, 0.9), (11.0, 590.0), (0.02, 2_000_000.0), (900.0, 1000.0)])
def test_no_two_times_on_an_axis_of_the_forecast_touch(data: GridData, seconds: tuple[float, float]) -> None:
    """29.3 s to 1420 s are those of the NetHack report, whose 10 and 20 min touched."""
    stages = pd.DataFrame({"key": ["a", "b"], "kind": ["policy", "evaluate"], "predicted": seconds, "seconds": seconds})
    figure = forecast_figure(data, stages)
    assert figure is not None
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        drawn.draw_without_rendering()
        axis = drawn.axes[0].xaxis
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        space = 3 / 72 * drawn.dpi  # three points
    assert all(right.x0 - left.x1 > space for left, right in itertools.pairwise(boxes))
    assert len(boxes) > 1 or seconds[1] / seconds[0] < 2


def test_a_bar_that_goes_on_beyond_a_win_rate_ends_in_an_arrow(figures: list[Figure]) -> None:
    """Two seeds 0.2 apart: every t and prediction interval covers more than the range; 95 ± 20 and 5 ± 20 one end."""
    for name, arrows in (("published-original", {0.0: 5, 1.0: 5}), ("scores-original", {0.0: 10, 1.0: 10})):
        figure = next(figure for figure in figures if figure.id == name)
        with canvas(LIGHT, *figure.size) as drawn:
            figure.draw(drawn, LIGHT)
            lines = drawn.axes[0].lines
            assert all(0 <= x <= 1 for line in lines for x in line.get_xdata())
            ends = [
                (float(line.get_xdata()[0]), line.get_marker()) for line in lines if line.get_marker() in ("<", ">")
            ]
            assert {0.0: ends.count((0.0, "<")), 1.0: ends.count((1.0, ">"))} == arrows
