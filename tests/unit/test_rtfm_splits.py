"""Assignments: all are enumerated, and train and test are exact, disjoint, unchanging halves."""

from __future__ import annotations

import json
from math import factorial

import pytest
import torch
from torch import Tensor

from envs.rtfm.splits import DATA, Large, Small, arrangements


@pytest.mark.parametrize(
    ("words", "groups", "count"),
    [
        (3, 3, factorial(3)),
        (4, 4, factorial(4)),
        (9, 3, factorial(9) // 6**3),
        (8, 4, factorial(8) // 2**4),
    ],
)
def test_arrangements_are_all_different_and_complete(words: int, groups: int, count: int) -> None:
    rows = arrangements(words, groups)
    assert rows.shape == (count, words)
    assert len(rows.unique(dim=0)) == count
    assert torch.equal(rows.sort(dim=1).values, torch.arange(words).expand(count, -1))
    within = rows.view(count, groups, -1)
    assert torch.equal(within.sort(dim=2).values, within)  # groups have no order inside, so it is fixed
    assert rows.tolist() == sorted(rows.tolist())


def test_stages_1_and_2_are_cut_as_the_data_file_says_and_its_rule_repeats() -> None:
    """The rule: order 0..143 by SplitMix64's finaliser of (index + 1) * golden ratio; half train, 60 of these fit."""
    data = json.loads(DATA.read_text(encoding="utf-8"))["small"]

    def rank(index: int) -> int:
        mask = (1 << 64) - 1
        bits = (index + 1) * 0x9E3779B97F4A7C15 & mask
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & mask
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & mask
        return bits ^ (bits >> 31)

    order = sorted(range(144), key=rank)
    assert data["train"] == sorted(order[:72]) and data["test"] == sorted(order[72:])
    assert data["tune"] == {"fit": sorted(order[:60]), "validate": sorted(order[60:72])}


def test_settings_can_be_chosen_on_12_of_the_72_training_assignments() -> None:
    data = json.loads(DATA.read_text(encoding="utf-8"))["small"]
    fit, validate = data["tune"]["fit"], data["tune"]["validate"]
    assert (len(fit), len(validate), len(data["train"])) == (60, 12, 72)
    assert sorted([*fit, *validate]) == data["train"]


def test_stages_1_and_2_share_no_assignment_but_every_part_of_one() -> None:
    split = Small()
    every = torch.arange(72)
    sides = {
        side: list(zip(*(part.tolist() for part in split.assignment(every, side)), strict=True))
        for side in ("train", "test")
    }
    assert len({*sides["train"], *sides["test"]}) == 144
    for part, count in ((0, 6), (1, 24)):  # so only the joint assignment is new in testing
        assert {pair[part] for pair in sides["train"]} == set(range(count))


@pytest.fixture(scope="module")
def images() -> dict[str, Tensor]:
    split = Large()
    assert split.half == 2_116_800
    joint = {}
    for side in ("train", "test"):
        team, modifier = split.assignment(torch.arange(split.half), side)
        assert int(team.min()) >= 0 and int(team.max()) < 1680
        assert int(modifier.min()) >= 0 and int(modifier.max()) < 2520
        joint[side] = team * 2520 + modifier
    return joint


def test_stages_3_and_4_are_halved_exactly_without_a_table(images: dict[str, Tensor]) -> None:
    """All 4,233,600 joint assignments: each occurs exactly once, in exactly one half."""
    counts = torch.cat([images["train"], images["test"]]).bincount(minlength=4_233_600)
    assert len(counts) == 4_233_600
    assert int(counts.min()) == int(counts.max()) == 1


def test_the_large_halves_look_drawn_at_random(images: dict[str, Tensor]) -> None:
    """Every team arrangement has 2,520 joint assignments, about half of them in training (and likewise modifiers)."""
    for parts, each in ((images["train"] // 2520, 2520), (images["train"] % 2520, 1680)):
        z = (parts.bincount().double() - each / 2) / (each / 4) ** 0.5
        assert float(z.abs().max()) < 5.5 and 0.9 < float(z.std()) < 1.1


def test_the_large_split_never_changes(images: dict[str, Tensor]) -> None:
    """Trained agents are compared across machines and years: these numbers are part of the benchmark."""
    assert images["train"][:5].tolist() == [1881010, 1578609, 3190239, 3924218, 1789557]
    assert images["test"][:5].tolist() == [2021172, 4101323, 2010235, 2546452, 2876130]
