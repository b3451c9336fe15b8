"""Named random streams: every source of chance is derived from (environment, seed, purpose), never from the method.

So all methods meet the same episodes and start from the same weights, and their results can be paired by seed.
"""

from __future__ import annotations

import hashlib


def stream(environment: str, seed: int, purpose: str) -> int:
    """A seed of 63 bits (0 ≤ value < 2**63) for one named purpose, e.g. ("rtfm-s1", 0, "weights")."""
    if "\0" in environment or "\0" in purpose:
        raise ValueError("an environment or a purpose contains a NUL character, which separates the parts of a stream")
    digest = hashlib.sha256(f"{environment}\0{seed}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
