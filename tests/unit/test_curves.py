"""Learning curves: every seed is drawn, a mean is over the same seeds throughout, and its band is about whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from reports.curves import POINTS, Curve, common_frames, learnt, panels, seed_curves, thinned
from reports.figures import Figure
from reports.figures.curves import MANY, learning_curves, seeds_apart
from reports.figures.style import LIGHT, canvas, method_styles
from reports.frame import GridData, load
from reports.page import Gallery, Text
from reports.pages.curves import page
from reports.stats import ONE_SEED
from tests.synthetic import make_plan, make_search, write_runs

ONLY = {"rtfm-s1": "RTFM S1"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("runs")
    write_runs(root, make_plan(ONLY), failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"})
    return load(root, "synthetic")


def curve(frames: list[float], values: list[float], whole: bool = True) -> Curve:
    return Curve("key", np.array(frames, float), np.array(values, float), whole)


def figure_of(data: GridData) -> Figure:
    figure = learning_curves(data, "rtfm-s1", panels(data, "rtfm-s1"))
    assert figure is not None
    return figure


def drawn(figure: Figure) -> list[Axes]:
    with canvas(LIGHT, *figure.size) as paper:
        figure.draw(paper, LIGHT)
        return list(paper.axes)


def seeds(axes: Axes) -> int:
    return sum(len(each.get_segments()) for each in axes.collections if isinstance(each, LineCollection))


def bands(axes: Axes) -> int:
    return sum(isinstance(each, PolyCollection) for each in axes.collections)


def test_the_mean_of_equal_grids_is_pointwise() -> None:
    both = learnt([curve([0, 10, 20], [0.0, 0.2, 0.4]), curve([0, 10, 20], [0.2, 0.4, 0.8])])
    assert both.frames.tolist() == [0, 10, 20]
    assert both.band.mean == pytest.approx([0.1, 0.3, 0.6])


def test_the_mean_ends_where_the_shortest_seed_ends() -> None:
    """Otherwise it would jump where a seed leaves it."""
    both = learnt([curve([0, 10, 20, 30], [0.0, 0.0, 0.0, 0.0]), curve([5, 15], [1.0, 1.0])])
    assert both.frames.tolist() == [5, 10, 15]
    assert both.band.mean == pytest.approx([0.5, 0.5, 0.5])


def test_seeds_measured_at_different_frames_are_read_off_their_lines() -> None:
    both = learnt([curve([0, 20], [0.0, 1.0]), curve([0, 10, 20], [0.0, 0.0, 0.0])])
    assert both.frames.tolist() == [0, 10, 20]
    assert both.band.mean == pytest.approx([0.0, 0.25, 0.5])


def test_without_a_finished_seed_there_is_neither_mean_nor_band() -> None:
    nobody, unfinished = learnt([]), learnt([curve([0, 10], [0.0, 0.2], whole=False)])
    for none in (nobody, unfinished):
        assert none.frames.size == none.band.mean.size == none.finished == 0
        assert none.band.low is None


def test_finished_seeds_without_a_common_frame_have_no_mean() -> None:
    assert learnt([curve([0, 10], [0.0, 0.2]), curve([20, 30], [0.0, 0.2])]).frames.size == 0


def test_an_unfinished_seed_is_kept_out_of_mean_band_and_percentiles() -> None:
    two = [curve([0, 10], [0.2, 0.4]), curve([0, 10], [0.4, 0.8])]
    three = learnt([*two, curve([0, 5], [1.0, 1.0], whole=False)])
    assert len(three.seeds) == 3
    assert three.finished == 2
    assert three.band.mean == pytest.approx([0.3, 0.6])
    assert (three.low, three.high) == (pytest.approx([0.22, 0.44]), pytest.approx([0.38, 0.76]))


def test_one_seed_has_a_mean_and_says_why_it_has_no_band() -> None:
    alone = learnt([curve([0, 10], [0.2, 0.4])])
    assert alone.band.mean.tolist() == [0.2, 0.4]
    assert alone.band.low is None
    assert alone.band.why == ONE_SEED


def test_a_band_holds_its_mean_and_is_as_wide_at_every_frame() -> None:
    """Also at the foot of a rise, where few seeds differ yet: seeds that agree there say little of the next one."""
    spread = [curve([0, 10], [0.5 + 0.01 * step, 0.5 + 0.1 * step]) for step in (-2, -1, 0, 1, 2)]
    band = learnt(spread).band
    assert band.low is not None
    assert band.high is not None
    assert (band.low < band.mean).all()
    assert (band.mean < band.high).all()
    assert (band.high - band.low)[1] == pytest.approx((band.high - band.low)[0])


def test_long_curves_are_thinned_to_some_of_their_own_points_with_both_ends() -> None:
    frames = np.arange(2_000.0)
    chosen = thinned(frames)
    assert len(chosen) == POINTS
    assert (chosen[0], chosen[-1]) == (0, 1_999)
    assert set(np.diff(chosen)) <= {10, 11}
    assert thinned(frames[:POINTS]).tolist() == frames[:POINTS].tolist()
    long = curve(frames.tolist(), (frames % 2).tolist())
    assert len(common_frames([long, long])) == POINTS
    assert set(learnt([long]).band.mean) == {0.0, 1.0}  # a point is chosen, not averaged with its neighbours


def test_every_seed_is_drawn_thin_and_only_whole_ones_enter_the_mean(data: GridData) -> None:
    for axes in drawn(figure_of(data)):
        assert seeds(axes) == 9  # three methods × three seeds, the failed one included
        assert [line.get_linewidth() for line in axes.lines] == [2, 2, 2]
        assert bands(axes) == 3
        assert axes.get_ylim() == (-0.02, 1.02)
    color = method_styles(data.methods, LIGHT)["ldd"].color
    mean = next(line for line in drawn(figure_of(data))[2].lines if line.get_color() == color)
    assert mean.get_xdata()[-1] == 150_000  # the failed seed's curve ends at 90,000


def test_the_second_axis_starts_each_curve_at_what_was_paid_before(data: GridData) -> None:
    """7811 frames of demonstrations and 48,000 fitted ones for LDD, nothing for tabula rasa (rule 12)."""
    by_rl, by_all, training = panels(data, "rtfm-s1")
    assert by_rl.axis == training.axis == "frames of reinforcement learning"
    assert by_all.axis == "frames of RL + all that came before"
    for method, paid in (("tabula_rasa", 0), ("ldd_rep", 55_811)):
        sooner, later = by_rl.methods[method], by_all.methods[method]
        assert (later.frames - sooner.frames).tolist() == [paid] * len(sooner.frames)
        for first, second in zip(sooner.seeds, later.seeds, strict=True):
            assert (second.frames - first.frames).tolist() == [paid] * len(first.frames)
    caption = figure_of(data).caption
    assert "Tabula rasa starts at 0" in caption
    assert "frames fitted in pretraining" in caption


def forget_what_was_paid(root: Path, cells: str, seeds: tuple[int, ...]) -> GridData:
    plan = make_plan(ONLY, seeds=seeds)
    store = write_runs(root, plan, points=4)
    key = next(cell.stages["pretrain"] for cell in plan.cells if cell.name == cells)
    path = store.folder(key) / "result.json"
    path.write_text(path.read_text().replace('"fitted_frames"', '"forgotten"'))
    return load(root, "synthetic")


def test_a_method_whose_cost_is_not_recorded_is_left_off_the_second_axis_and_named(tmp_path: Path) -> None:
    caption = figure_of(forget_what_was_paid(tmp_path, "rtfm-s1/ldd/0", (0,))).caption
    assert caption.endswith("because what they paid is not recorded: LDD.")


def test_a_mean_over_fewer_seeds_on_the_second_axis_says_over_how_many(tmp_path: Path) -> None:
    caption = figure_of(forget_what_was_paid(tmp_path, "rtfm-s1/ldd/1", (0, 1, 2))).caption
    assert caption.endswith("not recorded: LDD (whose mean there is over 2 of 3 finished seeds).")


def test_a_method_without_a_band_is_named_with_the_reason(tmp_path: Path) -> None:
    plan = make_plan(ONLY, seeds=(0, 1))
    write_runs(tmp_path, plan, failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"}, points=4)
    caption = figure_of(load(tmp_path, "synthetic")).caption
    assert f"Without a band: LDD ({ONE_SEED})." in caption


def test_the_spread_of_runs_is_drawn_apart_from_the_band_of_the_mean(data: GridData) -> None:
    shown = panels(data, "rtfm-s1")
    figure = seeds_apart(data, "rtfm-s1", shown)
    assert figure is not None
    for method, axes in zip(data.methods, drawn(figure), strict=False):
        low, high, mean = axes.lines
        each = shown[0].methods[method]
        assert low.get_ydata().tolist() == each.low.tolist()
        assert high.get_ydata().tolist() == each.high.tolist()
        assert mean.get_ydata().tolist() == each.band.mean.tolist()
        assert (seeds(axes), bands(axes)) == (3, 1)
    assert "read between the 2 or 3 finished seeds" in figure.caption


def test_one_seed_has_no_spread_to_draw(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ONLY, seeds=(0,)), points=4)
    one = load(tmp_path, "synthetic")
    assert seeds_apart(one, "rtfm-s1", panels(one, "rtfm-s1")) is None


def test_a_crowd_of_seeds_is_an_image_and_thins_what_it_draws(tmp_path: Path) -> None:
    plan = make_plan(ONLY, seeds=tuple(range(MANY // 3 + 1)))
    write_runs(tmp_path, plan, points=POINTS + 50)
    figure = figure_of(load(tmp_path, "synthetic"))
    assert f"Of longer curves {POINTS} points are drawn" in figure.caption
    for axes in drawn(figure):
        thin = [each for each in axes.collections if isinstance(each, LineCollection)]
        assert all(each.get_rasterized() for each in thin)
        assert max(len(segment) for each in thin for segment in each.get_segments()) <= POINTS


def test_the_figure_says_in_words_what_it_shows(data: GridData) -> None:
    alt = figure_of(data).alt
    assert "LDD: 3 seeds, mean" in alt
    assert "win rate" in alt


def test_the_runs_behind_the_figures_are_the_policies(data: GridData) -> None:
    shown = panels(data, "rtfm-s1")
    for figure in (learning_curves(data, "rtfm-s1", shown), seeds_apart(data, "rtfm-s1", shown)):
        assert figure is not None
        assert set(figure.runs) == {cell.stages["policy"] for cell in data.plan.cells}


def test_equal_data_give_equal_files(data: GridData) -> None:
    assert figure_of(data).files() == figure_of(data).files()


def test_each_environment_has_its_figures_and_one_without_a_curve_is_named(tmp_path: Path) -> None:
    plan = make_plan({**ONLY, "nethack": "NetHack"}, seeds=(0, 1), unavailable={"nethack": "not built yet"})
    write_runs(tmp_path, plan, points=4)
    gallery, table, note = page(load(tmp_path, "synthetic")).blocks
    assert isinstance(gallery, Gallery)
    assert [figure.id for figure in gallery.figures] == ["curves-rtfm-s1", "spread-rtfm-s1"]
    assert table.id == "efficiency-rtfm-s1"  # type: ignore[union-attr]
    assert note == Text("No curve yet: NetHack.", "note")


def test_with_too_many_methods_there_is_no_figure_and_the_page_says_so(tmp_path: Path) -> None:
    methods = {"ldd": "method.distill", "ldd_rep": "method.distill", "vae": "vae.beta"}
    plan, _ = make_search(methods, (1.0, 0.5, 0.1, 2.0, 10.0), environments=ONLY)
    write_runs(tmp_path, plan, points=2)
    many = load(tmp_path, "synthetic")
    built = page(many)
    assert not list(built.figures())
    assert "15 methods are too many" in built.blocks[0].text  # type: ignore[union-attr]
    assert len(next(built.tables()).rows) == 15
    assert len(seed_curves(many, "rtfm-s1", "test/win_rate")) == 15
