"""A terminal screen as networks see it: a picture of the cells around the cursor, and the screen without its language.

All frames of a batch are drawn at once, by one look-up in the table of tiles, on the device where the screens are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from envs.base import Observation
from envs.nethack.board import COLUMNS, ROWS
from envs.nethack.tiles import CHARACTERS, COLORS, TILE, tiles

CROP = 12
IMAGE_SHAPE = (3, CROP * TILE, CROP * TILE)
_OUTSIDE = CHARACTERS * COLORS
"""Number of the tile for cells outside the terminal: black."""
_INT16 = TILE // 2


def draw(screens: Mapping[str, Tensor]) -> Tensor:
    """uint8 [B, 3, 72, 72] of tty_chars and tty_colors, uint8 [B, 24, 80], and tty_cursor, uint8 [B, 2].

    The cursor's cell is the seventh of each axis, as in the original (env_nethack.md §1). Of a colour only its four
    lowest bits count: recordings mark inverse video with a fifth.
    """
    cursor = screens["tty_cursor"].long()
    around = torch.arange(CROP, device=cursor.device) - CROP // 2
    row, column = cursor[:, :1] + around, cursor[:, 1:] + around  # [B, 12] each
    inside = ((row >= 0) & (row < ROWS))[:, :, None] & ((column >= 0) & (column < COLUMNS))[:, None]
    cell = row.clamp(0, ROWS - 1)[:, :, None] * COLUMNS + column.clamp(0, COLUMNS - 1)[:, None]
    chars, colors = (screens[name].flatten(1).gather(1, cell.flatten(1)) for name in ("tty_chars", "tty_colors"))
    tile = (chars.long() * COLORS + (colors & (COLORS - 1))).view_as(cell).where(inside, _OUTSIDE)
    drawn = _table(cursor.device)[tile]  # [B, 12, 12, 3, 6, 6/2]
    return drawn.permute(0, 3, 1, 4, 2, 5).reshape(len(cursor), 3, CROP * TILE, CROP * _INT16).view(torch.uint8)


def without_message(screens: Observation) -> Observation:
    """The screens, any leading dimensions, with nothing in the top line: there NetHack says what happens, in words."""
    silent = dict(screens)
    for name, empty in (("tty_chars", ord(" ")), ("tty_colors", 0)):
        silent[name] = screens[name].clone()
        silent[name][..., 0, :] = empty
    return silent


@cache
def _table(device: torch.device) -> Tensor:
    """int16 [characters · colours + 1, 3, 6, 3]: two pixels in each number, which halves what has to be moved."""
    outside = torch.zeros(1, 3, TILE, TILE, dtype=torch.uint8)
    return torch.cat([torch.from_numpy(tiles()), outside]).view(torch.int16).to(device)
