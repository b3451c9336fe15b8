"""The score of every cell by how readable its network's representation was before reinforcement learning."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from reports.figures import MOST_METHODS, WIDTH, Figure
from reports.figures.style import Theme, heading, method_styles, quiet_axes
from reports.frame import GridData
from reports.text import wrapped

PROBE, REP = "probe", "rep/test_accuracy"


def starts_elsewhere(data: GridData, method: str) -> bool:
    """Whether the method's policy does not start from the trunk that was pretrained, and so not from what is probed."""
    about = data.plan.methods.get(method, {})
    return about.get("initialise") is False and about.get("pretrain", "none") != "none"


def points(data: GridData, environment: str) -> pd.DataFrame:
    """One row per finished cell whose probe is done and is of the network that its policy starts from.

    Columns: method, seed, key, probe (its run), x (accuracy), y (headline).
    """
    probes = {(c.environment, c.method, c.seed): c.stages.get(PROBE) for c in data.plan.cells}
    rows = [
        (row["method"], row["seed"], row["key"], probe, float(accuracy), float(row[data.headline(environment)]))
        for row in data.done(environment).to_dict("records")
        if not starts_elsewhere(data, row["method"])
        and (probe := probes[environment, row["method"], row["seed"]]) is not None
        and isinstance(accuracy := data.metrics(probe).get(REP), int | float)
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "key", "probe", "x", "y"])


def probe_figure(data: GridData, environment: str) -> Figure | None:
    """None where no finished cell has a probe, and for more methods than a figure can tell apart."""
    found = points(data, environment)
    methods = [method for method in data.methods if (found["method"] == method).any()]
    if not methods or len(methods) > MOST_METHODS:
        return None
    name, label = data.environment_label(environment), data.headline_label(environment)
    digits = data.few_digits(environment)
    correlation = _rank_correlation(found)
    told = "; ".join(
        f"{data.method_label(m)}: probe {group['x'].mean():.2f}, {label} {group['y'].mean():.{digits}f}"
        for m in methods
        if len(group := found[found["method"] == m])
    )

    def draw(figure: Canvas, theme: Theme) -> None:
        styles = method_styles(data.methods, theme)
        ax = figure.subplots()
        for method in methods:
            group, style = found[found["method"] == method], styles[method]
            ax.plot(group["x"], group["y"], style.marker, color=style.color, ms=4, alpha=0.5)
            mean = [group["x"].mean()], [group["y"].mean()]
            ax.plot(*mean, style.marker, color=style.color, ms=8, mec=theme.ink, mew=1.0)
        quiet_axes(ax)
        if data.counts_wins(environment):
            ax.set_ylim(-0.02, 1.02)
        ax.set_xlabel("accuracy of a linear probe of rep, at the start of RL")
        ax.set_ylabel(label)
        heading(figure, name)
        handles = [
            Line2D([], [], color=s.color, marker=s.marker, ls="none", label=wrapped(data.method_label(m), 26))
            for m, s in styles.items()
            if m in methods
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(2, len(methods)))

    return Figure(
        id=f"probe-{environment}",
        title=f"Readable at the start, {'won' if data.counts_wins(environment) else label} at the end, {name}",
        caption=(
            f"{name}: {label} on {data.games_label} against the accuracy, on the same split, of a linear "
            "probe of the representation that the policy starts from. Small marks: seeds; large marks: means. "
            f"Rank correlation of the methods' means: {correlation}; methods that share their pretraining share their "
            f"probe, so it describes these methods and tests nothing.{_left_out(data)}"
        ),
        alt=f"Scatter plot of {label} by probe accuracy of the starting network on {name}; {told}",
        size=(WIDTH, 3.4 + 0.22 * -(-len(methods) // 2)),
        draw=draw,
        runs=(*found["key"], *dict.fromkeys(found["probe"])),
    )


def _left_out(data: GridData) -> str:
    names = [data.method_label(method) for method in data.methods if starts_elsewhere(data, method)]
    if not names:
        return ""
    untrained = [m for m in data.methods if data.plan.methods.get(m, {}).get("pretrain") == "none"]
    where = f" They start where {data.method_label(untrained[0])} stands." if untrained else ""
    return f" Left out: {'; '.join(names)}; they start without pretraining, not from the probed network.{where}"


def _rank_correlation(found: pd.DataFrame) -> str:
    means = found.groupby("method")[["x", "y"]].mean().rank()
    if len(means) < 3 or (means.nunique() < 2).any():
        return "undefined"
    return f"{np.corrcoef(means['x'], means['y'])[0, 1]:+.2f}".replace("-", "−")
