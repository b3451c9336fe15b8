"""Which monster is in which team and which modifier beats which element: all arrangements, and how they are split.

An *arrangement* of n words in g equal groups is a tuple of n word indices, sorted within every group; arrangements are
numbered lexicographically. A *joint* assignment is (team arrangement, modifier arrangement), numbered
``team * modifier_arrangements + modifier``. Half of them are ``train``, the other half ``test`` (env_rtfm.md §5; the
original's order depends on the interpreter's hash seed, ours never changes). For choosing settings without a look at
the test half, the training half is cut once more: 5/6 of it are ``fit``, the rest is ``dev``.

    s1, s2: 6 x 24 = 144 joint assignments; splits_v1.json lists the halves (72 each), fit (60) and dev (12; its list is
        called "validate"). Of the 24 modifier arrangements fit lacks one, which 3 of the 12 in dev have.
    s3, s4: 1,680 x 2,520 = N = 4,233,600; the halves are the images of [0, N/2) and [N/2, N) under ``shuffle``, a keyed
        bijection that needs no table of them; fit and dev are the images of the first 5/6 of [0, N/2) and of the rest.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor

from envs.streams import mix

DATA = Path(__file__).with_name("splits_v1.json")
_GOLDEN = -7046029254386353131  # 2**64 / golden ratio, as signed int64


@cache
def arrangements(words: int, groups: int) -> Tensor:
    """int64 [arrangements, words], in lexicographic order."""
    size = words // groups

    def extend(left: tuple[int, ...]) -> list[tuple[int, ...]]:
        if not left:
            return [()]
        return [
            (*group, *rest)
            for group in combinations(left, size)
            for rest in extend(tuple(word for word in left if word not in group))
        ]

    return torch.tensor(extend(tuple(range(words))))


class Small:
    """The 144 joint assignments of stages 1 and 2.

    sizes: the number of assignments of each side: train, test, fit, dev.
    """

    def __init__(self) -> None:
        data = json.loads(DATA.read_text(encoding="utf-8"))["small"]
        lists = {
            "train": data["train"],
            "test": data["test"],
            "fit": data["tune"]["fit"],
            "dev": data["tune"]["validate"],
        }
        self._joint = {side: torch.tensor(numbers) for side, numbers in lists.items()}
        self.sizes = {side: len(numbers) for side, numbers in lists.items()}
        self.modifiers = len(arrangements(4, 4))

    def assignment(self, index: Tensor, side: str) -> tuple[Tensor, Tensor]:
        """index int64 [n] in [0, sizes[side]) -> team and modifier arrangement, int64 [n] each."""
        joint = self._joint[side].to(index.device).index_select(0, index)
        return joint // self.modifiers, joint % self.modifiers


class Large:
    """The 4,233,600 joint assignments of stages 3 and 4: a Feistel network on the product 1,680 x 2,520.

    Each round adds a keyed function of one coordinate to the other, modulo that one's size. A round can be undone, so
    the whole is a bijection of exactly the joint assignments, whatever the functions are.

    sizes: the number of assignments of each side: train, test, fit, dev.
    """

    def __init__(self) -> None:
        data = json.loads(DATA.read_text(encoding="utf-8"))["large"]
        self.teams, self.modifiers = len(arrangements(9, 3)), len(arrangements(8, 4))
        half = self.teams * self.modifiers // 2
        fit = half // 6 * 5
        self._first = {"train": 0, "test": half, "fit": 0, "dev": fit}
        self.sizes = {"train": half, "test": half, "fit": fit, "dev": half - fit}
        self.rounds = [
            (
                self._function(data["key"] + 2 * turn, self.modifiers, self.teams),
                self._function(data["key"] + 2 * turn + 1, self.teams, self.modifiers),
            )
            for turn in range(data["rounds"])
        ]

    @staticmethod
    def _function(key: int, domain: int, modulus: int) -> Tensor:
        numbers = mix(mix(torch.tensor(key) * _GOLDEN) + torch.arange(1, domain + 1) * _GOLDEN)
        return ((numbers >> 1) & ((1 << 63) - 1)) % modulus

    def to(self, device: torch.device) -> Large:
        self.rounds = [(first.to(device), second.to(device)) for first, second in self.rounds]
        return self

    def shuffle(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """index int64 [n] in [0, 4,233,600) -> team and modifier arrangement: a bijection."""
        team, modifier = index // self.modifiers, index % self.modifiers
        for of_modifier, of_team in self.rounds:
            team = (team + of_modifier.index_select(0, modifier)) % self.teams
            modifier = (modifier + of_team.index_select(0, team)) % self.modifiers
        return team, modifier

    def assignment(self, index: Tensor, side: str) -> tuple[Tensor, Tensor]:
        """index int64 [n] in [0, sizes[side]) -> team and modifier arrangement, int64 [n] each."""
        return self.shuffle(index + self._first[side])
