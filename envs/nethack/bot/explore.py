"""Seeing the level: unseen corners, closed doors, hidden passages, gold on the way, and the stairs down."""

from __future__ import annotations

import numpy as np

from envs.nethack.bot.game import Game
from envs.nethack.bot.glyphs import GOLD, Kind
from envs.nethack.bot.keys import KICK
from envs.nethack.bot.paths import CELLS, KEYS, STEPS, STRAIGHT, STRIDE, bits, distances, members, way

_DOOR_TRIES = 30
_MINES = 2  # the number of that branch of the dungeon
_SEARCH_15 = "15s"
_SPOTS_BEFORE_ANEW = 15  # searches in vain, after which doors and blocked cells are tried again
_STRONG = 8  # experience level of a hero who may go down from wherever he is
_PATIENCE = 2000  # turns on a level, after which the hero goes on however weak


def descend(game: Game) -> str:
    """Down the stairs, once the hero is a match for the next level or has been here long."""
    view, level = game.view, game.level
    strong = view.experience >= min(_STRONG, view.depth + 1)
    return _go_down(game) if strong or view.turn - level.arrived > _PATIENCE else ""


def collect(game: Game) -> str:
    """Gold in view is worth its weight in points."""
    return _walk(game, bits(game.view.glyphs == GOLD))


def explore(game: Game) -> str:
    """To the nearest cell from which something unknown can be seen."""
    return _walk(game, game.level.frontier & game.level.free)


def open_doors(game: Game) -> str:
    """To the nearest closed door; opens it, or kicks it in, but not in the Mines, whose town has a watch."""
    view, level = game.view, game.level
    doors = level.closed
    for door in members(level.closed):
        given_up = level.doors_tried[door] >= _DOOR_TRIES
        if given_up or (door in level.locked and view.place[0] == _MINES):
            doors &= ~(1 << door)
    steps = way(view.me, level.free, level.doors, doors)
    if not steps:
        return ""
    door = steps[0]
    if not doors >> door & 1:
        return game.step_to(door)
    level.doors_tried[door] += 1
    game.aim, game.was = door, None
    return (KICK if door in level.locked else "o") + KEYS[door - view.me]


def take_risks(game: Game) -> str:
    """To unseen corners over traps, or where a boulder has to be pushed."""
    level = game.level
    return _walk(game, level.frontier & (level.free | level.risky), level.risky)


def descend_anyway(game: Game) -> str:
    """Down the stairs, however weak the hero, when nothing is left to explore."""
    return _go_down(game, game.level.risky)


def search(game: Game) -> str:
    """Looks for hidden doors and passages where they are likely: dead ends, and walls before the unknown."""
    view, level = game.view, game.level
    if level.search_at == view.me:
        beside = [view.me, *(view.me + step for step in STEPS.values())]
        level.searched[[cell for cell in beside if 0 <= cell < CELLS]] += 1
        level.search_at = None
        level.searches += 1
        if level.searches % _SPOTS_BEFORE_ANEW == 0:
            level.visited = 1 << view.me
            level.failed.clear()
            level.doors_tried.clear()
        return _SEARCH_15
    if level.search_at is None:
        level.search_at = _likely_spot(game)
        if level.search_at == view.me:
            return search(game)
    steps = way(view.me, level.free, level.doors, 1 << level.search_at)
    if steps:
        return game.step_to(steps[0])
    level.search_at = view.me
    return search(game)


def _go_down(game: Game, also: int = 0) -> str:
    """To stairs, a hole or a trap door, and down; over the cells of ``also`` where there is no other way."""
    level = game.level
    if level.down >> game.view.me & 1:
        return ">"
    return _walk(game, level.down) or _walk(game, level.down, also)


def _walk(game: Game, goals: int, also: int = 0) -> str:
    free = game.level.free | also
    steps = way(game.view.me, free, game.level.doors, goals & free)
    return game.step_to(steps[0]) if steps else ""


def _likely_spot(game: Game) -> int:
    """The cell to search from: unknown space beyond its walls counts for it, distance and past searches against."""
    view, level = game.view, game.level
    steps = distances(view.me, level.free, level.doors)
    reached = np.flatnonzero(steps >= 0)
    inner = reached[(reached >= 2 * STRIDE) & (reached < CELLS - 2 * STRIDE)]
    walls, unknown = level.terrain == Kind.WALL, level.terrain == Kind.UNKNOWN
    floor = level.terrain >= Kind.FLOOR
    hidden = np.sum([walls[inner + step] & unknown[inner + 2 * step] for step in STRAIGHT.values()], 0)
    dead_end = np.sum([floor[inner + step] for step in STEPS.values()], 0) <= 1
    likely = 8 * dead_end + 1.5 * hidden - 4 * level.searched[inner] - steps[inner] / 12
    likely = np.where(dead_end | (hidden > 0), likely, -np.inf) + game.rng.random(len(inner))
    if not len(inner) or np.isinf(likely.max()):
        return int(game.rng.choice(reached))
    return int(inner[likely.argmax()])
