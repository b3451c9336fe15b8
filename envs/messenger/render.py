"""A Messenger board and its manual as text for a person."""

from __future__ import annotations

from collections.abc import Sequence

from envs.messenger.games import ENTITIES

AVATAR_LOOKS = ("@ ", "@!")
"""Without and with the message."""


def look(entity: int) -> str:
    """The two letters that stand for an entity; they are different for all twelve."""
    return ENTITIES[entity][:2]


def render(side: int, avatar: int, with_message: bool, things: Sequence[tuple[int, int]], manual: Sequence[str]) -> str:
    """``avatar``: its cell; ``things``: (entity, cell) each; ``manual``: the sentences in the order they were dealt."""
    board = ["· "] * (side * side)
    for entity, cell in things:
        board[cell] = look(entity)
    board[avatar] = AVATAR_LOOKS[with_message]
    rows = [" ".join(board[row * side : (row + 1) * side]).rstrip() for row in range(side)]
    # In the order of the board: the order of the roles would tell the answer.
    in_order = dict.fromkeys(entity for entity, _ in sorted(things, key=lambda thing: thing[1]))
    legend = ", ".join(f"{look(entity)} {ENTITIES[entity]}" for entity in in_order)
    avatar_line = f"{AVATAR_LOOKS[with_message].strip()} you, {'with' if with_message else 'without'} the message"
    return "\n".join([*rows, "", f"{avatar_line}; {legend}", *(f"  - {sentence}" for sentence in manual)])
