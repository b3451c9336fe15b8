"""Windows of recorded screens as pretraining takes them: on its device, with or without their language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import envs
from agents.job import Job
from agents.networks import Network
from agents.pretraining.fit import Fit
from agents.recordings.corpus import INDEX, Corpus, Part
from agents.recordings.stream import Window, WindowStream
from envs.base import EnvError, Layout, blanked

PARTS: tuple[Part, Part] = ("fitted", "held_out")


@dataclass(frozen=True)
class View:
    """How windows of screens are shown to what learns from them.

    layout: of the training environment. language: whether its language is on the screens.
    """

    layout: Layout
    language: bool
    device: torch.device

    def __call__(self, window: Window) -> Window:
        """The same window on the device."""
        seen = {name: field.to(self.device) for name, field in window.observation.items()}
        return Window(
            seen if self.language else blanked(seen, self.layout),
            *(part.to(self.device) for part in (window.starts, window.real, window.keys)),
        )

    def screens(self, window: Window) -> Tensor:
        """The characters of a window's frames: uint8 [L, B, H, W]."""
        return window.observation[self.layout.grid]


@dataclass(frozen=True)
class ScreenLesson:
    """view: how the windows are shown. fitted: those to learn from. held_out: batches to validate on.

    unread: held-out file -> why it could not be read.
    """

    view: View
    fitted: WindowStream
    held_out: list[Window]
    unread: Mapping[str, str]

    def facts(self, job: Job, fit: Fit[Any, Any], minibatches_before: int = 0) -> dict[str, Any]:
        """Those of the fit, with the frames that were read for it, and how many files could not be read at all.

        minibatches_before: how many were read before the first update. Where files could not be read, the job's result
        says that it cannot be repeated: with all files it would be another.
        """
        frames = (minibatches_before + fit.update) * self.fitted.size * self.fitted.length
        skipped = len({*self.fitted.skipped, *self.unread})
        job.repeatable = job.repeatable and not skipped
        return fit.facts() | {"fitted_frames": frames, "skipped": skipped}


def read(job: Job, parent: str, purpose: str, language: bool = True) -> ScreenLesson:
    """The lesson of a stage with the params ``env`` and ``training``, from a parent's recordings.

    training: batch, length, validation, held_out_windows. purpose: of the random stream that orders the windows.
    language: whether it is shown. An archive is where the param ``@archive`` says that its index lies now, which need
    not be where it lay when its games were chosen. Raises EnvError.
    """
    env, settings = job.params["env"], job.params["training"]
    device = torch.device(job.device)
    layout = envs.make(env["name"], 1, device, **env["options"]).layout
    corpus, archive = Corpus.open(job.parents[parent]), job.params.get("@archive")
    if corpus.root is None and archive is not None:
        corpus = replace(corpus, index=Path(archive) / INDEX)
    fitted, held_out = (
        WindowStream(corpus, part, settings["batch"], settings["length"], job.stream(purpose), settings["validation"])
        for part in PARTS
    )
    windows = list(held_out.once(settings["held_out_windows"]))
    frames = sum(int(followed(window).sum()) for window in windows)
    if not frames and held_out.skipped:
        raise EnvError(f"of the held-out recordings, too few can be read to validate: {held_out.trouble()}")
    require_some(frames)
    return ScreenLesson(View(layout, language, device), fitted, windows, held_out.skipped)


def require_some(frames: int) -> None:
    """Raises EnvError where none of the held-out frames is followed by another, so that nothing can be validated."""
    if not frames:
        raise EnvError("the held-out recordings show no frame with a next one: raise demonstrations.episodes")


def followed(window: Window) -> Tensor:
    """Which frames are real and followed by the next frame of the same game: bool [L - 1, B]."""
    return window.real[:-1] & window.real[1:] & ~window.starts[1:]


def outputs(net: Network, window: Window) -> Tensor:
    """Representations of a window's frames but the last, from no past at its beginning: [L - 1, B, rep_size]."""
    steps, copies = window.real.shape[0] - 1, window.real.shape[1]
    frames = {name: field[:-1] for name, field in window.observation.items()}
    features, _ = net.sequence(frames, window.starts[:-1], net.initial_state(copies))
    return features.rep.unflatten(0, (steps, copies))


def check(settings: Mapping[str, Any]) -> None:
    """Raises EnvError where a window of ``length`` frames has no ``predicted`` ones with a next frame."""
    if not 1 <= settings["predicted"] < settings["length"]:
        raise EnvError(
            f"pretraining.predicted is {settings['predicted']} and pretraining.length {settings['length']}: expected "
            "predictions from 1 to all frames of a window but its last"
        )
