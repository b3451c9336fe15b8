"""Demonstrations of NetHack: ttyrecs in NLE's own format, and the windows that networks are fitted to."""
