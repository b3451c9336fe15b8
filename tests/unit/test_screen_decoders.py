"""Decoders of screens: what they predict is a distribution, begins with the average, and lies where it should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.pretraining.screens.cells import CellDecoder
from agents.pretraining.screens.decoder import build_decoder
from agents.pretraining.screens.prediction import Average, DenseDecoder
from envs.base import EnvError, Observation
from tests.nethack_examples import layout, screens

CELLS, CHARACTERS, INPUTS = 24 * 80, 256, 6
torch.set_num_threads(1)


def a_decoder(head: str) -> CellDecoder:
    """With weights so large that every part of it shows."""
    decoder = build_decoder(layout(), INPUTS, "cells", head).double()
    assert isinstance(decoder, CellDecoder)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        decoder.reference.copy_(torch.randint(CHARACTERS, (CELLS,), generator=generator))
    return decoder


def vectors(frames: int, seed: int = 0) -> Tensor:
    return torch.randn(frames, INPUTS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cells(decoder: CellDecoder, frames: Tensor, present: Observation) -> Tensor:
    """The cells' vectors [N, 24, 80, width], put together one by one."""
    vectors: Tensor = decoder.terminal(frames).unflatten(1, (24, 80)).clone()
    around = decoder.around(frames).unflatten(1, (12, 12))
    for frame, (row, column) in enumerate(present["tty_cursor"].tolist()):
        for down in range(12):
            for right in range(12):
                y, x = row + down - 6, column + right - 6
                if 0 <= y < 24 and 0 <= x < 80:
                    vectors[frame, y, x] += around[frame, down, right]
    return vectors if decoder.own is None else vectors + decoder.own(present["tty_chars"].long())


def probabilities(decoder: CellDecoder, frames: Tensor, present: Observation) -> Tensor:
    """[N, H·W, characters], from the definition: keep the reference, or depart to another character."""
    vectors = cells(decoder, frames, present).flatten(1, 2)
    reference = decoder(frames, present).reference[..., None]
    g = (vectors @ decoder.departing + decoder.departing_bias).sigmoid()
    q = (vectors @ decoder.table.weight.T + decoder.bias).exp().scatter(2, reference, 0)
    return (g[..., None] * q / q.sum(2, keepdim=True)).scatter(2, reference, (1 - g)[..., None])


@pytest.mark.parametrize("head", ["paper", "rep"])
def test_the_light_decoder_s_error_is_that_of_a_distribution_over_all_characters(head: str) -> None:
    decoder, present = a_decoder(head), screens(3)
    p = probabilities(decoder, vectors(3), present)
    torch.testing.assert_close(p.sum(2), torch.ones(3, CELLS, dtype=torch.float64))
    predicted = decoder(vectors(3), present)
    for following in (present["tty_chars"].flatten(1).long(), screens(3, seed=1)["tty_chars"].flatten(1).long()):
        expected = -p.gather(2, following[..., None]).log().sum()
        torch.testing.assert_close(predicted.error(following), expected)
    assert torch.equal(predicted.best(), p.argmax(2))
    kept = (predicted.best() == predicted.reference).double().mean()
    assert 0.1 < kept < 0.9, "of both kinds"


def test_the_reference_is_the_present_screen_or_the_usual_one() -> None:
    present = screens(2)
    assert torch.equal(a_decoder("paper")(vectors(2), present).reference, present["tty_chars"].flatten(1).long())
    usual = a_decoder("rep")
    assert torch.equal(usual(vectors(2), present).reference, usual.reference.expand(2, -1))


def test_with_the_paper_s_head_a_cell_sees_its_own_character_and_with_rep_none() -> None:
    present = screens(1)
    changed = {**present, "tty_chars": present["tty_chars"].clone()}
    changed["tty_chars"][0, 5, 7] ^= 3
    for head, seen in (("paper", [5 * 80 + 7]), ("rep", [])):
        decoder = a_decoder(head)
        before, after = (probabilities(decoder, vectors(1), shown)[0] for shown in (present, changed))
        assert (before != after).any(1).nonzero().squeeze(1).tolist() == seen


@pytest.mark.parametrize(("cursor", "rows", "columns"), [
    ((12, 40), range(6, 18), range(34, 46)),
    ((0, 79), range(6), range(73, 80)),
    ((23, 2), range(17, 24), range(8)),
])  # fmt: skip
def test_one_map_lies_where_the_picture_was_taken(cursor: tuple[int, int], rows: range, columns: range) -> None:
    """12 x 12 cells, of which the cursor's is the seventh of each axis; what is outside of the terminal is lost."""
    decoder, present = a_decoder("rep"), screens(1)
    present["tty_cursor"] = torch.tensor([cursor], dtype=torch.uint8)
    before = decoder(vectors(1), present).departing()
    decoder.around.finest.bias.data.add_(1)
    moved = (decoder(vectors(1), present).departing() - before).view(24, 80)
    assert moved.nonzero().tolist() == [[row, column] for row in rows for column in columns]


def an_average() -> Average:
    """100 frames; cell 3 is 80 times A, 15 times B, 5 times C, and had another character before 30 of the As."""
    characters = torch.zeros(CELLS, CHARACTERS, dtype=torch.int64)
    characters[:, ord(" ")] = 100
    characters[3] = 0
    for character, times in ((65, 80), (66, 15), (67, 5)):
        characters[3, character] = times
    changes = torch.zeros_like(characters)
    changes[3, 65] = 30
    return Average(100, characters, changes)


def untrained(head: str, decoder: str = "cells") -> Tensor:
    """What is predicted before any learning, of a screen that is B in cell 3."""
    built = build_decoder(layout(), INPUTS, decoder, head)
    built.start_from(an_average())
    if isinstance(built, DenseDecoder):
        logits: Tensor = built(vectors(1).float(), {}).logits[0]
        return logits.softmax(1)
    present = screens(1)
    present["tty_chars"].fill_(ord(" "))
    present["tty_chars"][0, 0, 3] = 66
    return probabilities(built, vectors(1).float(), present)[0]


def test_before_it_learns_a_decoder_predicts_the_average() -> None:
    paper = untrained("paper")
    assert paper[3, 66].item() == pytest.approx(71 / 102), "it is B and stays B as often as cell 3 did not change"
    assert paper[3, 65] > 0.75 * 31 / 102 > 10 * paper[3, 67]
    assert paper[7, ord(" ")] > 0.99
    usual = untrained("rep")
    assert usual[3, 65].item() == pytest.approx(81 / 102), "A is what cell 3 mostly is"
    assert usual[3, 66].item() == pytest.approx(3 * usual[3, 67].item(), rel=0.2)
    dense = untrained("paper", "dense")
    assert dense[3, [65, 66, 67, 68]].tolist() == pytest.approx([81 / 356, 16 / 356, 6 / 356, 1 / 356])


def test_the_paper_s_decoder_has_the_paper_s_number_of_weights() -> None:
    with torch.device("meta"):
        decoder = build_decoder(layout(), 512, "dense", "paper")
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 252_149_760


def test_the_light_decoder_is_light() -> None:
    decoder = build_decoder(layout(), 512, "cells", "paper")
    assert sum(parameter.numel() for parameter in decoder.parameters()) < 3_000_000


@pytest.mark.parametrize(
    ("decoder", "head", "message"),
    [("cels", "paper", "pretraining.decoder is 'cels', expected cells or dense"), ("cells", "x", "method.head is 'x'")],
)
def test_wrong_settings_are_named(decoder: str, head: str, message: str) -> None:
    with pytest.raises(EnvError, match=message):
        build_decoder(layout(), INPUTS, decoder, head)
