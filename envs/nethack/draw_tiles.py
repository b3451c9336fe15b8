"""Draws the shapes of tiles_v1.npz: python -m envs.nethack.draw_tiles

The font is DejaVu Sans Mono as Matplotlib brings it: free, and the same wherever that release is installed. A character
is drawn large and shrunk to 6 x 6 by averaging, so that thin strokes stay visible as grey.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from envs.nethack.tiles import CHARACTERS, SHAPES_FILE, TILE

_FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf")
_SCALE = 8
_ASCII = "".join(map(chr, range(33, 127)))


def shapes() -> npt.NDArray[np.uint8]:
    """Brightness uint8 [256, 6, 6] of the characters of Latin-1; those that cannot be printed are black."""
    font = ImageFont.truetype(str(_FONT), size=TILE * _SCALE)
    _, top, _, bottom = font.getbbox(_ASCII)  # no room for accents, which the game does not use
    width, height = round(font.getlength("M")), round(bottom - top)
    drawn = np.zeros((CHARACTERS, TILE, TILE), np.uint8)
    for code in range(CHARACTERS):
        if chr(code).isprintable():
            cell = Image.new("L", (width, height))
            ImageDraw.Draw(cell).text((0, -top), chr(code), fill=255, font=font)
            drawn[code] = np.asarray(cell.resize((TILE, TILE), Image.Resampling.BOX))
    return drawn


if __name__ == "__main__":
    np.savez_compressed(SHAPES_FILE, brightness=shapes())
