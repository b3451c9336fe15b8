"""Random numbers by counting: what an episode draws depends on (seed, copy, episode, position) and on nothing else."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from envs.streams import Streams, mix

CPU = torch.device("cpu")
MASK = (1 << 64) - 1


def everyone(streams: Streams) -> torch.Tensor:
    return torch.arange(len(streams.episode))


def started(seed: int, copies: int, episodes: int = 1) -> Streams:
    streams = Streams(seed, copies, CPU)
    for _ in range(episodes):
        streams.next_episode(everyone(streams))
    return streams


def splitmix64(bits: int) -> int:
    """The finaliser with Python's unbounded integers, from the paper."""
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
    return bits ^ (bits >> 31)


@given(st.integers(0, MASK))
def test_mix_is_the_finaliser_of_splitmix64(bits: int) -> None:
    signed = bits - (1 << 64) if bits >> 63 else bits
    assert int(mix(torch.tensor([signed]))) & MASK == splitmix64(bits)


def test_numbers_do_not_depend_on_how_many_copies_there_are() -> None:
    few, many = started(5, 3), started(5, 11)
    assert torch.equal(few.bits(7), many.bits(7)[:3])


def test_numbers_do_not_depend_on_what_other_copies_draw() -> None:
    streams, lonely = started(5, 4), started(5, 4)
    streams.bits(9, rows=torch.tensor([0, 2]))
    streams.next_episode(torch.tensor([0]))
    assert torch.equal(streams.bits(5)[[1, 3]], lonely.bits(5)[[1, 3]])


def test_drawing_in_portions_gives_the_same_numbers() -> None:
    at_once, portions = started(1, 2), started(1, 2)
    assert torch.equal(at_once.bits(5), torch.cat([portions.bits(2), portions.bits(1), portions.bits(2)], dim=1))


def test_an_episode_starts_alike_however_long_the_one_before_was() -> None:
    short, long = started(1, 2), started(1, 2)
    long.bits(1000)
    for streams in (short, long):
        streams.next_episode(everyone(streams))
    assert torch.equal(short.bits(3), long.bits(3))


def test_seeds_copies_and_episodes_all_draw_different_numbers() -> None:
    numbers = torch.cat([started(seed, 50, episode).bits(20) for seed in (0, 1, 2) for episode in (1, 2)])
    assert len(numbers.unique()) == numbers.numel()


def test_uniform_numbers_are_uniform_and_unrelated_between_neighbours() -> None:
    numbers = started(0, 400).uniform(500).double()
    assert float(numbers.min()) >= 0 and float(numbers.max()) < 1
    error = (1 / 12 / numbers.numel()) ** 0.5
    assert abs(float(numbers.mean()) - 0.5) < 5 * error
    centred = numbers - numbers.mean()
    for neighbour in (centred[1:] * centred[:-1], centred[:, 1:] * centred[:, :-1]):
        assert abs(float(neighbour.mean())) < 5 * (1 / 12) / neighbour.numel() ** 0.5


def test_integers_fill_their_range_evenly_and_each_column_its_own() -> None:
    numbers = started(0, 1000).integers(torch.tensor([6, 2]), draws=2)
    assert numbers.dtype == torch.int64
    counts = numbers[:, 0].bincount(minlength=6).double()
    assert len(counts) == 6 and float(((counts - 1000 / 6) ** 2 / (1000 / 6)).sum()) < 20.5  # chi2(5), 99.9%
    assert set(numbers[:, 1].tolist()) == {0, 1}


def test_a_saved_state_goes_on_with_the_same_numbers() -> None:
    streams = started(3, 4, episodes=2)
    streams.bits(3)
    state = streams.state_dict()
    expected = streams.bits(6)
    other = Streams(99, 4, CPU)
    other.load_state_dict(state)
    assert torch.equal(other.bits(6), expected)
