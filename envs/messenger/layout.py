"""What a network is told of a Messenger game: its fields, their ranges and their meaning (§9)."""

from __future__ import annotations

import torch

from envs.base import Field, Layout
from envs.messenger.board import ACTIONS
from envs.messenger.games import GRID_VOCABULARY
from envs.messenger.manuals import DOCUMENT_LENGTH, SENTENCE_LENGTH
from envs.messenger.options import Options
from envs.text import Tokenizer

DEALT = ("enemy", "key", "goal")
"""The text fields that the manual's sentences are dealt to, in this order. The names are SILG's: the manual is shuffled
before it is dealt, so they mean nothing unless ``shuffle_manual`` is off."""


def layout(options: Options, tokenizer: Tokenizer) -> Layout:
    side, words = options.board, tokenizer.vocabulary - 1
    observation = {
        "name": Field((side, side, 1, 2), torch.int64, "entity and avatar id, 0 = nothing", 0, GRID_VOCABULARY - 1),
        "name_len": Field((side, side, 1), torch.int64, "number of ids in a cell", 2, 2),
    }
    for name in ("text", *DEALT):
        width = DOCUMENT_LENGTH if name == "text" else SENTENCE_LENGTH
        meaning = "the whole manual" if name == "text" else "one sentence of the manual"
        observation[name] = Field((width,), torch.int64, f"token ids of {meaning}", 0, words)
        observation[f"{name}_len"] = Field((1,), torch.int64, f"number of tokens in {name}", 1, width)
    observation |= {
        "valid": Field((len(ACTIONS),), torch.float32, "0 where the border blocks the action"),
        "rel_pos": Field((side, side, 2), torch.float32, "(column, row) of each cell from the avatar's, / side", -1, 1),
        "pos": Field((2,), torch.int64, "(row, column) of the avatar", 0, side - 1),
    }
    return Layout(
        observation=observation,
        actions=ACTIONS,
        texts=("text", "goal", "enemy", "key"),
        descriptions=("text", "goal", "enemy", "key"),
        grid="name",
        grid_vocab=GRID_VOCABULARY,
        vocabulary=tokenizer.vocabulary,
        tokenizer=tokenizer.name,
        blank=tokenizer.blank,
        max_steps=options.max_steps,
    )
