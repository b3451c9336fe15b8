"""Acting with a text memory gives the numbers of acting without one, and reads every text once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.networks import NetworkError, build
from agents.networks.memory import SHELF
from agents.networks.multi import Multi
from envs.base import Observation
from tests.multi_examples import LAYOUTS, ONE_TEXT, RTFM, TINY, observations

torch.set_num_threads(1)


class CountingReader:
    """Counts the texts that a network really encodes."""

    def __init__(self, net: Multi, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts = 0
        encode = net.text.encode

        def counting(embedding: torch.nn.Embedding, texts: Tensor) -> object:
            self.texts += len(texts)
            return encode(embedding, texts)

        monkeypatch.setattr(net.text, "encode", counting)


def mixed(first: Observation, second: Observation, take_second: Tensor, fields: tuple[str, ...]) -> Observation:
    """The first observation, with some rows of some fields from the second."""
    chosen = dict(first)
    for field in fields:
        shape = (-1,) + (1,) * (first[field].dim() - 1)
        chosen[field] = torch.where(take_second.view(shape), second[field], first[field])
    return chosen


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_run_of_steps_with_changing_texts_equals_reading_everything_anew(name: str) -> None:
    of = LAYOUTS[name]
    net = build(of, TINY, seed=0).double()
    memory = net.text_memory(8)
    generator = torch.Generator().manual_seed(0)
    obs = observations(of, 8, documents=5)
    for step in range(12):
        fresh = observations(of, 8, documents=5, seed=step)
        ended = torch.rand(8, generator=generator) < 0.3
        obs = mixed(obs, fresh, ended, tuple(field for text in of.texts for field in (text, f"{text}_len")))
        obs = {**obs, "name": fresh["name"], "rel_pos": fresh["rel_pos"]}
        remembered, read = net.features(obs, memory), net.features(obs)
        torch.testing.assert_close(remembered.rep, read.rep, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(remembered.conv, read.conv, rtol=1e-12, atol=1e-12)


def test_an_episode_reads_its_texts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build(RTFM, TINY, seed=0)
    reader, memory = CountingReader(net, monkeypatch), net.text_memory(4)
    obs = observations(RTFM, 4, documents=1)
    net.features(obs, memory)
    assert reader.texts == 3  # four copies of one manual, one goal and one inventory
    for seed in range(5):
        net.features({**obs, "name": observations(RTFM, 4, documents=1, seed=seed)["name"]}, memory)
    assert reader.texts == 3


def test_an_item_picked_up_reads_the_inventory_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build(RTFM, TINY, seed=0)
    memory, obs = net.text_memory(4), observations(RTFM, 4, documents=4)
    net.features(obs, memory)
    reader = CountingReader(net, monkeypatch)
    taken = obs["inv"].clone()
    taken[2, 0] += 1
    net.features({**obs, "inv": taken}, memory)
    net.features(obs, memory)  # put back: known already
    assert reader.texts == 1


def test_new_weights_need_a_cleared_memory() -> None:
    net = build(RTFM, TINY, seed=0).double()
    memory, obs = net.text_memory(4), observations(RTFM, 4, documents=4)
    net.features(obs, memory)
    with torch.no_grad():
        net.text.text_rnn.weight_hh_l0.mul_(1.5)
    memory.clear()
    torch.testing.assert_close(net.features(obs, memory).rep, net.features(obs).rep, rtol=1e-12, atol=1e-12)


def test_more_texts_than_the_memory_holds_are_read_again() -> None:
    net = build(ONE_TEXT, TINY, seed=0).double()
    memory = net.text_memory(60)
    for seed in range(SHELF // 60 + 2):
        obs = observations(ONE_TEXT, 60, documents=60, seed=seed)
        torch.testing.assert_close(net.features(obs, memory).rep, net.features(obs).rep, rtol=1e-12, atol=1e-12)


def test_a_memory_is_for_its_number_of_environments() -> None:
    net = build(RTFM, TINY, seed=0)
    with pytest.raises(NetworkError, match="for 4 environments, the observation has 5"):
        net.features(observations(RTFM, 5, documents=1), net.text_memory(4))


def test_reading_with_a_memory_gives_the_map_but_not_the_texts_a_gradient() -> None:
    net = build(RTFM, TINY, seed=0)
    net.features(observations(RTFM, 4, documents=2), net.text_memory(4)).rep.sum().backward()
    assert net.films[0].conv.weight.grad is not None
    assert net.text.text_rnn.weight_hh_l0.grad is None
