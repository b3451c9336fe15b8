"""Every character in every colour as a small picture. The shapes are data: draw_tiles.py has drawn them once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

CHARACTERS, COLORS, TILE = 256, 16, 6
SHAPES_FILE = Path(__file__).with_name("tiles_v1.npz")
PALETTE = (
    *((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128), (192, 192, 192)),
    *((128, 128, 128), (255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 0, 255), (255, 0, 255), (0, 255, 255)),
    (255, 255, 255),
)
"""RGB of the 16 colours of a terminal, as xterm numbers them."""


def tiles() -> npt.NDArray[np.uint8]:
    """uint8 [256 · 16, 3, 6, 6]: the tile of character c in colour k is number 16 · c + k."""
    with np.load(SHAPES_FILE) as file:
        brightness = file["brightness"].astype(np.uint16)  # [256, 6, 6]
    palette = np.array(PALETTE, np.uint16)
    colored = (brightness[:, None, None] * palette[None, :, :, None, None] + 127) // 255
    return colored.astype(np.uint8).reshape(CHARACTERS * COLORS, 3, TILE, TILE)
