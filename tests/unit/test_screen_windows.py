"""What windows of recorded screens ask for, and what they do not: padding, and whatever crosses a game's border."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("nle", reason="needs the package nle (make test installs it)")

from agents.pretraining.screens.dynamics import Dynamics
from agents.pretraining.screens.prior import average
from agents.pretraining.screens.windows import View, followed, outputs
from agents.recordings.stream import Window
from envs.base import EnvError
from tests.nethack_examples import TINY, layout, screens

torch.set_num_threads(1)
LENGTH, LANES = 5, 3
SETTINGS = {"head": "paper", "decoder": "cells", "predicted": 2, "length": LENGTH}


def a_window(seed: int = 0) -> Window:
    """Lane 0 in the middle of a game; lane 1's second game begins at frame 3; lane 2's only game ends after frame 2."""
    observation = screens(LENGTH, LANES, seed=seed)
    del observation["valid"]
    starts, real = torch.zeros(LENGTH, LANES, dtype=torch.bool), torch.ones(LENGTH, LANES, dtype=torch.bool)
    starts[0, 2] = starts[3, 1] = True
    real[3:, 2] = False
    for field in observation.values():
        field[3:, 2] = 0
    keys = torch.randint(256, (LENGTH, LANES), generator=torch.Generator().manual_seed(seed))
    return Window(observation, starts, real, keys)


def a_view(language: bool = True) -> View:
    return View(layout(), language, torch.device("cpu"))


def a_model(**changes: Any) -> Dynamics:
    model = Dynamics(a_view(), TINY, SETTINGS | changes, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.decoder.parameters():  # an untrained decoder does not look at the representation
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


def changed(window: Window, frame: int, lane: int) -> Window:
    """The same window, but for one frame, which is of another game altogether."""
    other = screens(LENGTH, LANES, seed=77)
    observation = {name: field.clone() for name, field in window.observation.items()}
    for name, field in observation.items():
        field[frame, lane] = other[name][frame, lane]
    return window._replace(observation=observation)


def test_a_step_is_from_a_real_frame_to_the_next_of_the_same_game() -> None:
    expected = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 0], [1, 1, 0]]).bool()
    assert torch.equal(followed(a_window()), expected)


def test_padding_is_not_learnt_from() -> None:
    window, model = a_window(), a_model(predicted=4)
    for frame in (3, 4):
        assert model.loss(changed(window, frame, 2), 0) == model.loss(window, 0)
    assert model.loss(changed(window, 2, 2), 0) != model.loss(window, 0), "the last real frame is a target"


def test_nothing_is_predicted_across_the_border_of_two_games() -> None:
    """What came before the border changes no prediction after it; the first frame of a game is nobody's target."""
    window, model = a_window(), a_model(predicted=2)
    only_after = model.loss(window, 0)
    for frame in (0, 1, 2):
        assert model.loss(changed(window, frame, 1), 0) == only_after
    assert model.loss(changed(window, 3, 1), 0) != only_after, "predicts frame 4"
    assert model.loss(changed(window, 0, 0), 0) != only_after, "lane 0 remembers its first frame"


@pytest.mark.parametrize(("predicted", "frames"), [(1, 2), (2, 3), (4, 9)])
def test_the_last_outputs_predict(predicted: int, frames: int) -> None:
    """1 is the paper's: the very last input predicts the frame after it."""
    _, then, now = a_model(predicted=predicted).predict(a_window())
    assert len(then) == len(now) == frames
    chars = a_window().observation["tty_chars"].flatten(2).long()
    assert torch.equal(then[-1], chars[4, 1]) and torch.equal(now[-1], chars[3, 1])


def test_the_trunk_sees_no_more_than_all_frames_but_the_last_from_no_past() -> None:
    window, model = a_window(), a_model()
    reps = outputs(model.net, window)
    assert reps.shape == (4, LANES, TINY["core"])
    frames = {name: field[:4] for name, field in window.observation.items()}
    expected, _ = model.net.sequence(frames, window.starts[:4], model.net.initial_state(LANES))
    assert torch.equal(reps.flatten(0, 1), expected.rep)
    assert torch.equal(outputs(model.net, changed(window, 4, 0)), reps)


