"""Staying alive: prayer, potions, food and rest. Every tactic returns the keys to press, or none."""

from __future__ import annotations

from nle import nethack

from envs.nethack.bot.game import Game
from envs.nethack.bot.keys import PRAY
from envs.nethack.bot.paths import near, way

_FIRST_PRAYER, _PRAYERS_APART = 300, 1000  # turns: prayer timeouts start near 300 and are seldom above 1000
_POTION_BELOW, _REST_BELOW, _RESTED = 1 / 3, 0.6, 0.9
_FRESH, _DETOUR = 30, 5  # turns, steps
_SEARCH_20 = "20s"


def pray(game: Game) -> str:
    """In the troubles that gods fix: very low health (below 1/7 or 6 points) or weakness from hunger."""
    view = game.view
    dying = view.hp <= 5 or view.hp * 7 <= view.max_hp
    waited = view.turn > _FIRST_PRAYER if game.prayed is None else view.turn - game.prayed > _PRAYERS_APART
    if (dying or view.weak) and waited:
        game.prayed = view.turn
        return PRAY
    return ""


def quaff(game: Game) -> str:
    """A potion of healing in a fight that goes badly."""
    view = game.view
    potions = view.letters(nethack.POTION_CLASS, "healing")
    if potions and view.health < _POTION_BELOW and game.threats:
        return "q" + potions[0]
    return ""


def eat(game: Game) -> str:
    """Carried food, when hungry and nobody is close."""
    view = game.view
    food = view.letters(nethack.FOOD_CLASS)
    if view.hungry and food and not any(near(one.cell, view.me) <= 2 for one in game.threats):
        return "e" + food[0]
    return ""


def eat_corpse(game: Game) -> str:
    """Whoever was killed just now and is wholesome: carried food does not last long."""
    view, level = game.view, game.level
    fresh = sum(1 << cell for cell, turn in level.corpses.items() if view.turn - turn < _FRESH)
    if not fresh or view.satiated or game.threats:
        return ""
    if fresh >> view.me & 1:
        del level.corpses[view.me]
        game.eats_from_floor = True
        return "e"
    steps = way(view.me, level.free, level.doors, fresh)
    return game.step_to(steps[0]) if 0 < len(steps) <= _DETOUR else ""


def rest(game: Game) -> str:
    """Searches in place, when nobody is in view, until most of the health is back."""
    view = game.view
    game.resting = view.health < (_RESTED if game.resting else _REST_BELOW)
    if (game.resting or view.dazed) and not game.threats and not view.weak:
        return _SEARCH_20
    return ""
