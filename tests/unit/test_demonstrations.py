"""Demonstrations: frames of whole episodes, and the windows a dynamics model is fitted to."""

from __future__ import annotations

import pytest
import torch

from agents.demonstrations import Demonstrations, narrow, widen
from agents.pretraining.windows import Windows, split
from envs.base import EnvError


def five_episodes() -> Demonstrations:
    """Episodes of 3, 1, 2, 4 and 2 frames; the frame at position i shows i."""
    episode = torch.tensor([0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 4, 4])
    return Demonstrations({"seen": torch.arange(12)}, episode)


def test_a_window_never_crosses_an_episodes_end():
    assert five_episodes().windows().tolist() == [0, 1, 4, 6, 7, 8, 10]


def test_the_last_episodes_are_held_out():
    fitted, held_out = split(five_episodes(), 0.2)  # the last of five
    assert fitted.tolist() == [0, 1, 4, 6, 7, 8]
    assert held_out.tolist() == [10]


def test_too_few_demonstrations_name_the_remedy():
    lonely = Demonstrations({"seen": torch.arange(2)}, torch.tensor([0, 1]))
    with pytest.raises(EnvError, match=r"raise demonstrations\.episodes"):
        split(lonely, 0.15)


def test_every_window_is_used_once_an_epoch_and_the_order_follows_the_seed():
    ours, same, other = (Windows(torch.arange(9), 3, seed) for seed in (1, 1, 2))
    epoch = [ours.next() for _ in range(3)]
    assert sorted(torch.cat(epoch).tolist()) == list(range(9))
    assert all(torch.equal(a, same.next()) for a in epoch)
    assert not all(torch.equal(a, other.next()) for a in epoch)


def test_an_interrupted_epoch_continues():
    unbroken, broken = Windows(torch.arange(10), 4, 7), Windows(torch.arange(10), 4, 7)
    broken.next()
    state = broken.state_dict()
    resumed = Windows(torch.arange(10), 4, 7)
    resumed.load_state_dict(state)
    unbroken.next()
    for _ in range(6):
        assert torch.equal(unbroken.next(), resumed.next())


@pytest.mark.parametrize(("values", "stored"), [([0, 30521], torch.int16), ([-1, 40000], torch.int32)])
def test_integers_are_stored_narrowly_and_come_back(values, stored):
    field = torch.tensor(values)
    assert narrow(field).dtype == stored
    assert torch.equal(widen(narrow(field)), field)


def test_a_saved_file_reads_back_equal(tmp_path):
    data = five_episodes()
    data.save(tmp_path / "demonstrations.pt")
    again = Demonstrations.load(tmp_path / "demonstrations.pt")
    assert torch.equal(again.episode, data.episode)
    assert torch.equal(again.frames["seen"], data.frames["seen"])
