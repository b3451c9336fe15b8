"""Shortest ways on the map. A set of cells is one integer, a bit per cell, so that a flood is a few shifts per wave.

A cell is ``row * STRIDE + column``. The last column of every row is never free: it keeps the shifts from wrapping.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

ROWS, COLUMNS = 21, 79
STRIDE = COLUMNS + 1
CELLS = ROWS * STRIDE

STRAIGHT = {"k": -STRIDE, "j": STRIDE, "h": -1, "l": 1}
DIAGONAL = {"y": -STRIDE - 1, "u": -STRIDE + 1, "b": STRIDE - 1, "n": STRIDE + 1}
STEPS = {**STRAIGHT, **DIAGONAL}
"""Key -> what it adds to the hero's cell; straight steps first, so that of equal ways the straight one is walked."""
KEYS = {step: key for key, step in STEPS.items()}


def bits(cells: NDArray[np.bool_]) -> int:
    """The set of the cells that are true. cells: bool [CELLS]."""
    return int.from_bytes(np.packbits(cells, bitorder="little").tobytes(), "little")


def mask(cells: int) -> NDArray[np.bool_]:
    """A set of cells as bool [CELLS]."""
    packed = np.frombuffer(cells.to_bytes(CELLS // 8, "little"), np.uint8)
    return np.unpackbits(packed, bitorder="little").astype(bool)


def members(cells: int) -> Iterator[int]:
    """The cells of a set in rising order."""
    while cells:
        lowest = cells & -cells
        yield lowest.bit_length() - 1
        cells ^= lowest


def around(cells: int) -> int:
    """The set's own cells and their eight neighbours."""
    row = cells | cells << 1 | cells >> 1
    return row | row << STRIDE | row >> STRIDE


def near(one: int, other: int) -> int:
    """King's moves between two cells."""
    return max(abs(one // STRIDE - other // STRIDE), abs(one % STRIDE - other % STRIDE))


def waves(start: int, free: int, doors: int, goals: int = 0) -> list[int]:
    """Sets of the cells 0, 1, 2, … steps from ``start``, up to the first that holds a goal, or to the last one.

    Only cells of ``free`` are entered; cells of ``doors`` are neither entered nor left diagonally.
    """
    wave = 1 << start
    reached, found = wave, [wave]
    while not wave & goals:
        slanted = wave & ~doors
        slanted = slanted << (STRIDE + 1) | slanted << (STRIDE - 1) | slanted >> (STRIDE + 1) | slanted >> (STRIDE - 1)
        wave = (wave << 1 | wave >> 1 | wave << STRIDE | wave >> STRIDE | slanted & ~doors) & free & ~reached
        if not wave:
            break
        reached |= wave
        found.append(wave)
    return found


def way(start: int, free: int, doors: int, goals: int) -> list[int]:
    """The cells from ``start`` (left out) to the nearest goal, which need not be free; none if no goal is reached."""
    goals &= ~(1 << start)
    found = waves(start, free | goals, doors, goals) if goals else [0]
    if not found[-1] & goals:
        return []
    cell = next(members(found[-1] & goals))
    cells = [cell]
    for wave in reversed(found[1:-1]):
        straight = doors >> cell & 1
        for step in STRAIGHT.values() if straight else STEPS.values():
            before = cell - step
            if before >= 0 and wave >> before & 1 and not (abs(step) not in (1, STRIDE) and doors >> before & 1):
                cell = before
                break
        cells.append(cell)
    return cells[::-1]


def distances(start: int, free: int, doors: int) -> NDArray[np.int16]:
    """Steps from ``start`` to every cell, int16 [CELLS]; -1 where there is no way."""
    steps = np.full(CELLS, -1, np.int16)
    for number, wave in enumerate(waves(start, free, doors)):
        steps[mask(wave)] = number
    return steps
