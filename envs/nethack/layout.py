"""What networks are told of NetHack: a terminal screen, the keys that may be pressed, and how the screen is drawn."""

from __future__ import annotations

import torch
from nle import nethack
from nle.env.tasks import TASK_ACTIONS

from envs.base import Field, Image, Layout
from envs.nethack.board import COLUMNS, ROWS
from envs.nethack.options import Options
from envs.nethack.screen import IMAGE_SHAPE, draw, without_message

_CODES = 256
_SPACE = ord(" ")
_MOST_COLORS = 31
"""16 colours and a bit for inverse video."""


def action_names(env_id: str) -> tuple[str, ...]:
    """NLE's own names, such as "CompassDirection.N" or "Command.EAT", in the order of the action numbers."""
    keys = nethack.ACTIONS if env_id == "nethack-challenge" else TASK_ACTIONS
    return tuple(f"{type(key).__name__}.{key.name}" for key in keys)


def nethack_layout(env_id: str, options: Options) -> Layout:
    actions = action_names(env_id)
    observation = {
        "tty_chars": Field((ROWS, COLUMNS), torch.uint8, "character codes of the terminal's cells", 0, _CODES - 1),
        "tty_colors": Field(
            (ROWS, COLUMNS), torch.uint8, "their colours; 16 is added for inverse video", 0, _MOST_COLORS
        ),
        "tty_cursor": Field((2,), torch.uint8, "row and column of the cursor, mostly on the hero", 0, COLUMNS),
        "valid": Field((len(actions),), torch.float32, "1 for every action: all keys can always be pressed"),
    }
    if options.image:
        meaning = "the 12 x 12 cells around the cursor, drawn as 6 x 6 RGB tiles"
        observation["screen_image"] = Field(IMAGE_SHAPE, torch.uint8, meaning, 0, 255)
    return Layout(
        observation=observation,
        actions=actions,
        texts=(),
        descriptions=(),
        grid="tty_chars",
        grid_vocab=_CODES,
        vocabulary=_CODES,
        tokenizer="terminal characters",
        blank=(_SPACE,),
        max_steps=options.max_steps,
        resume="restart_episodes",
        image=Image(IMAGE_SHAPE, draw),
        silenced=without_message,
        details=("score", "depth", "turns"),
    )
