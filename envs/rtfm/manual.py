"""Manuals and goals as token tables, so that an episode's text is put together without touching a string.

Fixed wording (stages 1-3): the element facts depend only on the modifier arrangement and the team facts only on the
team arrangement, so a manual is one row of one table followed by one row of another.
Paraphrases (stage 4): the seven facts are rows of one table of all worded facts, put one after the other by scattering.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import combinations, permutations
from typing import Self

import torch
from torch import Tensor

from envs.rtfm import words
from envs.rtfm.splits import arrangements
from envs.text import Tokenizer

WIKI, TASK, NAME = 80, 40, 8
"""Ids that fit each text field; a longer manual loses its tail (stage 4 with word pieces, as in the original)."""
Text = tuple[Tensor, Tensor, Tensor, Tensor]
"""wiki int64 [n, 80], wiki_len [n, 1], task [n, 40], task_len [n, 1]."""


class Manual(ABC):
    """draws: the ranges of the random numbers that one text needs."""

    draws: tuple[int, ...] = ()

    @abstractmethod
    def write(self, team: Tensor, modifier: Tensor, goal: Tensor, numbers: Tensor) -> Text:
        """Texts of n episodes.

        team, modifier: numbers of the arrangements, int64 [n]; goal: number of the target's team (or of its noun with
        the option goal="monster"), int64 [n]; numbers: int64 [n, len(draws)], each uniform below its range.
        """

    def to(self, device: torch.device) -> Self:
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        return self


class FixedManual(Manual):
    """One wording; elements in fixed order, then teams in alphabetical order; words listed alphabetically."""

    def __init__(self, tokenizer: Tokenizer, monsters: int, modifiers: int, goal: str) -> None:
        elements = _facts(words.ELEMENT_FACT, words.ELEMENTS, words.MODIFIERS[:modifiers])
        teams = _facts(words.TEAM_FACT, words.TEAMS, words.MONSTERS[:monsters])
        room = WIKI - len(tokenizer.prefix) - len(tokenizer.suffix)
        self._elements = torch.tensor([tokenizer.pieces(text) for text in elements], dtype=torch.int64)
        self._teams = torch.tensor([tokenizer.pieces(text) for text in teams], dtype=torch.int64)
        used = self._elements.shape[1] + self._teams.shape[1]
        self._before = torch.tensor(tokenizer.prefix, dtype=torch.int64)
        self._after = torch.tensor([*tokenizer.suffix, *[0] * (room - used)], dtype=torch.int64)
        self._length = torch.tensor([WIKI - room + used])
        if goal == "monster":
            goals = [words.GOAL_MONSTER.format(monster=monster) for monster in words.MONSTERS]
        else:
            goals = [words.GOAL.format(team=team) for team in words.TEAMS]
        self._goals, self._goal_lengths = tokenizer.encode(goals, TASK)

    def write(self, team: Tensor, modifier: Tensor, goal: Tensor, numbers: Tensor) -> Text:
        n = len(team)
        wiki = torch.cat(
            [
                self._before.expand(n, -1),
                self._elements.index_select(0, modifier),
                self._teams.index_select(0, team),
                self._after.expand(n, -1),
            ],
            dim=1,
        )
        return (
            wiki,
            self._length.expand(n, 1),
            self._goals.index_select(0, goal),
            self._goal_lengths.index_select(0, goal)[:, None],
        )


class ParaphrasedManual(Manual):
    """Stage 4: a wording per fact and for the goal, the facts in random order.

    The two numbers of a text are all its wordings together, as digits of mixed base, and the order of the facts.
    """

    def __init__(self, tokenizer: Tokenizer, monsters: int, modifiers: int, goal: str) -> None:
        pairs = list(combinations(range(modifiers), 2))
        triples = list(combinations(range(monsters), 3))
        texts = [
            wording.format(element=element, items=words.listed([words.MODIFIERS[i] for i in pair], True))
            for wording in words.ELEMENT_PARAPHRASES
            for element in words.ELEMENTS
            for pair in pairs
        ] + [
            wording.format(team=team, monsters=words.listed([words.MONSTERS[i] for i in triple], True))
            for wording in words.TEAM_PARAPHRASES
            for team in words.TEAMS
            for triple in triples
        ]
        self._facts, self._lengths = _table([tokenizer.pieces(text) for text in texts])
        self._pair = _group_numbers(arrangements(modifiers, 4), pairs)
        self._triple = _group_numbers(arrangements(monsters, 3), triples)
        e, t, g = len(words.ELEMENT_PARAPHRASES), len(words.TEAM_PARAPHRASES), len(words.GOAL_PARAPHRASES)
        if goal == "monster":
            goals = [words.GOAL_MONSTER.format(monster=monster) for monster in words.MONSTERS] * g
        else:
            goals = [wording.format(team=team) for wording in words.GOAL_PARAPHRASES for team in words.TEAMS]
        self._goals, self._goal_lengths = tokenizer.encode(goals, TASK)
        # Row of a fact = wording * stride + which fact * (number of groups) + group: see the order of ``texts``.
        self._wordings = torch.tensor([e] * 4 + [t] * 3 + [g])
        self._places = torch.tensor([e**i for i in range(4)] + [e**4 * t**i for i in range(3)] + [e**4 * t**3])
        self._strides = torch.tensor([4 * len(pairs)] * 4 + [3 * len(triples)] * 3 + [len(goals) // g])
        self._starts = torch.tensor(
            [i * len(pairs) for i in range(4)] + [e * 4 * len(pairs) + i * len(triples) for i in range(3)]
        )
        self._orders = torch.tensor(list(permutations(range(7))))
        self.draws = (e**4 * t**3 * g, len(self._orders))
        self._prefix, self._suffix = tokenizer.prefix, tokenizer.suffix
        self._columns = torch.arange(self._facts.shape[1])

    def write(self, team: Tensor, modifier: Tensor, goal: Tensor, numbers: Tensor) -> Text:
        n = len(team)
        wording = numbers[:, :1] // self._places % self._wordings * self._strides
        groups = torch.cat([self._pair.index_select(0, modifier), self._triple.index_select(0, team)], dim=1)
        rows = wording[:, :7] + self._starts + groups
        rows = rows.gather(1, self._orders.index_select(0, numbers[:, 1])).flatten()
        lengths = self._lengths.index_select(0, rows).view(n, -1)
        ends = lengths.cumsum(1)
        end = WIKI - len(self._suffix)
        # One column more than the field catches the padding of short facts and whatever does not fit.
        places = len(self._prefix) + (ends - lengths)[:, :, None] + self._columns
        places = torch.where(self._columns < lengths[:, :, None], places, WIKI)
        places = torch.where(places < end, places, WIKI)
        wiki = torch.zeros(n, WIKI + 1, dtype=torch.int64, device=team.device)
        wiki.scatter_(1, places.view(n, -1), self._facts.index_select(0, rows).view(n, -1))
        inner = (len(self._prefix) + ends[:, -1:]).clamp(max=end)
        for offset, token in enumerate(self._prefix):
            wiki[:, offset] = token
        for offset, token in enumerate(self._suffix):
            wiki.scatter_(1, inner + offset, token)
        goal = wording[:, 7] + goal
        return (
            wiki[:, :WIKI].contiguous(),
            inner + len(self._suffix),
            self._goals.index_select(0, goal),
            self._goal_lengths.index_select(0, goal)[:, None],
        )


def _facts(wording: str, subjects: Sequence[str], listed: Sequence[str]) -> list[str]:
    """The facts about all subjects, one string per arrangement of the listed words."""
    size = len(listed) // len(subjects)

    def sentence(subject: str, group: list[int]) -> str:
        members = words.listed([listed[index] for index in group], False)
        return wording.format(element=subject, team=subject, items=members, monsters=members)

    return [
        " ".join(sentence(subject, row[k * size : (k + 1) * size]) for k, subject in enumerate(subjects))
        for row in arrangements(len(listed), len(subjects)).tolist()
    ]


def _table(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Ragged rows -> (int64 [rows, longest] padded with 0, lengths int64 [rows])."""
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows]), torch.tensor([len(row) for row in rows])


def _group_numbers(arranged: Tensor, groups: Sequence[tuple[int, ...]]) -> Tensor:
    """The number of every group of every arrangement in the list of all groups: int64 [arrangements, groups]."""
    number = {group: index for index, group in enumerate(groups)}
    size = len(groups[0])
    return torch.tensor(
        [[number[tuple(row[k : k + size])] for k in range(0, len(row), size)] for row in arranged.tolist()]
    )
