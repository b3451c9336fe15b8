"""The picture around the cursor, held against one drawn cell by cell, and the screen without its message."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from torch import Tensor

import envs
from envs.base import Observation, blanked
from envs.nethack.draw_tiles import shapes
from envs.nethack.screen import IMAGE_SHAPE, draw, without_message
from envs.nethack.tiles import PALETTE, SHAPES_FILE, tiles

pytest.importorskip("nle", reason="needs the extra `nle`")
torch.set_num_threads(1)


def screens(batch: int, seed: int = 0) -> Observation:
    """Any characters, in any colours, 16 and more being inverse; the cursor anywhere."""
    rng = np.random.default_rng(seed)
    return {
        "tty_chars": torch.from_numpy(rng.integers(0, 256, (batch, 24, 80), dtype=np.uint8)),
        "tty_colors": torch.from_numpy(rng.integers(0, 32, (batch, 24, 80), dtype=np.uint8)),
        "tty_cursor": torch.from_numpy(rng.integers(0, (24, 80), (batch, 2), dtype=np.uint8)),
    }


def drawn_by_hand(obs: Observation, frame: int) -> Tensor:
    picture = np.zeros((3, 72, 72), np.uint8)
    every = tiles()
    top, left = (int(place) - 6 for place in obs["tty_cursor"][frame])
    for row in range(12):
        for column in range(12):
            if 0 <= top + row < 24 and 0 <= left + column < 80:
                char, color = (int(obs[name][frame, top + row, left + column]) for name in ("tty_chars", "tty_colors"))
                tile = every[16 * char + color % 16]
                picture[:, 6 * row : 6 * row + 6, 6 * column : 6 * column + 6] = tile
    return torch.from_numpy(picture)


def test_the_picture_is_the_twelve_by_twelve_cells_around_the_cursor() -> None:
    obs = screens(30)
    obs["tty_cursor"][:4] = torch.tensor([[0, 0], [0, 79], [23, 0], [23, 79]], dtype=torch.uint8)
    picture = draw(obs)
    assert picture.shape == (30, *IMAGE_SHAPE) and picture.dtype == torch.uint8
    for frame in range(30):
        assert torch.equal(picture[frame], drawn_by_hand(obs, frame))


def test_the_shapes_are_those_that_the_script_draws() -> None:
    """Within what another release of the drawing library may round otherwise."""
    with np.load(SHAPES_FILE) as file:
        assert np.abs(file["brightness"].astype(int) - shapes()).max() <= 4


def test_every_printable_character_looks_different_and_every_colour_too() -> None:
    every = tiles().reshape(256, 16, -1)
    printable = range(33, 127)
    assert len({every[code, 15].tobytes() for code in printable}) == len(printable)
    assert not every[ord(" ")].any() and not every[:, 0].any()  # black on black
    assert len({every[ord("@"), color].tobytes() for color in range(16)}) == 16
    brightest = every[ord("@")].reshape(16, 3, -1).max(2)
    shares = brightest / brightest[15].max()
    assert np.allclose(shares, np.array(PALETTE) / 255, atol=0.02)


def test_networks_find_the_picture_in_the_layout_and_others_in_the_observation() -> None:
    env = envs.make("nethack-challenge", 2, image=True, processes=0)
    obs = env.reset()
    image = pickle.loads(pickle.dumps(env.layout)).image
    assert image is not None and image.shape == (3, 72, 72) == env.layout.observation["screen_image"].shape
    assert torch.equal(image.render(obs), obs["screen_image"])
    hero = torch.from_numpy(tiles()[16 * ord("@") + 15])  # white
    assert torch.equal(obs["screen_image"][:, :, 36:42, 36:42], hero.expand(2, 3, 6, 6))
    assert "screen_image" not in envs.make("nethack-challenge").layout.observation


def test_language_is_the_top_line_and_goes_with_all_that_shows_it() -> None:
    env = envs.make("nethack-score", 2, processes=0)
    obs = env.reset()
    silent = blanked(obs, env.layout)
    assert "Hello Agent, welcome to NetHack!" in bytes(obs["tty_chars"][0, 0].tolist()).decode()
    assert bool((silent["tty_chars"][:, 0] == ord(" ")).all()) and not silent["tty_colors"][:, 0].any()
    for name in ("tty_chars", "tty_colors"):
        assert torch.equal(silent[name][:, 1:], obs[name][:, 1:]) and silent[name].dtype == obs[name].dtype
        assert bool(obs[name][:, 0].any())  # the given one is as it was
    assert silent["tty_cursor"] is obs["tty_cursor"] and silent["valid"] is obs["valid"]
    near = {**obs, "tty_cursor": torch.tensor([[3, 10], [3, 10]], dtype=torch.uint8)}
    shown, hidden = draw(near), draw(blanked(near, env.layout))
    assert (
        shown[:, :, 18:24].any() and not hidden[:, :, 18:24].any() and torch.equal(shown[:, :, 24:], hidden[:, :, 24:])
    )


def test_leading_dimensions_may_be_any() -> None:
    """Demonstrations come as windows, [frames, windows, …]."""
    flat = screens(6)
    windows = without_message({name: field.unflatten(0, (2, 3)) for name, field in flat.items()})
    assert all(torch.equal(windows[name].flatten(0, 1), field) for name, field in without_message(flat).items())
