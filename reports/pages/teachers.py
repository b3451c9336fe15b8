"""Demonstrations and what was fitted to them, one table per kind of pretraining: is there anything to learn from?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from reports.demonstrations import INTERACTION, START, demonstration_table, left_out, start
from reports.frame import GridData
from reports.page import Block, Page, Text
from reports.tables import Cell, Column, Table
from reports.text import count, signed
from reports.variants import Variant, finished, mean_entry, pretraining, values, variants

DEMONSTRATIONS, INVERSE, PRETRAIN = "demonstrations", "inverse", "pretrain"
"""The stages that this page describes."""

Entry = Callable[[GridData, Variant], Cell]


@dataclass(frozen=True)
class Measure:
    """A column of a table of fitted models. reading: what has to be said of it under the table."""

    label: str
    entry: Entry
    note: str = ""
    reading: str = ""


@dataclass(frozen=True)
class Kind:
    """How the models of one kind are described. id: of the table. reading: what is to be said under it."""

    id: str
    caption: str
    measures: tuple[Measure, ...]
    reading: str = ""


def mean(metric: str, digits: int = 4) -> Entry:
    """The mean of a metric over seeds."""
    return lambda data, variant: mean_entry(data, variant, metric, digits)


def gain(metric: str, baseline: str) -> Entry:
    """The mean over seeds of one metric minus another."""

    def entry(data: GridData, variant: Variant) -> Cell:
        first, second = values(data, variant, metric), values(data, variant, baseline)
        if not first.size or first.size != second.size:
            return Cell("–", mark="weak")
        return Cell(signed(float((first - second).mean()), 4), runs=finished(data, variant))

    return entry


def best_update(data: GridData, variant: Variant) -> Cell:
    """Least and greatest update of the published weights, of how many."""
    best, all_updates = values(data, variant, "best_update"), values(data, variant, "updates")
    if not best.size:
        return Cell("–", mark="weak")
    of = f"of {_range(all_updates)}" if all_updates.size else ""
    return Cell(_range(best), of, runs=finished(data, variant))


def _range(numbers: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    low, high = count(float(numbers.min())), count(float(numbers.max()))
    return low if low == high else f"{low} to {high}"


def converged(data: GridData, variant: Variant) -> Cell:
    """Of how many finished seeds the score had stopped improving before the updates ran out."""
    known = [bool(data.metrics(key)["converged"]) for key in variant.keys if "converged" in data.metrics(key)]
    return Cell(f"{sum(known)} of {len(known)}", runs=finished(data, variant)) if known else Cell("–", mark="weak")


ACCURACY = "valid/accuracy"
BEST = Measure(
    "Best update",
    best_update,
    reading="The published weights are those of the update with the best score on held-out episodes.",
)

THINGS = (
    "On things: where cells hold entities, over the places that are not empty in the next observation; there a model "
    "that is unsure where a thing goes says empty, and copying never does."
)

KINDS = {
    "dynamics": Kind(
        "teachers",
        "Dynamics models: token accuracy of the next observation on held-out demonstrations",
        (
            Measure("Teacher", mean(ACCURACY)),
            Measure("Copying the last frame", mean("valid/copy_accuracy")),
            Measure("Gain", gain(ACCURACY, "valid/copy_accuracy")),
            Measure("On changed tokens", mean("valid/accuracy_changed"), "copying: 0"),
            Measure("On things", mean("valid/accuracy_entities"), reading=THINGS),
            Measure("Copying, on things", mean("valid/copy_accuracy_entities")),
            BEST,
        ),
        "Most of a grid does not change in one step, so a high accuracy means little by itself: a model that only "
        "copies reaches the column beside it. Changed tokens are those that copying gets wrong.",
    ),
    "vae": Kind(
        "teachers-vae",
        "Variational autoencoders: held-out demonstrations, current observation",
        (
            Measure("Token accuracy", mean(ACCURACY)),
            Measure("KL divergence", mean("valid/kl", 3), "nats per frame"),
            Measure("ELBO", mean("valid/elbo", 3), "nats per frame"),
            Measure("Score", mean("valid/score", 3), "with the method's β"),
            BEST,
        ),
        "Reconstructed is the observation that the network just saw, through a latent z. Token accuracy: from the mean "
        "of z. ELBO: the evidence lower bound, log-likelihood minus KL divergence with weight 1, one sample of z per "
        "frame with noise that is equal at every update. Score: the same with the method's β as the weight. A KL "
        "divergence near 0 means that the latent says nothing of the observation.",
    ),
    "inverse_bc": Kind(
        "teachers-cloning",
        "Cloned policies: agreement with the inverse model's labels on held-out demonstrations",
        (
            Measure("Agreement", mean(ACCURACY)),
            Measure("Always the most frequent label", mean("valid/majority")),
            Measure("Gain", gain(ACCURACY, "valid/majority")),
            BEST,
        ),
        "The labels are the inverse model's guesses; the demonstrator's moves are not read.",
    ),
}  # fmt: skip
"""By the pretraining of the methods."""

OTHER = Kind("teachers-other", "Other pretraining", (Measure("Validation accuracy", mean(ACCURACY)), BEST))

INVERSE_MODELS = Kind(
    "teachers-inverse",
    "Inverse models: accuracy of the move between two observations on held-out interaction",
    (
        Measure("Accuracy", mean(ACCURACY)),
        Measure("Loss", mean("valid/loss", 3)),
        Measure("Converged", converged, "seeds"),
        Measure("Best update", best_update),
    ),
    "q(a | o, o′) of the learner's own random play. Converged: the score stopped improving before the updates ran out. "
    "Moves that change nothing on the board cannot be told from each other.",
)


def page(data: GridData) -> Page:
    """Demonstrations and teacher quality."""
    if not data.finished:
        words = "No demonstrations and no model are finished."
        return Page("teachers", "Demonstrations and teachers", (Text(words),), appendix=True)
    blocks: list[Block] = [*left_out(data)]
    fitted = variants(data, PRETRAIN)
    for name, kind in {**KINDS, "": OTHER}.items():
        chosen = [v for v in fitted if pretraining(data, v) == name or (not name and pretraining(data, v) not in KINDS)]
        if chosen:
            blocks.append(model_table(data, kind, chosen))
    inverse = variants(data, INVERSE)
    if inverse:
        blocks.append(model_table(data, INVERSE_MODELS, inverse))
    played = [(DEMONSTRATIONS, v) for v in variants(data, DEMONSTRATIONS)]
    played += [(INTERACTION, v) for v in variants(data, INTERACTION)]
    if played:
        blocks.append(demonstration_table(data, played))
    if not blocks:
        blocks.append(Text("No method of this grid that can be run uses demonstrations."))
    return Page("teachers", "Demonstrations and teachers", tuple(blocks), appendix=True)


def model_table(data: GridData, kind: Kind, rows: Sequence[Variant]) -> Table:
    """One row per environment and group of methods that share the model; the measures that some model has."""
    entries = {measure: [measure.entry(data, variant) for variant in rows] for measure in kind.measures}
    shown = [measure for measure in kind.measures if any(not _is_empty(cell) for cell in entries[measure])]
    shown = shown or [kind.measures[0]]
    reading = " ".join(filter(None, (kind.reading, *(measure.reading for measure in shown))))
    return Table(
        id=kind.id,
        caption=kind.caption,
        columns=(*START, *(Column(measure.label, measure.note) for measure in shown)),
        rows=tuple(
            (*start(data, variant), *(entries[measure][row] for measure in shown)) for row, variant in enumerate(rows)
        ),
        notes=(
            *([reading] if reading else []),
            "Mean over finished seeds, [95% t interval]; finished seeds / planned seeds.",
        ),
        headers=2,
    )


def _is_empty(cell: Cell) -> bool:
    return cell.shown == "–"