@pytest.mark.parametrize(("predicted", "length"), [(0, 33), (33, 33), (1, 1)])
def test_impossible_windows_are_named(predicted: int, length: int) -> None:
    with pytest.raises(EnvError, match=f"pretraining.predicted is {predicted} and pretraining.length {length}"):
        a_model(predicted=predicted, length=length)


def test_a_minibatch_without_anything_to_predict_teaches_nothing() -> None:
    window, model = a_window(), a_model()
    loss = model.loss(window._replace(real=torch.zeros_like(window.real)), 0)
    gradients = torch.autograd.grad(loss, list(model.modules.parameters()), allow_unused=True)
    assert loss == 0 and not any(gradient.any() for gradient in gradients if gradient is not None)


def test_held_out_recordings_that_show_no_step_are_named() -> None:
    window = a_window()
    with pytest.raises(EnvError, match=r"show no frame with a next one: raise demonstrations.episodes"):
        a_model().validate([window._replace(real=torch.zeros_like(window.real))])


def test_without_language_neither_inputs_nor_targets_have_a_message() -> None:
    window, other = a_window(), screens(LENGTH, LANES, seed=5)
    said = {name: field.clone() for name, field in window.observation.items()}
    for name in ("tty_chars", "tty_colors"):
        said[name][:, :, 0] = other[name][:, :, 0]
    silent, loud = a_view(language=False), a_view()
    first, second = (silent(w).observation for w in (window, window._replace(observation=said)))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(loud(window).observation["tty_chars"], window.observation["tty_chars"])
    model = Dynamics(silent, TINY, SETTINGS, seed=1)
    _, then, _ = model.predict(window)
    assert (then.view(-1, 24, 80)[:, 0] == ord(" ")).all()


def test_accuracies_are_those_counted_by_hand() -> None:
    """Two batches: over all cells, over those that change, and of copying the present screen."""
    model, right, same, changes, right_changes, cells = a_model(), 0, 0, 0, 0, 0
    windows = [a_window(), a_window(seed=1)]
    for window in windows:
        window.observation["tty_chars"][4, 0, 3:] = window.observation["tty_chars"][3, 0, 3:]  # so that something stays
        predicted, then, now = model.predict(window)
        parts = (part.flatten().tolist() for part in (predicted.best(), then, now))
        for guess, true, before in zip(*parts, strict=True):
            cells, right, same = cells + 1, right + (guess == true), same + (true == before)
            changes, right_changes = changes + (true != before), right_changes + (guess == true != before)
    with torch.no_grad():
        row = model.validate(windows)
        error = sum(model.loss(window, 0).item() for window in windows) / 2
    assert row["valid/accuracy"] == pytest.approx(right / cells)
    assert row["valid/copy_accuracy"] == pytest.approx(same / cells)
    assert row["valid/accuracy_changed"] == pytest.approx(right_changes / changes)
    assert row["valid/loss"] == -row["valid/log_likelihood"] == pytest.approx(error)
    assert 0 < same < cells


class Stream:
    """Two windows for ever."""

    size, windows, place = LANES, 6, 0

    def next(self) -> Window:
        self.place += 1
        return a_window(seed=self.place % 2)

    def state_dict(self) -> dict[str, Any]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.place = state["place"]


def steps() -> Iterator[tuple[Tensor, Tensor]]:
    for seed in (0, 1):
        window = a_window(seed)
        chars = window.observation["tty_chars"].flatten(2).long()
        for frame, lane in followed(window).nonzero().tolist():
            yield chars[frame, lane], chars[frame + 1, lane]


def test_the_average_counts_next_screens_and_leaves_the_stream_where_it_was() -> None:
    stream: Any = Stream()
    found = average(stream, a_view(), minibatches=2)
    assert found.frames == len(list(steps())) == 18
    for cell in (0, 1000, 1919):
        for counts, wanted in ((found.characters, False), (found.changes, True)):
            expected = torch.zeros(256, dtype=torch.int64)
            for now, then in steps():
                expected[then[cell]] += not wanted or bool(now[cell] != then[cell])
            assert torch.equal(counts[cell], expected)
    assert stream.place == 0
