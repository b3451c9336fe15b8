"""The network ``nethack`` is the network of the equations, carries its past within an episode, and never further."""

from __future__ import annotations

import pickle
from typing import cast

import pytest
import torch
from torch import Tensor

from agents.networks import Features, NetworkError, build
from agents.networks.nethack import Core, NetHack, status_planes
from envs.base import blanked
from tests.gradients import relative_error
from tests.multi_examples import RTFM
from tests.nethack_examples import PAPER, TINY, layout, screens
from tests.nethack_reference import reference_sequence

torch.set_num_threads(1)
FRAMES, COPIES = 6, 4
STARTS = torch.zeros(FRAMES, COPIES, dtype=torch.bool)
STARTS[0, 1] = STARTS[2, 0] = STARTS[2, 3] = STARTS[5, 3] = True


def a_net() -> NetHack:
    return cast(NetHack, build(layout(), TINY, seed=3).double())


def a_state() -> Tensor:
    return torch.randn(COPIES, 2 * TINY["core"], generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def test_outputs_states_and_gradients_equal_the_equations() -> None:
    net, obs = a_net(), screens(FRAMES, COPIES)
    weights = torch.randn(FRAMES * COPIES, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def derived(found: tuple[Features, Tensor]) -> tuple[Features, Tensor, dict[str, Tensor]]:
        features, state = found
        heads = net.policy_head(features.rep).sum() + net.baseline(features.rep).square().sum()
        total = (features.rep * weights).sum() + features.conv.square().sum() + state.square().sum() + heads
        names, parameters = zip(*net.named_parameters(), strict=True)
        return features, state, dict(zip(names, torch.autograd.grad(total, parameters), strict=True))

    features, state, gradients = derived(net.sequence(obs, STARTS, a_state()))
    expected, expected_state, expected_gradients = derived(reference_sequence(net, obs, STARTS, a_state()))
    assert relative_error(features.rep, expected.rep) < 1e-12
    assert relative_error(features.conv, expected.conv) < 1e-12
    assert relative_error(state, expected_state) < 1e-12
    for name, gradient in expected_gradients.items():
        assert gradient.any() and relative_error(gradients[name], gradient) < 1e-10, name


def test_the_papers_sizes_give_the_papers_number_of_parameters() -> None:
    net = build(layout(tuple(map(str, range(121)))), PAPER, seed=0)
    assert sum(parameter.numel() for parameter in net.parameters()) == 3_738_554
    assert cast(NetHack, net).encoder.size == 768
    assert (net.rep_size, net.state_size, net.map_shape) == (512, 1024, (128, 3, 3))


def test_playing_frame_by_frame_equals_learning_from_the_whole_sequence() -> None:
    net, obs = a_net(), screens(FRAMES, COPIES)
    whole, last = net.sequence(obs, STARTS, a_state())
    state, reps = a_state(), []
    for t in range(FRAMES):
        frame = {name: field[t : t + 1] for name, field in obs.items()}
        features, state = net.sequence(frame, STARTS[t : t + 1], state)
        reps.append(features.rep)
    torch.testing.assert_close(torch.cat(reps), whole.rep, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(state, last, rtol=1e-12, atol=1e-12)


def test_nothing_passes_the_beginning_of_an_episode() -> None:
    """Not from the frames before it, nor from the state that they left, nor its gradient."""
    net, obs = a_net(), screens(FRAMES, COPIES)
    other, state = screens(FRAMES, COPIES, seed=9), a_state().requires_grad_()
    changed = {name: torch.cat([other[name][:2], field[2:]]) for name, field in obs.items()}
    reps, again = (
        net.sequence(seen, STARTS, s)[0].rep.view(FRAMES, COPIES, -1) for seen, s in ((obs, state), (changed, -state))
    )
    same = torch.isclose(reps, again, rtol=1e-12).all(-1)
    assert same[2:, [0, 3]].all() and not same[2:, [1, 2]].any()
    reached = torch.autograd.grad(reps[5].sum(), state)[0].any(1)
    assert reached.tolist() == [False, False, True, False], "copy 1 began an episode at its very first frame"


def test_without_a_past_every_frame_is_the_first_of_an_episode() -> None:
    net, obs = a_net(), screens(FRAMES)
    alone = torch.cat(
        [net.features({name: field[t : t + 1] for name, field in obs.items()}).rep for t in range(FRAMES)]
    )
    torch.testing.assert_close(net.features(obs, net.text_memory(FRAMES)).rep, alone, rtol=1e-12, atol=1e-12)
    in_a_row = {name: field[:, None] for name, field in obs.items()}
    first = torch.tensor([[True]] + [[False]] * (FRAMES - 1))
    with_past = net.sequence(in_a_row, first, net.initial_state(1))[0].rep
    torch.testing.assert_close(with_past[0], alone[0])
    assert (with_past[1:] != alone[1:]).any(1).all()


def test_each_part_reads_its_lines_and_no_other() -> None:
    net, obs = a_net(), screens(1)
    obs["tty_cursor"] = torch.tensor([[11, 40]], dtype=torch.uint8)
    vector = net.encoder(obs)[0]

    def changed_by(row: int, column: int) -> list[bool]:
        chars = obs["tty_chars"].clone()
        chars[0, row, column] ^= 1
        differs = net.encoder({**obs, "tty_chars": chars})[0] != vector
        return [bool(part.any()) for part in differs.split([12, 7, 7])]

    assert changed_by(0, 3) == [False, True, False], "the message"
    assert changed_by(22, 3) == changed_by(23, 70) == [False, False, True], "the status"
    assert changed_by(12, 41) == [True, False, False], "what is near the cursor"
    assert changed_by(5, 5) == [False, False, False], "what is far from it"


def test_a_blanked_message_cannot_be_read() -> None:
    net, obs, other = a_net(), screens(5), screens(5, seed=1)
    obs["tty_cursor"][:, 0] = 0  # the picture is of the message's line
    chars = torch.cat([other["tty_chars"][:, :1], obs["tty_chars"][:, 1:]], 1)
    colors = torch.cat([other["tty_colors"][:, :1], obs["tty_colors"][:, 1:]], 1)
    said = {**obs, "tty_chars": chars, "tty_colors": colors}
    assert not torch.equal(net.encoder(said), net.encoder(obs))
    assert torch.equal(net.encoder(blanked(said, net.layout)), net.encoder(blanked(obs, net.layout)))


def test_digits_have_their_values() -> None:
    codes = torch.tensor([list(b"0:9 -./A")]).float()
    expected = torch.tensor([0.1, 0, 1.0, 0, -0.2, -0.1, 0, 0])
    torch.testing.assert_close(status_planes(codes)[0, 1], expected)
    torch.testing.assert_close(status_planes(codes)[0, 0, [0, 3]], torch.tensor([16 / 96, 0.0]))


def test_the_core_takes_any_number_of_starts() -> None:
    core, generator = Core(3, 4).double(), torch.Generator().manual_seed(0)
    vectors = torch.randn(5, 2, 3, generator=generator, dtype=torch.float64)
    state = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    none = torch.zeros(5, 2, dtype=torch.bool)
    outputs, last = core(vectors, none, state)
    torch.testing.assert_close(
        outputs, core.lstm(vectors, (state[None, :, :4].contiguous(), state[None, :, 4:].contiguous()))[0]
    )
    torch.testing.assert_close(last[:, :4], outputs[-1])
    always = core(vectors, ~none, state)[0]
    torch.testing.assert_close(always, core.lstm(vectors.view(1, 10, 3))[0].view(5, 2, 4))


def test_a_layout_without_a_screen_and_another_number_of_channels_are_refused() -> None:
    with pytest.raises(NetworkError, match=r"needs a screen of characters.*'name' is not one"):
        build(RTFM, TINY, seed=0)
    with pytest.raises(NetworkError, match=r"3 convolutions of the picture, but channels is \[3, 4\]; give 3 numbers"):
        build(layout(), TINY | {"channels": [3, 4]}, seed=0)


def test_the_network_travels_to_other_processes() -> None:
    net = build(layout(), TINY, seed=1)
    copy = pickle.loads(pickle.dumps(net))
    obs = screens(2)
    assert torch.equal(copy.features(obs).rep, net.features(obs).rep)
