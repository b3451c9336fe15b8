"""Stage target: the dynamics model of screens, which predicts the next one (methods.md 1.6 and 4, NetHack)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from agents.curriculum import begin
from agents.job import Job
from agents.networks import build
from agents.networks.cpu import tune_process
from agents.networks.seeded import seeded
from agents.pretraining.fit import Fit
from agents.pretraining.screens.decoder import build_decoder
from agents.pretraining.screens.prediction import Prediction
from agents.pretraining.screens.prior import average
from agents.pretraining.screens.windows import View, check, followed, outputs, read, require_some
from agents.recordings.stream import Window
from agents.teacher import publish


class Dynamics:
    """A trunk with the decoder of the next screen, fitted to windows of recordings.

    The trunk reads a window's frames but the last in their order, forgets where a game begins, and predicts the next
    screen from the last ``predicted`` of them: from the very last with 1, as the paper. Nothing is asked of padding,
    nor across the border of two games. The original reads on across borders and learns padding.
    """

    score = "valid/log_likelihood"

    def __init__(self, view: View, network: dict[str, Any], settings: Mapping[str, Any], seed: int) -> None:
        """settings: head, decoder, predicted, length. Raises EnvError."""
        check(settings)
        self.view, self.predicted = view, settings["predicted"]
        self.net = build(view.layout, network, seed)
        with seeded(seed + 1):
            self.decoder = build_decoder(view.layout, self.net.rep_size, settings["decoder"], settings["head"])
        self.modules = nn.ModuleDict({"net": self.net, "decoder": self.decoder}).to(view.device)

    def predict(self, window: Window) -> tuple[Prediction, Tensor, Tensor]:
        """What is predicted, the screens that came, and those that were there before: both int64 [N, H·W].

        N counts the next screens that are asked for.
        """
        shown = self.view(window)
        asked = followed(shown)[-self.predicted :]

        def chosen(field: Tensor) -> Tensor:
            return field[-self.predicted :][asked]

        present = {name: chosen(field[:-1]) for name, field in shown.observation.items()}
        screens = self.view.screens(shown)
        now, then = (chosen(part).flatten(1).long() for part in (screens[:-1], screens[1:]))
        return self.decoder(chosen(outputs(self.net, shown)), present), then, now

    def loss(self, window: Window, update: int) -> Tensor:
        """Mean cross-entropy of the next screens' characters."""
        predicted, then, _ = self.predict(window)
        return predicted.error(then) / max(1, then.numel())

    def validate(self, held_out: list[Window]) -> dict[str, float]:
        """Share of right characters, beside what copying the present screen gets.

        accuracy, copy_accuracy: over all cells. accuracy_changed: over cells that change, where copying is never right.
        loss: mean cross-entropy; log_likelihood: its negative.
        """
        counts: Counter[str] = Counter()
        loss = 0.0
        for window in held_out:
            predicted, then, now = self.predict(window)
            loss += predicted.error(then).item()
            right, changed = predicted.best() == then, then != now
            counts.update(
                all=right.numel(),
                right=int(right.sum()),
                changed=int(changed.sum()),
                right_changed=int((right & changed).sum()),
            )
        require_some(counts["all"])
        row = {
            "valid/accuracy": counts["right"] / counts["all"],
            "valid/copy_accuracy": 1 - counts["changed"] / counts["all"],
            "valid/loss": loss / counts["all"],
            "valid/log_likelihood": -loss / counts["all"],
        }
        if counts["changed"]:
            row["valid/accuracy_changed"] = counts["right_changed"] / counts["changed"]
        return row


def train(job: Job) -> dict[str, Any]:
    """Fit a dynamics model to the parent's recordings; publish ``teacher.pt``, the trunk with the best held-out score.

    Returns the published weights' accuracies beside those of copying the present screen, and their hash.
    """
    tune_process()
    params, settings = job.params, {**job.params["training"], **job.params["settings"]}
    lesson = read(job, "demonstrations", "pretraining order", params["language"])
    model = Dynamics(lesson.view, params["network"], settings, job.stream("pretraining weights"))
    begin(model.net, job)
    fit = Fit(job, model, lesson.fitted, lesson.held_out, settings)
    state = job.resume()
    if state is None:
        model.decoder.start_from(average(lesson.fitted, lesson.view, settings["prior_updates"]))
    fit.run(state)
    sha = publish(job, "teacher.pt", model.net)
    return lesson.facts(job, fit, settings["prior_updates"]) | model.net.facts() | {"trunk_sha": sha}
