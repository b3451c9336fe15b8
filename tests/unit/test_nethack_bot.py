"""The scripted player of NetHack: small maps drawn by hand, answers to the game's questions, and a short real game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("nle")

from nle import nethack

from envs.nethack.bot import KEYS, Bot
from envs.nethack.bot.game import Game
from envs.nethack.bot.glyphs import KIND, Kind
from envs.nethack.bot.keys import ESCAPE, INDEX, PRAY, RETURN
from envs.nethack.bot.level import Level
from envs.nethack.bot.paths import CELLS, COLUMNS, ROWS, STRIDE, bits, distances, mask, members, way
from envs.nethack.bot.screen import read
from tests.nethack_players import played

Screens = dict[str, NDArray[Any]]
COMMAND, QUESTION, TEXT, MORE = (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)


def map_symbol(name: str) -> int:
    """The glyph of a map symbol, by what NetHack calls it."""
    names = [nethack.symdef.from_idx(index).explanation for index in range(96)]
    return nethack.GLYPH_CMAP_OFF + names.index(name)


def monster(name: str) -> int:
    """The glyph of a monster that is no pet."""
    return [nethack.permonst(index).mname for index in range(nethack.NUMMONS)].index(name)


GLYPHS = {
    " ": nethack.GLYPH_CMAP_OFF,
    ".": map_symbol("floor of a room"),
    "#": map_symbol("corridor"),
    "|": map_symbol("wall"),
    "+": map_symbol("closed door"),
    "'": map_symbol("open door"),
    ">": map_symbol("staircase down"),
    "<": map_symbol("staircase up"),
    "^": map_symbol("dart trap"),
    "@": monster("monk"),
    "d": monster("jackal"),
    "e": monster("floating eye"),
    "G": monster("gnome"),
    "f": monster("kitten") + nethack.GLYPH_PET_OFF,
    "%": nethack.GLYPH_BODY_OFF + monster("newt"),
    "&": nethack.GLYPH_BODY_OFF + monster("kobold"),
    "$": nethack.GLYPH_OBJ_OFF + 410,
}


def screen(drawing: str, text: str = "", mode: tuple[int, int, int] = COMMAND, **stats: int) -> Screens:
    """What NLE shows: a map drawn by its symbols, rows from the second down, with the hero at '@'.

    stats: the bottom line, by its names in NLE without NLE_BL_. The hero carries a potion of healing and an apple.
    """
    glyphs = np.full((ROWS, COLUMNS), GLYPHS[" "], np.int16)
    for row, line in enumerate(drawing.strip("\n").splitlines(), 1):
        glyphs[row, : len(line)] = [GLYPHS[symbol] for symbol in line]
    blstats = np.zeros(27, np.int64)
    (y,), (x,) = np.nonzero(glyphs == GLYPHS["@"])
    usual = {"X": x, "Y": y, "HP": 20, "HPMAX": 20, "XP": 1, "TIME": 500, "DLEVEL": 1, "DEPTH": 1, "HUNGER": 1}
    for name, value in (usual | stats).items():
        blstats[getattr(nethack, f"NLE_BL_{name}")] = value
    shown = np.full((24, 80), ord(" "), np.uint8)
    shown[0, : len(text)] = list(text.encode())
    letters, classes, names = np.zeros(55, np.uint8), np.zeros(55, np.uint8), np.zeros((55, 80), np.uint8)
    for at, (letter, of, name) in enumerate((("e", nethack.POTION_CLASS, b"2 uncursed potions of healing"),
                                             ("g", nethack.FOOD_CLASS, b"an uncursed apple"))):  # fmt: skip
        letters[at], classes[at], names[at, : len(name)] = ord(letter), of, list(name)
    return {
        "glyphs": glyphs,
        "blstats": blstats,
        "misc": np.array(mode, np.int32),
        "tty_chars": shown,
        "inv_letters": letters,
        "inv_oclasses": classes,
        "inv_strs": names,
    }


def pressed(bot: Bot, *screens: Mapping[str, NDArray[Any]]) -> str:
    """The keys that the bot presses on these screens, one after another."""
    keys = {index: key for key, index in INDEX.items()}
    return "".join(keys[bot.act(shown)] for shown in screens)


def keys_on(drawing: str, count: int = 1, **given: Any) -> str:
    """The first keys of a new bot that sees the same screen again and again."""
    return pressed(Bot(0), *[screen(drawing, **given)] * count)


def cell(row: int, column: int) -> int:
    return row * STRIDE + column


def drawn(lines: str, symbols: str) -> int:
    """The set of the cells where one of the symbols is drawn, the first line being row 0."""
    rows = lines.strip("\n").splitlines()
    return sum(1 << cell(y, x) for y, line in enumerate(rows) for x, symbol in enumerate(line) if symbol in symbols)


def test_sets_of_cells_are_masks_and_back() -> None:
    cells = np.random.default_rng(0).random(CELLS) < 0.3
    assert (mask(bits(cells)) == cells).all()
    assert list(members(bits(cells))) == np.flatnonzero(cells).tolist()


def test_the_shortest_way_goes_around_walls_and_straight_through_doors() -> None:
    room = """
