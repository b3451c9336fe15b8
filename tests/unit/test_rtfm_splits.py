"""Assignments: all are enumerated; train and test are exact, disjoint, unchanging halves, and fit and dev cut train."""

from __future__ import annotations

import hashlib
import json
from math import factorial

import pytest
import torch
from torch import Tensor

import envs
from envs.rtfm.env import RTFM
from envs.rtfm.splits import DATA, Large, Small, arrangements

torch.set_num_threads(1)  # tests run side by side

SIDES = ("train", "test", "fit", "dev")


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


@pytest.fixture(scope="module")
def small() -> dict[str, set[tuple[int, int]]]:
    """The joint assignments of every side of stages 1 and 2."""
    split = Small()
    return {
        side: set(
            zip(*(part.tolist() for part in split.assignment(torch.arange(split.sizes[side]), side)), strict=True)
        )
        for side in SIDES
    }


def test_stages_1_and_2_share_no_assignment_but_every_part_of_one(small: dict[str, set[tuple[int, int]]]) -> None:
    assert {side: len(pairs) for side, pairs in small.items()} == {"train": 72, "test": 72, "fit": 60, "dev": 12}
    assert len(small["train"] | small["test"]) == 144
    for part, count in ((0, 6), (1, 24)):  # so only the joint assignment is new in testing
        assert {pair[part] for pair in small["train"]} == set(range(count))


def test_fit_and_dev_cut_the_training_assignments_of_stages_1_and_2(small: dict[str, set[tuple[int, int]]]) -> None:
    assert small["fit"] | small["dev"] == small["train"] and not small["fit"] & small["dev"]
    assert not small["dev"] & small["test"]


def test_fit_has_every_part_of_a_dev_assignment_except_one_order_of_the_modifiers(
    small: dict[str, set[tuple[int, int]]],
) -> None:
    """All 6 team arrangements and 23 of 24 modifier arrangements; and every single "this modifier beats that"."""
    new = [pair for pair in small["dev"] if pair[1] not in {modifier for _, modifier in small["fit"]}]
    assert {team for team, _ in small["fit"]} == set(range(6))
    assert {modifier for _, modifier in new} == {21} and len(new) == 3
    orders = arrangements(4, 4)[sorted({modifier for _, modifier in small["fit"]})]
    assert all(len(orders[:, element].unique()) == 4 for element in range(4))


@pytest.fixture(scope="module")
def images() -> dict[str, Tensor]:
    split = Large()
    assert split.sizes == {"train": 2_116_800, "test": 2_116_800, "fit": 1_764_000, "dev": 352_800}
    joint = {}
    for side in SIDES:
        team, modifier = split.assignment(torch.arange(split.sizes[side]), side)
        assert int(team.min()) >= 0 and int(team.max()) < 1680
        assert int(modifier.min()) >= 0 and int(modifier.max()) < 2520
        joint[side] = team * 2520 + modifier
    return joint


def test_stages_3_and_4_are_halved_exactly_without_a_table(images: dict[str, Tensor]) -> None:
    """All 4,233,600 joint assignments: each occurs exactly once, in exactly one half."""
    counts = torch.cat([images["train"], images["test"]]).bincount(minlength=4_233_600)
    assert len(counts) == 4_233_600
    assert int(counts.min()) == int(counts.max()) == 1


def test_fit_and_dev_cut_the_training_half_of_stages_3_and_4(images: dict[str, Tensor]) -> None:
    """The first 5/6 of the training indices are fit, the rest is dev."""
    assert torch.equal(torch.cat([images["fit"], images["dev"]]), images["train"])
    counts = torch.cat([images["fit"], images["dev"], images["test"]]).bincount(minlength=4_233_600)
    assert int(counts.min()) == int(counts.max()) == 1


def test_fit_meets_every_arrangement_of_stages_3_and_4(images: dict[str, Tensor]) -> None:
    assert len((images["fit"] // 2520).unique()) == 1680 and len((images["fit"] % 2520).unique()) == 2520


def test_the_large_halves_look_drawn_at_random(images: dict[str, Tensor]) -> None:
    """Every team arrangement has 2,520 joint assignments, about half of them in training (and likewise modifiers)."""
    for parts, each in ((images["train"] // 2520, 2520), (images["train"] % 2520, 1680)):
        z = (parts.bincount().double() - each / 2) / (each / 4) ** 0.5
        assert float(z.abs().max()) < 5.5 and 0.9 < float(z.std()) < 1.1


DIGESTS = {
    "rtfm-s1": {
        "train": "2d02a4ec5f69bbad",
        "test": "143abf04d423fb32",
        "fit": "d2640aaf38cf64a7",
        "dev": "fda298ad6099bdc5",
    },
    "rtfm-s3": {
        "train": "35b08fe9b994c4bb",
        "test": "cfb86abfd135e46f",
        "fit": "4da62d80c21d1711",
        "dev": "25e5ef3b0c249174",
    },
}


def test_the_large_split_never_changes(images: dict[str, Tensor]) -> None:
    """Trained agents are compared across machines and years: these numbers are part of the benchmark."""
    assert images["train"][:5].tolist() == [1881010, 1578609, 3190239, 3924218, 1789557]
    assert images["test"][:5].tolist() == [2021172, 4101323, 2010235, 2546452, 2876130]
    assert images["dev"][:5].tolist() == [1698734, 2991798, 1888132, 2375378, 4108422]


def digest(numbers: list[int]) -> str:
    return hashlib.sha256(" ".join(map(str, sorted(numbers))).encode()).hexdigest()[:16]


@pytest.mark.parametrize("side", SIDES)
def test_no_side_ever_changes(side: str, small: dict[str, set[tuple[int, int]]], images: dict[str, Tensor]) -> None:
    """SHA-256 of the joint assignments, ascending, in decimal, with blanks between."""
    assert digest([team * 24 + modifier for team, modifier in small[side]]) == DIGESTS["rtfm-s1"][side]
    assert digest(images[side].tolist()) == DIGESTS["rtfm-s3"][side]


@pytest.mark.parametrize("env_id", [f"rtfm-s{stage}-{side}" for stage in (1, 2, 3, 4) for side in SIDES])
def test_no_episode_shows_an_assignment_of_another_side(
    env_id: str, small: dict[str, set[tuple[int, int]]], images: dict[str, Tensor]
) -> None:
    """12,000 episodes; in stages 1 and 2 they show all assignments of the side."""
    env = envs.make(env_id, num_envs=4000, seed=13)
    assert isinstance(env, RTFM)
    stage, side = int(env_id[6]), env_id.split("-")[2]
    own = {team * 24 + modifier for team, modifier in small[side]} if stage < 3 else set(images[side].tolist())
    shown: set[int] = set()
    for _ in range(3):
        env.reset()
        shown |= set((env.hidden.plot[:, 0] * (24 if stage < 3 else 2520) + env.hidden.plot[:, 1]).tolist())
    assert shown == own if stage < 3 else shown <= own and len(shown) > 11_500
