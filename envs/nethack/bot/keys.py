"""Key presses. The bot thinks in characters, as on a keyboard; NLE wants an index into ``nle.nethack.ACTIONS``."""

from __future__ import annotations

from nle import nethack

ESCAPE = "\x1b"
RETURN = "\r"
KICK = "\x04"
PRAY = chr(nethack.Command.PRAY)

INDEX: dict[str, int] = {chr(int(action)): index for index, action in reversed(list(enumerate(nethack.ACTIONS)))}
"""Character -> index of the first action that presses it."""
