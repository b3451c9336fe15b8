"""Fighting hand to hand, which is what a monk does best."""

from __future__ import annotations

from envs.nethack.bot.game import Game
from envs.nethack.bot.glyphs import INVISIBLE
from envs.nethack.bot.paths import KEYS, STRAIGHT, near, way

_REACH = 10  # steps
_BRAVE = 0.5  # share of the health with which the bot walks towards an enemy
_ANY_SIDE = "Fj"


def attack(game: Game) -> str:
    """Hits the weakest enemy beside the hero, so that the fewest hit back the longest.

    By walking into it: NetHack then asks before a peaceful one is hit. To "fight" (F) asks nothing.
    """
    view, level = game.view, game.level
    if view.swallowed:
        return _ANY_SIDE
    targets = []
    for enemy in game.threats:
        step = enemy.cell - view.me
        if step in KEYS:
            through_door = (level.doors >> view.me | level.doors >> enemy.cell) & 1
            if KEYS[step] in STRAIGHT or not through_door:
                targets.append(enemy)
    if not targets:
        return ""
    target = min(targets, key=lambda enemy: enemy.difficulty)
    game.aim, game.was = target.cell, None
    return ("F" if target.glyph == INVISIBLE else "") + KEYS[target.cell - view.me]


def approach(game: Game) -> str:
    """Walks to the nearest enemy that can be reached soon."""
    view, level = game.view, game.level
    if view.health < _BRAVE:
        return ""
    goals = sum(1 << enemy.cell for enemy in game.threats if near(enemy.cell, view.me) <= _REACH)
    steps = way(view.me, level.free, level.doors, goals)
    if 1 < len(steps) <= _REACH:
        return game.step_to(steps[0])
    return ""
