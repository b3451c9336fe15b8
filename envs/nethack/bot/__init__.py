"""A scripted player of NetHack: it explores, fights, rests and descends. For the monk, the paper's character."""

from __future__ import annotations

from envs.nethack.bot.player import Bot
from envs.nethack.bot.screen import KEYS

__all__ = ["KEYS", "Bot"]
