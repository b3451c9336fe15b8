"""A layout, screens and a picture of them, built by hand: neither NLE nor the environment is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from envs.base import Field, Image, Layout, Observation

PAPER: dict[str, Any] = {"name": "nethack", "channels": [32, 64, 128], "screen": 512, "text": 128, "core": 512}
TINY: dict[str, Any] = {"name": "nethack", "channels": [3, 4, 5], "screen": 12, "text": 7, "core": 9}
SPACE = 32


def colourful(observation: Mapping[str, Tensor]) -> Tensor:
    """A picture in which the code, the colour and the distance to the cursor of 72 x 72 places show."""
    chars, colors, cursor = (observation[f"tty_{name}"].int() for name in ("chars", "colors", "cursor"))
    rows = (cursor[:, :1] + torch.arange(72) // 6).clamp(max=23)
    columns = (cursor[:, 1:] + torch.arange(72) // 6).clamp(max=79)
    frame = torch.arange(len(chars))[:, None, None]
    seen = [plane[frame, rows[:, :, None], columns[:, None]] for plane in (chars, colors)]
    place = (7 * torch.arange(72)[:, None] + 3 * torch.arange(72)).expand_as(seen[0])
    return ((torch.stack([seen[0], 9 * seen[1], seen[0] + place], 1)) % 256).to(torch.uint8)


def silenced(observation: Observation) -> Observation:
    """The first line of the screen is empty."""
    chars, colors = observation["tty_chars"].clone(), observation["tty_colors"].clone()
    chars[..., 0, :], colors[..., 0, :] = SPACE, 0
    return {**observation, "tty_chars": chars, "tty_colors": colors}


def layout(actions: tuple[str, ...] = ("north", "east", "search")) -> Layout:
    return Layout(
        observation={
            "tty_chars": Field((24, 80), torch.uint8, "characters", high=255),
            "tty_colors": Field((24, 80), torch.uint8, "colours", high=31),
            "tty_cursor": Field((2,), torch.uint8, "row and column", high=79),
            "valid": Field((len(actions),), torch.float32, "possible actions"),
        },
        actions=actions,
        texts=(),
        descriptions=(),
        grid="tty_chars",
        grid_vocab=256,
        vocabulary=256,
        tokenizer="terminal characters",
        blank=(SPACE,),
        max_steps=5000,
        resume="restart_episodes",
        image=Image((3, 72, 72), colourful),
        silenced=silenced,
    )


def screens(*leading: int, seed: int = 0) -> Observation:
    """Random printable screens; every third one has other bytes as well."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, (*leading, *shape), generator=generator).to(torch.uint8)

    odd = draw(0, 3, 1, 1) == 0
    return {
        "tty_chars": torch.where(odd, draw(0, 256, 24, 80), draw(32, 127, 24, 80)),
        "tty_colors": draw(0, 24, 24, 80),
        "tty_cursor": torch.cat([draw(0, 24, 1), draw(0, 80, 1)], -1),
        "valid": torch.ones(*leading, 3),
    }
