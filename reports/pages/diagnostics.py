"""What a linear probe reads from the features before reinforcement learning: it explains a gain, or its absence."""

from __future__ import annotations

from reports.figures.probe import PROBE, probe_figure
from reports.frame import GridData
from reports.page import Block, Gallery, Page, Text
from reports.tables import Cell, Column, Table
from reports.variants import Variant, mean_entry, pretraining, pretraining_detail, seeds_entry, variants

FEATURES = (("rep", "what the policy sees"), ("pooled", "maximum over cells"), ("spatial", "every cell"))
MAJORITY = "majority/test_accuracy"


def page(data: GridData) -> Page | None:
    """Diagnostics; None for a grid without a probe."""
    rows = variants(data, PROBE)
    if not rows:
        return None
    if not any(key in data.finished for row in rows for key in row.keys):
        return Page("diagnostics", "Diagnostics", (Text("No probe is finished."),), appendix=True)
    drawn = [figure for name in data.environments if (figure := probe_figure(data, name)) is not None]
    blocks: list[Block] = [
        Text(
            "Before reinforcement learning, a linear map is fitted from a network's features to the expert's next move "
            f"on training games, and scored on {data.games_label}. The policy sees only `rep`: a probe that reads "
            "`pooled` or `spatial` but not `rep` says that the trunk knows something that the policy is not given at "
            "first. A readable `rep` suggests where a gain can come from; it is neither necessary nor sufficient for "
            "one: initialisation hands over the whole trunk, reinforcement learning can retrain its last layer, and a "
            "linear probe misses what only a nonlinear map could read. EMMA's representation is its whole map: there "
            "`rep` and `spatial` are the same numbers."
        ),
        probe_table(data, rows),
        *([Gallery(tuple(drawn))] if drawn else []),
        Text("A diagnostic: no result, choice of weights or setting reads it, and it is no cost of a method.", "note"),
    ]
    return Page("diagnostics", "Diagnostics", tuple(blocks), appendix=True)


def probe_table(data: GridData, rows: list[Variant]) -> Table:
    """Environment × pretraining: test accuracy of the probe from each feature, beside the majority move."""
    return Table(
        id="probe",
        caption=f"Linear probe of the expert's next move before reinforcement learning: accuracy on {data.games_label}",
        columns=(
            Column("Environment", numeric=False),
            Column("Pretraining", numeric=False),
            Column("Methods", numeric=False),
            Column("Seeds"),
            *(Column(name, note) for name, note in FEATURES),
            Column("Majority move", "no features"),
        ),
        rows=tuple(
            (
                Cell(data.environment_label(variant.environment)),
                Cell(pretraining(data, variant), pretraining_detail(data, variant)),
                Cell(data.method_names(variant.methods, variant.environment)),
                seeds_entry(data, variant),
                *(mean_entry(data, variant, f"{name}/test_accuracy") for name, _ in FEATURES),
                mean_entry(data, variant, MAJORITY),
            )
            for variant in rows
        ),
        notes=(
            "Mean over finished seeds, [95% t interval]; majority move: always the most frequent possible one. "
            "Some moves can be told from the picture alone, which a network without pretraining passes on: its row is "
            "a reference.",
        ),
        headers=2,
    )