.....|...
.@...'.x.
.....|...
"""
    free, doors = drawn(room, ".@x'"), drawn(room, "'")
    found = way(cell(1, 1), free, doors, drawn(room, "x"))
    assert found[-1] == cell(1, 7)
    assert len(found) == 6
    assert found[3:5] == [cell(1, 5), cell(1, 6)]  # the door is entered and left along the row
    assert way(cell(0, 4), free, doors, drawn(room, "x"))[:2] == [cell(1, 4), cell(1, 5)]


def test_no_way_leads_through_the_edge_of_the_map() -> None:
    line = 1 << cell(3, COLUMNS - 1) | 1 << cell(4, 0)
    assert way(cell(3, COLUMNS - 1), line, 0, 1 << cell(4, 0)) == []
    assert distances(cell(3, COLUMNS - 1), line, 0)[cell(4, 0)] == -1


def test_distances_are_those_of_a_breadth_first_search_cell_by_cell() -> None:
    rng = np.random.default_rng(3)
    free, doors = rng.random((ROWS, STRIDE)) < 0.6, rng.random((ROWS, STRIDE)) < 0.1
    free[:, COLUMNS] = False
    start = (10, 40)
    expected = {start: 0}
    waiting = [start]
    for y, x in waiting:
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                to = (y + dy, x + dx)
                if not (0 <= to[0] < ROWS and 0 <= to[1] < COLUMNS) or not free[to] or to in expected:
                    continue
                if dy and dx and (doors[y, x] or doors[to]):
                    continue
                expected[to] = expected[y, x] + 1
                waiting.append(to)
    steps = distances(cell(*start), bits(free.ravel()), bits(doors.ravel()))
    assert {divmod(int(at), STRIDE): int(steps[at]) for at in np.flatnonzero(steps >= 0)} == expected
    assert len(expected) > 300


def test_glyphs_have_the_kinds_that_they_show() -> None:
    kinds = {symbol: Kind(KIND[glyph]) for symbol, glyph in GLYPHS.items()}
    assert kinds["."] == kinds["#"] == Kind.FLOOR
    assert (kinds["|"], kinds["+"], kinds["'"]) == (Kind.WALL, Kind.CLOSED_DOOR, Kind.OPEN_DOOR)
    assert (kinds[">"], kinds["<"], kinds["^"]) == (Kind.STAIRS_DOWN, Kind.STAIRS_UP, Kind.TRAP)
    assert kinds["d"] == kinds["f"] == kinds["@"] == Kind.MONSTER
    assert (kinds["$"], kinds[" "]) == (Kind.THING, Kind.UNKNOWN)


def test_the_screen_is_read_from_the_declared_entries_alone() -> None:
    shown = screen("|.@.d.|", text="Hello", HP=7)
    view = read({key: shown[key] for key in KEYS})
    assert (view.me, view.hp, view.text) == (cell(1, 2), 7, "Hello")
    assert [(one.name, one.cell, one.pet) for one in view.monsters] == [("jackal", cell(1, 4), False)]
    assert view.items["e"] == (nethack.POTION_CLASS, "2 uncursed potions of healing")


ROOM = """
|||||||
|..{}..|
|..@..|
|.....|
|||||||
"""


def test_an_enemy_beside_the_hero_is_hit_but_pets_and_floating_eyes_are_not() -> None:
    assert keys_on(ROOM.format("d")) == "k"
    assert keys_on(ROOM.format("f")) != "k"
    assert keys_on(ROOM.format("e")) != "k"


def test_a_peaceful_monster_is_asked_about_once_and_then_left_alone() -> None:
    gnome, question = screen(ROOM.format("G")), screen(ROOM.format("G"), "Really attack the gnome?", QUESTION)
    bot = Bot(0)
    assert pressed(bot, gnome, question) == "k" + ESCAPE
    assert pressed(bot, gnome) != "k"


def test_no_enemy_is_hit_diagonally_through_a_door() -> None:
    corner = """
