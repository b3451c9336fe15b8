"""Manuals as index draws: every sentence of a split, tokenised once and kept in tables on the device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from envs.messenger import human
from envs.messenger.games import ENEMY, ENTITIES, GOAL, MESSAGE, ROLES
from envs.messenger.wording import MOVEMENTS, POOLS, sentences, text_split
from envs.streams import Streams
from envs.text import Tokenizer

DOCUMENT_LENGTH = 128
SENTENCE_LENGTH = 40
"""The widths of SILG's fields (§9). The longest sentence has 33 word pieces, so no sentence is ever cut."""
UNKNOWN_PROBABILITY = 0.15
"""How often a sentence of stage 2 does not tell how its thing moves (§3)."""


@cache
def _pools(wording: str, data_dir: str, split: str, stage: int) -> tuple[tuple[str, ...], Tensor]:
    """All sentences of a split, pool after pool, and the sizes of the pools: int64 [entities, roles, pools]."""
    places = [(entity, role, pool) for entity in ENTITIES for role in ROLES for pool in POOLS[stage]]
    if wording == "human":
        human.require(data_dir, split, stage)
        pools = [human.sentences(data_dir, split, *place) for place in places]
    else:
        pools = [sentences(wording, text_split(split), *place) for place in places]
    sizes = torch.tensor([len(pool) for pool in pools]).view(len(ENTITIES), len(ROLES), -1)
    return tuple(sentence for pool in pools for sentence in pool), sizes


@cache
def _tokens(wording: str, data_dir: str, split: str, stage: int, tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    return tokenizer.encode(_pools(wording, data_dir, split, stage)[0], SENTENCE_LENGTH)


class Manuals:
    """The sentences that tell the games of one split of one stage.

    wording: "full", "plain" or "human". data_dir: where the human-written files are (envs.messenger.human); read for
    that wording only. split: of the games, such as "train-mc" or "test-se".
    sentences: every sentence; a manual is a few indices into it.
    Raises EnvError where the human-written files are missing or have no sentence that a game of the split needs.
    """

    def __init__(
        self, wording: str, data_dir: str, split: str, stage: int, tokenizer: Tokenizer, device: torch.device
    ) -> None:
        self.sentences, sizes = _pools(wording, data_dir, split, stage)
        self._stage = stage
        self._size = sizes.to(device)
        self._first = (sizes.flatten().cumsum(0).reshape(sizes.shape) - sizes).to(device)
        ids, length = _tokens(wording, data_dir, split, stage, tokenizer)
        self._ids, self._length = ids.to(device), length.to(device)
        self._prefix = torch.tensor(tokenizer.prefix, dtype=torch.int64, device=device)
        self._suffix = torch.tensor(tokenizer.suffix, dtype=torch.int64, device=device)
        self._roles = torch.arange(len(ROLES), device=device)

    def drawn(self, streams: Streams, rows: Tensor, entities: Tensor, movements: Tensor) -> Tensor:
        """New manuals for some copies (``rows``, int64 [n]), in the order of the roles: sentences int64 [n, 3 or 6].

        entities: by role, int64 [n, 3]. movements: places in MOVEMENTS of enemy, message and goal, int64 [n, 3], and in
        stage 3 of decoy message and decoy goal, too, int64 [n, 5]; stage 1 does not look at them.
        Takes from every copy's stream 3 numbers in stage 1, 6 in stage 2 and 8 in stage 3, whatever they are.

        Stage 1 and 2: a sentence about enemy, message and goal. Stage 3: these three, the message's and the goal's
        entity as the enemies that their decoys are, and last a thing that does not exist: the enemy's entity as message
        or goal, moving otherwise than the enemy (§3).
        """
        if self._stage == 1:
            return self._told(streams, rows, entities, self._roles, torch.zeros_like(entities))
        if self._stage == 2:
            silent = streams.uniform(len(ROLES), rows) < UNKNOWN_PROBABILITY
            return self._told(streams, rows, entities, self._roles, movements.masked_fill(silent, len(MOVEMENTS)))

        draws = streams.integers(2, 2, rows)
        about = entities[:, [ENEMY, MESSAGE, GOAL, MESSAGE, GOAL, ENEMY]]
        role = MESSAGE + draws[:, :1]
        # Human-written sentences know most entities in two roles only.
        known = self._size[about[:, -1:], role].amin(-1) > 0
        role = torch.where(known, role, MESSAGE + GOAL - role)
        roles = torch.cat([self._roles.new_tensor([ENEMY, MESSAGE, GOAL, ENEMY, ENEMY]).expand(len(rows), 5), role], 1)
        other = (movements[:, :1] + 1 + draws[:, 1:]) % len(MOVEMENTS)
        return self._told(streams, rows, about, roles, torch.cat([movements, other], 1))

    def _told(self, streams: Streams, rows: Tensor, entities: Tensor, roles: Tensor, pools: Tensor) -> Tensor:
        """One sentence of each pool, uniformly: all int64 and broadcast to [n, sentences], as the result."""
        place = (entities, roles, pools)
        return self._first[place] + streams.integers(self._size[place], entities.shape[1], rows)

    def sentence(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """int64 [n] -> token ids int64 [n, 40] and lengths int64 [n, 1]."""
        return self._ids.index_select(0, indices), self._length.index_select(0, indices)[:, None]

    def document(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """The sentences of each manual (int64 [n, 3]) as one text: ids int64 [n, 128], length int64 [n, 1]."""
        ids, length = self._ids[indices], self._length[indices]
        before, after = len(self._prefix), len(self._suffix)
        words = length - before - after
        start = before + words.cumsum(1) - words
        place = torch.arange(SENTENCE_LENGTH, device=ids.device)
        # Whatever is not a word of its sentence goes to one more column than is kept.
        target = torch.where(place < words[..., None], start[..., None] + place, DOCUMENT_LENGTH)
        document = ids.new_zeros(len(ids), DOCUMENT_LENGTH + 1)
        document.scatter_(1, target.flatten(1), ids.roll(-before, -1).flatten(1))
        end = before + words.sum(1, keepdim=True)
        document[:, :before] = self._prefix
        document.scatter_(1, end + torch.arange(after, device=ids.device), self._suffix.expand(len(ids), after))
        return document[:, :DOCUMENT_LENGTH], end + after
