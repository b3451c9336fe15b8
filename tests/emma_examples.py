"""Layouts and observations for testing the network ``emma``, built by hand: no environment is needed."""

from __future__ import annotations

from typing import Any

import torch

from envs.base import Field, Layout, Observation

PAPER: dict[str, Any] = {
    "name": "emma",
    "width": 256,
    "filters": 64,
    "hidden": 128,
    "encoder": "bert-base-uncased",
    "encoder_files": None,
    "demb": 100,
    "drnn": 200,
    "history": "permute",
    "mask_padding": True,
}
TINY = PAPER | {"width": 12, "filters": 5, "hidden": 8, "encoder": "learned", "demb": 6, "drnn": 4}


def layout(
    *,
    sentences: int = 3,
    entities: int = 3,
    board: tuple[int, int] = (10, 10),
    tokens: int = 40,
    vocabulary: int = 60,
    tokenizer: str = "by hand",
) -> Layout:
    texts = tuple(f"sentence_{number}" for number in range(1, sentences + 1))
    fields = {
        "frames": Field((3, *board, entities + 1), torch.uint8, "entity layers and the avatar's, newest last", high=16),
        "valid": Field((5,), torch.float32, "possible actions"),
    }
    for name in texts:
        fields[name] = Field((tokens,), torch.int64, "token ids")
        fields[f"{name}_len"] = Field((1,), torch.int64, "number of tokens")
    return Layout(
        observation=fields,
        actions=("up", "down", "left", "right", "stay"),
        texts=texts,
        descriptions=texts,
        grid="frames",
        grid_vocab=17,
        vocabulary=vocabulary,
        tokenizer=tokenizer,
        blank=(1,),
        max_steps=64,
        history=3,
        unordered=entities,
    )


STAGE1, STAGE2, STAGE3 = layout(entities=1), layout(), layout(sentences=6, entities=5)
SMALL = layout(entities=2, board=(4, 6), tokens=12, sentences=2)
LAYOUTS = {"stage 1": STAGE1, "stage 2": STAGE2, "stage 3": STAGE3, "small board": SMALL}


def observations(of: Layout, batch: int, *, manuals: int, seed: int = 0) -> Observation:
    """Random observations with up to ``manuals`` sentences per field.

    Entities lie anywhere, also on one another and on the avatar; some have been collected, some avatars are dead.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(high: int, *shape: int, low: int = 0) -> torch.Tensor:
        return torch.randint(low, high, shape, generator=generator)

    obs: Observation = {"valid": torch.ones(batch, 5)}
    for field in of.texts:
        width = of.observation[field].shape[0]
        lengths = draw(width + 1, manuals, 1, low=1)
        tokens = draw(of.vocabulary, manuals, width, low=1) * (torch.arange(width) < lengths)
        which = draw(manuals, batch)
        obs[field], obs[f"{field}_len"] = tokens[which], lengths[which]
    steps, height, width, layers = of.observation["frames"].shape
    crowded = draw(2, batch, 1, 1, 1) > 0  # half of the observations happen in a corner of 2 x 2 cells
    cell = torch.where(crowded, draw(2, batch, steps, layers, 2), draw(min(height, width), batch, steps, layers, 2))
    ids = draw(15, batch, steps, layers, low=2)
    ids[..., -1] = draw(17, batch, steps, low=15)
    ids *= draw(5, batch, steps, layers) > 0
    frames = torch.zeros(batch, steps, height * width, layers, dtype=torch.uint8)
    frames.scatter_(2, (cell[..., 0] * width + cell[..., 1])[:, :, None], ids[:, :, None].to(torch.uint8))
    obs["frames"] = frames.view(batch, steps, height, width, layers)
    return obs
