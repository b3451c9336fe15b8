"""The fast network ``multi`` is the network of the equations, whatever the texts have in common."""

from __future__ import annotations

import pytest
import torch

from agents.networks import NetworkError, build
from agents.networks.attention import BLOCK
from envs.base import Layout, Observation
from tests.gradients import gradients, relative_error
from tests.multi_examples import LAYOUTS, MESSENGER, ONE_TEXT, PAPER, RTFM, TINY, layout, observations
from tests.multi_reference import reference_features

torch.set_num_threads(1)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(
    ("batch", "documents"),
    [(1, 1), (6, 1), (24, 24), (3 * BLOCK, 2)],
    ids=["one frame", "one manual", "a manual each", "more readers than a block holds"],
)
def test_outputs_and_gradients_equal_the_equations(name: str, batch: int, documents: int) -> None:
    net = build(LAYOUTS[name], TINY, seed=0).double()
    obs = observations(LAYOUTS[name], batch, documents=documents)
    expected, expected_gradients = gradients(net, obs, lambda o: reference_features(net, o))
    found, found_gradients = gradients(net, obs, net.features)
    assert relative_error(found.rep, expected.rep) < 1e-12
    assert relative_error(found.conv, expected.conv) < 1e-12
    for parameter, gradient in expected_gradients.items():
        if parameter.endswith("scorer.bias") or ("scorers" in parameter and parameter.endswith("bias")):
            continue  # a softmax does not see the bias: the true gradient is zero and what remains is rounding
        ours = found_gradients[parameter]
        if gradient is None:
            assert ours is None or not ours.any(), parameter
        else:
            assert ours is not None and relative_error(ours, gradient) < 1e-11, parameter


