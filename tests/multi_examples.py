"""Layouts and observations for testing the network ``multi``, built by hand: no environment is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from envs.base import Field, Layout, Observation

PAPER: dict[str, Any] = {"name": "multi", "demb": 100, "drnn": 200, "drep": 400, "channels": [16, 32, 64, 64, 64]}
TINY: dict[str, Any] = {"name": "multi", "demb": 10, "drnn": 6, "drep": 12, "channels": [4, 5, 6, 6, 7]}


def layout(
    texts: Mapping[str, int], grid: tuple[int, int, int, int], *, vocabulary: int, grid_vocab: int | None = None
) -> Layout:
    """texts: field -> maximal number of tokens, the document first. grid: (H, W, K, L)."""
    fields = {
        "name": Field(grid, torch.int64, "contents"),
        "rel_pos": Field((*grid[:2], 2), torch.float32, "offset from the player"),
        "valid": Field((5,), torch.float32, "possible actions"),
    }
    for name, width in texts.items():
        fields[name] = Field((width,), torch.int64, "token ids")
        fields[f"{name}_len"] = Field((1,), torch.int64, "number of tokens")
    return Layout(
        observation=fields,
        actions=("stay", "up", "down", "left", "right"),
        texts=tuple(texts),
        descriptions=tuple(text for text in texts if text != "inv"),
        grid="name",
        grid_vocab=grid_vocab,
        vocabulary=vocabulary,
        tokenizer="by hand",
        blank=(1,),
        max_steps=80,
    )


RTFM = layout({"wiki": 80, "task": 40, "inv": 8}, (6, 6, 1, 8), vocabulary=120)
MESSENGER = layout({"text": 30, "goal": 12, "enemy": 12, "key": 12}, (10, 10, 1, 2), vocabulary=90, grid_vocab=20)
ONE_TEXT = layout({"text": 9}, (3, 5, 2, 3), vocabulary=40)
MANY_ENTITIES = layout({"text": 9, "goal": 4}, (4, 3, 1, 2), vocabulary=40, grid_vocab=200)
LAYOUTS = {"rtfm": RTFM, "messenger": MESSENGER, "one text": ONE_TEXT, "many entities": MANY_ENTITIES}


def observations(of: Layout, batch: int, *, documents: int, seed: int = 0) -> Observation:
    """Random observations, among which every text field takes up to ``documents`` values."""
    generator = torch.Generator().manual_seed(seed)

    def draw(high: int, *shape: int, low: int = 0) -> Tensor:
        return torch.randint(low, high, shape, generator=generator)

    obs: Observation = {"valid": (draw(2, batch, 5) > 0).float()}
    obs["valid"][:, 0] = 1
    for field in of.texts:
        width = of.observation[field].shape[0]
        lengths = draw(width + 1, documents, 1, low=1)
        tokens = draw(of.vocabulary, documents, width, low=1) * (torch.arange(width) < lengths)
        which = draw(documents, batch)
        obs[field], obs[f"{field}_len"] = tokens[which], lengths[which]
    height, width, *each = of.observation["name"].shape
    contents = draw(of.grid_vocab or of.vocabulary, 12, *each)
    obs["name"] = contents[draw(12, batch, height, width)]
    row, column = draw(height, batch, 1, 1), draw(width, batch, 1, 1)
    across = (torch.arange(width) - column).expand(-1, height, -1) / width
    down = (torch.arange(height)[:, None] - row).expand(-1, -1, width) / height
    obs["rel_pos"] = torch.stack([across, down], 3)
    return obs
