"""Inverse RL on screens: which keys are actions, what the inverse model is asked, and what a policy is cloned from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("nle", reason="needs the package nle (make test installs it)")

import envs
from agents.networks import build
from agents.pretraining.screens import inverse
from agents.pretraining.screens.cloning import Cloning
from agents.pretraining.screens.inverse import ActionsOfKeys, Inverse, action_of_key
from agents.pretraining.screens.windows import View, followed, outputs
from envs.base import EnvError, Layout
from tests.nethack_examples import TINY, layout
from tests.unit.test_screen_windows import a_window

torch.set_num_threads(1)
SIZES = {"channels": [3, 4, 5], "screen": 12, "text": 7, "hidden": 11}
GAME: Layout = layout(("CompassDirection.N", "CompassDirection.E", "Command.SEARCH"))
VIEW = View(GAME, True, torch.device("cpu"))
NORTH, EAST, SEARCH = (ord(key) for key in "kls")


def a_model(seed: int = 1) -> Inverse:
    return inverse.build(GAME, SIZES, seed)


def test_keys_are_read_as_the_environment_s_actions() -> None:
    table = action_of_key(GAME)
    assert table[[NORTH, EAST, SEARCH]].tolist() == [0, 1, 2]
    assert (table >= 0).sum() == 3
    whole = envs.make("nethack-challenge", processes=0).layout
    keyboard = action_of_key(whole)
    assert (keyboard >= 0).sum() == 118, "three of the 121 actions have a key that another one has too"
    assert whole.actions[keyboard[ord("s")]] == "Command.SEARCH"
    plus = [whole.actions.index(name) for name in ("Command.SEESPELLS", "TextCharacters.PLUS")]
    assert keyboard[ord("+")] == min(plus)


def test_only_the_environment_s_own_keys_are_asked_for() -> None:
    window = a_window()
    keys = torch.full_like(window.keys, ord("i"))  # the inventory
    keys[0, 0], keys[3, 1], keys[1, 1] = EAST, NORTH, SEARCH
    keys[2, 1] = EAST  # the next frame is another game's first
    keys[4, 0] = EAST  # the window ends
    keys[3, 2] = EAST  # padding
    logits, actions = ActionsOfKeys(VIEW, a_model()).predict(window._replace(keys=keys))
    assert actions.tolist() == [1, 2, 0] and logits.shape == (3, 3)


def test_a_step_s_logits_see_both_screens_in_their_order_and_no_other() -> None:
    model, window = a_model(), a_window()
    observation = window.observation
    vectors = model.encoder({name: field[1:3, 0] for name, field in observation.items()})
    step = torch.cat([vectors[0], vectors[1]])
    for layer in model.hidden:
        step = torch.nn.functional.elu(layer(step))
    torch.testing.assert_close(model(window)[1, 0], model.action(step))
    assert [layer.weight.shape for layer in model.hidden] == [(11, 52), (11, 11)]


def test_interaction_without_actions_is_named() -> None:
    window = a_window()
    with pytest.raises(EnvError, match=r"none of the environment's actions: raise interaction\.episodes"):
        ActionsOfKeys(VIEW, a_model()).validate([window._replace(keys=torch.zeros_like(window.keys))])


def test_accuracy_is_that_counted_by_hand() -> None:
    task = ActionsOfKeys(VIEW, a_model())
    windows = []
    for seed in (0, 1):
        window = a_window(seed)
        draws = torch.randint(3, window.keys.shape, generator=torch.Generator().manual_seed(seed))
        windows.append(window._replace(keys=torch.tensor([NORTH, EAST, SEARCH])[draws]))
    right = total = 0
    for window in windows:
        logits, actions = task.predict(window)
        total += len(actions)
        right += sum(row.argmax().item() == action for row, action in zip(logits, actions.tolist(), strict=True))
    with torch.no_grad():
        row = task.validate(windows)
        losses = [task.loss(window, 0).item() for window in windows]
    assert total == 18 and row["valid/accuracy"] == pytest.approx(right / total)
    assert row["valid/loss"] == pytest.approx(sum(losses) / 2)


def test_an_inverse_model_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    model = a_model(seed=5)
    torch.save({"weights": model.state_dict(), "sizes": SIZES}, tmp_path / "inverse.pt")
    again = inverse.load(tmp_path / "inverse.pt", GAME, torch.device("cpu"))
    assert torch.equal(again(a_window()), model(a_window()))


def cloned(entropy_cost: float = 0.0) -> Cloning:
    return Cloning(VIEW, a_model(), build(GAME, TINY, seed=2), entropy_cost)


def test_demonstrators_keys_are_not_looked_at() -> None:
    task, window = cloned(), a_window()
    other = window._replace(keys=(window.keys + 1) % 256)
    assert torch.equal(task.labelled(window).labels, task.labelled(other).labels)
    assert task.loss(window, 0) == task.loss(other, 0)


def test_the_policy_learns_the_labels_of_all_steps_with_its_memory() -> None:
    task, window = cloned(entropy_cost=0.5), a_window()
    steps = followed(window)
    labels = a_model()(window).argmax(-1)[steps]
    assert torch.equal(task.labelled(window).labels, labels)
    p = task.net.policy_head(outputs(task.net, window)[steps]).softmax(-1)
    error = -p.gather(1, labels[:, None]).log().mean()
    entropy = -(p * p.log()).sum(1).mean()
    torch.testing.assert_close(task.loss(window, 0), error - 0.5 * entropy)
    assert not any(parameter.requires_grad is False for parameter in task.net.parameters())
    gradients = torch.autograd.grad(task.loss(window, 0), list(task.labeller.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in gradients), "the labeller is not taught"


def test_agreement_stands_beside_that_of_the_usual_label() -> None:
    task = cloned()
    labelled = [task.labelled(a_window(seed)) for seed in (0, 1)]
    every = torch.cat([labels for _, labels in labelled]).tolist()
    with torch.no_grad():
        row = task.validate(labelled)
        right = sum((task.logits(window).argmax(-1) == labels).sum().item() for window, labels in labelled)
    assert row["valid/accuracy"] == pytest.approx(right / 18)
    assert row["valid/majority"] == pytest.approx(max(every.count(label) for label in set(every)) / 18)
