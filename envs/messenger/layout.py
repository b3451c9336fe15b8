"""What a network is told of a Messenger game: its fields, their ranges and their meaning (§7, §9)."""

from __future__ import annotations

import torch

from envs.base import Field, Layout
from envs.messenger.board import ACTIONS
from envs.messenger.games import AVATAR_WITH_MESSAGE, GRID_VOCABULARY
from envs.messenger.manuals import DOCUMENT_LENGTH, SENTENCE_LENGTH
from envs.messenger.options import Options
from envs.text import Tokenizer

DEALT = ("enemy", "key", "goal")
"""The text fields that the manual's sentences are dealt to, in this order. The names are SILG's: the manual is shuffled
before it is dealt, so they mean nothing unless ``shuffle_manual`` is off."""
FRAMES = 3
"""How many frames EMMA sees: the newest and the two before."""


def sentence_fields(count: int) -> tuple[str, ...]:
    """The text fields of a manual of so many sentences in EMMA's view."""
    return tuple(f"sentence_{number}" for number in range(1, count + 1))


def silg_layout(options: Options, tokenizer: Tokenizer, layers: int) -> Layout:
    """SILG's view; ``layers``: ids of a cell, those of the things and last that of the avatar."""
    side = options.board
    observation = {
        "name": Field(
            (side, side, 1, layers), torch.int64, "entity ids, then the avatar's, 0 = nothing", 0, GRID_VOCABULARY - 1
        ),
        "name_len": Field((side, side, 1), torch.int64, "number of ids in a cell", layers, layers),
        **_text("text", DOCUMENT_LENGTH, "the whole manual", tokenizer),
    }
    for name in DEALT:
        observation |= _text(name, SENTENCE_LENGTH, "one sentence of the manual", tokenizer)
    observation |= {
        "valid": Field((len(ACTIONS),), torch.float32, "0 where the border blocks the action"),
        "rel_pos": Field((side, side, 2), torch.float32, "(column, row) of each cell from the avatar's, / side", -1, 1),
        "pos": Field((2,), torch.int64, "(row, column) of the avatar", 0, side - 1),
    }
    texts = ("text", "goal", "enemy", "key")
    return _layout(options, tokenizer, observation, texts, "name", GRID_VOCABULARY, unordered=layers - 1)


def emma_layout(options: Options, tokenizer: Tokenizer, layers: int, sentences: int) -> Layout:
    """EMMA's view; ``layers`` as in ``silg_layout``."""
    side, vocabulary, texts = options.board, AVATAR_WITH_MESSAGE + 1, sentence_fields(sentences)
    observation = {
        "frames": Field(
            (FRAMES, side, side, layers),
            torch.uint8,
            "entity ids, then the avatar's, 0 = nothing; the newest frame last",
            0,
            vocabulary - 1,
        )
    }
    for name in texts:
        observation |= _text(name, SENTENCE_LENGTH, "one sentence of the manual", tokenizer)
    observation["valid"] = Field((len(ACTIONS),), torch.float32, "always 1: no action is masked")
    return _layout(options, tokenizer, observation, texts, "frames", vocabulary, unordered=layers - 1, history=FRAMES)


def _text(name: str, width: int, meaning: str, tokenizer: Tokenizer) -> dict[str, Field]:
    return {
        name: Field((width,), torch.int64, f"token ids of {meaning}", 0, tokenizer.vocabulary - 1),
        f"{name}_len": Field((1,), torch.int64, f"number of tokens in {name}", 1, width),
    }


def _layout(
    options: Options,
    tokenizer: Tokenizer,
    observation: dict[str, Field],
    texts: tuple[str, ...],
    grid: str,
    grid_vocab: int,
    unordered: int,
    history: int = 1,
) -> Layout:
    return Layout(
        observation=observation,
        actions=ACTIONS,
        texts=texts,
        descriptions=texts,
        grid=grid,
        grid_vocab=grid_vocab,
        vocabulary=tokenizer.vocabulary,
        tokenizer=tokenizer.name,
        blank=tokenizer.blank,
        max_steps=options.max_steps,
        history=history,
        unordered=unordered,
    )