def test_a_frame_met_again_is_seen_once_and_counts_as_often_as_it_was_met(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build(RTFM, TINY, seed=0).double()
    met = torch.tensor([2, 0, 2, 2, 1, 0])
    obs = {name: field[met] for name, field in observations(RTFM, 3, documents=1).items()}
    expected, expected_gradients = gradients(net, obs, lambda o: reference_features(net, o))
    seen, see = [], net._see
    monkeypatch.setattr(net, "_see", lambda grid, *rest: seen.append(len(grid)) or see(grid, *rest))
    found, found_gradients = gradients(net, obs, net.features)
    assert seen == [3]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    for name in ("films.4.conv.weight", "text.text_rnn.weight_ih_l0", "emb.weight"):
        assert relative_error(found_gradients[name], expected_gradients[name]) < 1e-11


@pytest.mark.parametrize("settings", [PAPER, {**TINY, "channels": [4, 4, 8]}], ids=["paper", "three layers"])
def test_single_precision_agrees_with_double_precision_of_the_equations(settings: dict[str, object]) -> None:
    net = build(RTFM, settings, seed=3)
    obs = observations(RTFM, 12, documents=4)
    found = net.features(obs)
    expected = reference_features(net.double(), obs)
    assert relative_error(found.rep.double(), expected.rep) < 1e-5
    assert relative_error(found.conv.double(), expected.conv) < 1e-5


def test_the_paper_size_has_the_published_number_of_parameters() -> None:
    bert = layout({"wiki": 80, "task": 40, "inv": 8}, (6, 6, 1, 8), vocabulary=30_522)
    assert sum(parameter.numel() for parameter in build(bert, PAPER, seed=0).parameters()) == 4_916_915


def test_a_repeat_gives_the_same_bits() -> None:
    net, obs = build(RTFM, TINY, seed=0), observations(RTFM, 50, documents=7)
    (first, first_gradients), (second, second_gradients) = (gradients(net, obs, net.features) for _ in range(2))
    assert torch.equal(first.rep, second.rep) and torch.equal(first.conv, second.conv)
    for name, gradient in first_gradients.items():
        assert gradient is None or torch.equal(gradient, second_gradients[name]), name


def test_a_frame_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    net, obs = build(MESSENGER, TINY, seed=0).double(), observations(MESSENGER, 20, documents=5)
    together = net.features(obs)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = net.features({name: field[order] for name, field in obs.items()})
    alone = net.features({name: field[3:4] for name, field in obs.items()})
    torch.testing.assert_close(shuffled.rep, together.rep[order], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(alone.conv, together.conv[3:4], rtol=1e-12, atol=1e-12)


def widened(obs: Observation, of: Layout, columns: int) -> Observation:
    extra = {field: torch.nn.functional.pad(obs[field], (0, columns)) for field in of.texts}
    return {**obs, **extra}


@pytest.mark.parametrize("name", ["rtfm", "one text"])
def test_the_amount_of_padding_does_not_matter(name: str) -> None:
    narrow = LAYOUTS[name]
    texts = {field: narrow.observation[field].shape[0] + 7 for field in narrow.texts}
    wide = layout(texts, narrow.observation["name"].shape, vocabulary=narrow.vocabulary)
    obs = observations(narrow, 15, documents=6)
    examples = ((narrow, obs), (wide, widened(obs, narrow, 7)))
    reps = [build(of, TINY, seed=0).double().features(example).rep for of, example in examples]
    torch.testing.assert_close(reps[0], reps[1], rtol=1e-12, atol=1e-12)


def test_padding_is_a_zero_vector_that_never_learns() -> None:
    net, obs = build(RTFM, TINY, seed=0), observations(RTFM, 10, documents=3)
    assert not net.emb.weight[0].any()
    net.features(obs).rep.sum().backward()
    assert net.emb.weight.grad is not None
    assert net.emb.weight.grad[1:].any() and not net.emb.weight.grad[0].any()


def test_words_on_the_grid_share_the_embedding_of_the_texts_and_entities_have_their_own() -> None:
    words, entities = build(RTFM, TINY, seed=0), build(MESSENGER, TINY, seed=0)
    assert words.name_emb is words.emb
    assert entities.name_emb.weight.shape == (20, 10)


def test_the_position_is_read_cell_by_cell() -> None:
    """rel_pos is an input like any other: no two of its planes are taken for the same."""
    net, obs = build(ONE_TEXT, TINY, seed=0).double(), observations(ONE_TEXT, 8, documents=2)
    strange = {**obs, "rel_pos": torch.randn(8, 3, 5, 2, generator=torch.Generator().manual_seed(0))}
    torch.testing.assert_close(net.features(strange).rep, reference_features(net, strange).rep, rtol=1e-12, atol=1e-12)


def test_the_map_is_returned_in_the_orientation_of_the_grid() -> None:
    found = build(ONE_TEXT, TINY, seed=0).features(observations(ONE_TEXT, 4, documents=2))
    assert found.rep.shape == (4, 12)
    assert found.conv.shape == (4, 7, 3, 5)


def test_an_impossible_action_has_probability_zero() -> None:
    net, obs = build(RTFM, TINY, seed=0), observations(RTFM, 16, documents=2)
    rep = net.features(obs).rep
    chances = net.policy(rep, obs["valid"]).softmax(1)
    assert (chances[obs["valid"] == 0] == 0).all()
    torch.testing.assert_close(chances.sum(1), torch.ones(16))
    possible = obs["valid"] > 0
    assert torch.equal(net.policy(rep, obs["valid"])[possible], net.policy_head(rep)[possible])
    assert net.baseline(rep).shape == (16,)


def test_an_empty_text_reads_as_one_padding_token() -> None:
    net, obs = build(RTFM, TINY, seed=0), observations(RTFM, 4, documents=2)
    obs["inv"].zero_()
    reps = [net.features({**obs, "inv_len": torch.full((4, 1), length)}).rep for length in (0, 1)]
    torch.testing.assert_close(reps[0], reps[1])


def test_channels_that_cannot_be_added_are_refused() -> None:
    with pytest.raises(NetworkError, match="layers 3 and 4 are added up"):
        build(RTFM, {**TINY, "channels": [4, 4, 4, 5, 5]}, seed=0)


def test_a_layout_without_positions_is_refused_by_name() -> None:
    fields = {name: field for name, field in RTFM.observation.items() if name != "rel_pos"}
    with pytest.raises(NetworkError, match="needs the field 'rel_pos'"):
        build(Layout(**{**vars(RTFM), "observation": fields}), TINY, seed=0)