||||||
|..d.|
||@|||
|....|
"""
    assert keys_on(corner) == "u"
    bot = Bot(0)
    pressed(bot, screen(corner.replace("@", "'").replace("d", "@")))  # sees the door from the room
    assert pressed(bot, screen(corner)) != "u"


def test_a_dying_hero_prays_once_and_then_drinks() -> None:
    bot, fight = Bot(0), screen(ROOM.format("d"), HP=3)
    sure = screen(ROOM.format("d"), "Are you sure you want to pray? [yn] (n)", QUESTION, HP=3)
    assert pressed(bot, fight, sure) == PRAY + "y"
    assert pressed(bot, fight, screen(ROOM.format("d"), "What do you want to drink?", QUESTION, HP=3)) == "qe"


def test_the_hungry_eat_and_the_hurt_rest_when_nobody_is_near() -> None:
    asks = screen(ROOM.format("."), "What do you want to eat? [g or ?*]", QUESTION, HUNGER=2)
    assert pressed(Bot(0), screen(ROOM.format("."), HUNGER=2), asks) == "eg"
    assert keys_on(ROOM.format("."), 3, HP=9) == "20s"


HALL = """
|||||||
|..@{}.|
|||||||
"""


def after_a_kill(corpse: str) -> str:
    """The keys of a bot that kills the jackal beside it, sees its corpse, and stands on that, if it goes there."""
    bot, moved = Bot(0), HALL.replace("@{}", ".@")
    asks = screen(moved, "There is a corpse here; eat it? [ynq] (n)", QUESTION)
    keys = pressed(bot, screen(HALL.format("d")), screen(HALL.format(corpse), "You kill the jackal!"), screen(moved))
    return keys + pressed(bot, asks)


def test_what_was_killed_just_now_is_eaten_where_it_is_wholesome() -> None:
    assert after_a_kill("%") == "lley"
    assert "e" not in after_a_kill("&")


def test_who_blocked_a_passage_is_remembered_for_a_while() -> None:
    level, at, gone = Level(turn=1), cell(1, 4), "#@#####"
    level.see(read(screen("##@#e##", TIME=10)))
    assert not level.free >> at & 1
    level.see(read(screen(gone, TIME=12)))
    assert not level.free >> at & 1
    level.see(read(screen(gone, TIME=100)))
    assert level.free >> at & 1


def test_one_better_left_alone_is_fought_where_no_other_way_was_found() -> None:
    game = Game(np.random.default_rng(0))
    game.look(read(screen(HALL.format("e"))))
    assert not game.threats
    game.level.searches = 100
    assert [one.name for one in game.threats] == ["floating eye"]


def test_messages_are_read_on_and_menus_and_questions_closed() -> None:
    assert keys_on(ROOM.format("."), text="You see here a rock.--More--", mode=MORE) == RETURN
    assert keys_on(ROOM.format("."), text="What do you want to name it?", mode=TEXT) == ESCAPE
    assert keys_on(ROOM.format("."), text="Do you want your possessions identified?", mode=QUESTION) == ESCAPE
    assert ESCAPE in keys_on(ROOM.format("."), 60, text="(end)", mode=MORE)  # a window that Return does not close


def test_a_strong_hero_takes_the_stairs_down_and_a_weak_one_explores_first() -> None:
    stairs = """
|||||||
|.@>..#
|||||||
"""
    assert keys_on(stairs, XP=9) == "l"
    bot = Bot(0)
    pressed(bot, screen(stairs, XP=9))
    assert pressed(bot, screen(stairs.replace("@>", ".@"), XP=9)) == ">"
    bot = Bot(0)
    pressed(bot, screen(stairs))
    assert pressed(bot, screen(stairs.replace("@>", ".@"))) == "l"  # to the corridor, whose end is not known


def test_gold_is_fetched_but_goods_of_a_shop_are_not() -> None:
    room = """
|||||||
'.@.$.|
|||||||
"""
    assert keys_on(room) == "l"
    assert keys_on(room, text='"Hello, Agent!  Welcome to Izchak\'s lighting store!"') != "l"
    assert keys_on(room, text="You kill it!  Welcome to experience level 2.") == "l"


def test_a_door_is_opened_and_a_locked_one_kicked() -> None:
    door = """
|||||
|..@+
|||||
"""
    bot = Bot(0)
    shown, ask = screen(door), screen(door, "In what direction?", QUESTION)
    assert pressed(bot, shown, ask) == "ol"
    assert pressed(bot, screen(door, "This door is locked."), ask) == "\x04l"


def test_steps_that_fail_are_given_up_and_time_never_stands_still_for_long() -> None:
    corridor = """
|||||||
|.@####
|||||||
"""
    assert keys_on(corridor, 3) == "lll"
    keys = keys_on(corridor, 200)
    assert keys[:3] == "lll"
    assert "s" in keys[3:60], "searching lets time pass, before the environment's limit of 150 steps"


def test_a_game_is_a_function_of_its_seed_and_goes_well() -> None:
    (keys, last), (again, _) = (played(Bot(28), KEYS, 28, 2000) for _ in range(2))
    assert keys == again
    assert last[nethack.NLE_BL_SCORE] > 300
    assert last[nethack.NLE_BL_DEPTH] >= 3
    assert last[nethack.NLE_BL_TIME] > 800
