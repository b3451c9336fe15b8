"""NetHack is NLE's own, with our seeds, limits and endings; how it is played changes no game."""

from __future__ import annotations

import _ctypes
import ctypes
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import envs
from envs.base import EnvError, Observation
from envs.play import main as play

nle_dataset = pytest.importorskip("nle.dataset", reason="needs the extra `nle`")
from nle import nethack  # noqa: E402

from envs.nethack.env import NetHack  # noqa: E402
from envs.nethack.game import TASKS, Game, Setup  # noqa: E402
from envs.nethack.layout import action_names  # noqa: E402
from envs.nethack.playing import process_count  # noqa: E402

torch.set_num_threads(1)
ESCAPE = action_names("nethack-challenge").index("Command.ESC")
SCREEN = ("tty_chars", "tty_colors", "tty_cursor")


def make(env_id: str, num_envs: int = 2, seed: int = 0, processes: int = 0, **options: Any) -> NetHack:
    env = envs.make(env_id, num_envs, seed=seed, processes=processes, **options)
    assert isinstance(env, NetHack)
    return env


def randomly(env: NetHack, turns: int, seed: int = 0) -> Iterator[Tensor]:
    """int64 [num_envs] each; a copy's actions do not depend on the number of copies. Nobody quits."""
    quits = {"Command.QUIT"}
    allowed = torch.tensor([number for number, name in enumerate(env.layout.actions) if name not in quits])
    generators = [torch.Generator().manual_seed(1000 * seed + copy) for copy in range(env.num_envs)]
    for _ in range(turns):
        yield allowed[torch.cat([torch.randint(len(allowed), (1,), generator=each) for each in generators])]


def pressed(env: NetHack, key: int) -> Tensor:
    return torch.full((env.num_envs,), key)


def text(obs: Observation, copy: int) -> list[str]:
    return [bytes(line.tolist()).decode("latin-1") for line in obs["tty_chars"][copy]]


@pytest.mark.parametrize("env_id", TASKS)
def test_a_game_is_the_one_that_nle_plays_with_its_seeds(env_id: str) -> None:
    env = make(env_id, num_envs=1, seed=5)
    core, disp, lgen, _ = env.state_dict()["seeds"][0].tolist()
    theirs = TASKS[env_id](
        character="mon-hum-neu-mal", observation_keys=SCREEN, penalty_step=-0.001, fix_moon_phase=True
    )
    type(theirs.nethack).set_initial_seeds(theirs.nethack, core, disp, False, lgen)
    obs, expected = env.reset(), theirs.reset()[0]
    for action in randomly(env, 140):
        for name in SCREEN:
            assert np.array_equal(obs[name][0].numpy(), expected[name].astype(np.uint8)), name
        expected, reward, over, *_ = theirs.step(int(action[0]))
        obs, got, done, _ = env.step(action)
        assert float(got[0]) == np.float32(reward) and bool(done[0]) == over
        if over:
            break
    theirs.close()


def test_the_whole_keyboard_is_that_of_the_challenge_and_the_tasks_have_some_of_its_keys() -> None:
    challenge, score = (make(env_id).layout.actions for env_id in ("nethack-challenge", "nethack-score"))
    assert (len(challenge), len(score)) == (121, 23) and set(score) < set(challenge)
    for number, name in enumerate(challenge):
        kind, _, key = name.partition(".")
        assert getattr(getattr(nethack, kind), key) == nethack.ACTIONS[number]


def test_the_moon_is_the_game_s_and_not_that_of_the_day_it_is_played() -> None:
    """Else a seed would be another game on two days of a month, and on a Friday the 13th."""
    game = Game(Setup("nethack-score", "mon-hum-neu-mal", 10, -0.001, 150))
    greetings = [bytes(game.start(seed, seed, seed)["tty_chars"][0]).decode() for seed in (0, 1)]
    game.close()
    assert "New moon tonight" in greetings[0] and "moon" not in greetings[1]


def test_shopkeepers_are_named_by_the_seed_and_not_by_the_second_in_which_a_game_begins() -> None:
    """Else a seed would be another game some minutes later, as soon as the hero meets one."""
    game = Game(Setup("nethack-score", "mon-hum-neu-mal", 10, -0.001, 150))
    birthdays = []
    for seed in (11, 2**40 + 12, 11):
        game.start(seed, seed, seed)
        library = ctypes.CDLL(game._nle.nethack.dlpath)
        birthdays.append(ctypes.c_long.in_dll(library, "ubirthday").value)
        _ctypes.dlclose(library._handle)
    game.close()
    assert birthdays == [11, 12, 11]


def test_every_cpu_has_its_process_where_there_is_work_for_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 5})
    asked = [(None, 8), (None, 2), (None, 1), (6, 8), (6, 4), (0, 8)]
    assert [process_count(*each) for each in asked] == [3, 2, 0, 6, 4, 0]
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {5})
    assert process_count(None, 8) == 0
    monkeypatch.setattr("multiprocessing.current_process", lambda: SimpleNamespace(daemon=True))  # may start none
    assert process_count(6, 8) == 0


@pytest.mark.parametrize("env_id", ["nethack-challenge", "nethack-score"])
def test_how_many_processes_play_changes_nothing(env_id: str) -> None:
    played = []
    for processes in (0, 2, 5, 9):
        env, rows = make(env_id, 5, 3, processes, max_steps=50), []
        rows.append(env.reset()["tty_chars"])
        for action in randomly(env, 80):
            obs, reward, done, info = env.step(action)
            rows += [obs[name] for name in SCREEN] + [reward, done, info["final_obs"]["tty_chars"]]
            rows += [info[name] * done for name in ("won", "truncated", "episode_return", "score", "depth", "turns")]
        played.append(rows)
        env.close()
    assert any(bool(row.any()) for row in played[0][5::12])
    for rows in played[1:]:
        assert all(map(torch.equal, played[0], rows))


def test_time_that_stands_still_costs_and_ends_the_game() -> None:
    for env_id in ("nethack-challenge", "nethack-oracle"):
        env = make(env_id, no_progress_timeout=7, step_penalty=-0.25)
        still = env.layout.actions.index("Command.ESC" if env_id == "nethack-challenge" else "MiscAction.MORE")
        before = env.reset()
        for turn in range(1, 8):
            obs, reward, done, info = env.step(pressed(env, still))
            assert reward.tolist() == [-0.25, -0.25] and done.tolist() == [turn == 7] * 2
        assert info["truncated"].all() and not info["won"].any()
        assert info["episode_length"].tolist() == [7, 7] and info["episode_return"].tolist() == [-1.75, -1.75]
        final = info["final_obs"]["tty_chars"][:, 1:]
        assert torch.equal(final, before["tty_chars"][:, 1:])  # no more greeting, and no question about quitting
        assert not torch.equal(obs["tty_chars"], before["tty_chars"])  # but the next dungeon


def test_the_step_limit_ends_the_game_and_resting_is_progress() -> None:
    env = make("nethack-score", max_steps=12, no_progress_timeout=3)
    env.reset()
    search = env.layout.actions.index("Command.SEARCH")
    done = torch.zeros(2, dtype=torch.bool)
    for _ in range(12):
        assert not done.any()
        _, _, done, info = env.step(pressed(env, search))
    assert done.all() and info["truncated"].all() and info["episode_length"].tolist() == [12, 12]


def test_the_score_and_the_depth_are_those_on_the_screen() -> None:
    env = make("nethack-challenge", 4, seed=1, max_steps=150)
    expert, obs, ended = env.expert(), env.reset(), 0
    for _ in range(150):
        obs, _, done, info = env.step(expert(obs))
        for copy in done.nonzero()[:, 0].tolist():
            if info["truncated"][copy]:
                ended += 1
                *_, hero, place = text(info["final_obs"], copy)
                assert float(info["score"][copy]) == int(re.findall(r"S:(\d+)", hero)[0])
                assert int(info["depth"][copy]) >= int(re.findall(r"Dlvl:(\d+)", place)[0])
                assert abs(float(info["episode_return"][copy] - info["score"][copy])) <= 0.001 * 150 + 1e-4
    assert ended >= 3


def test_who_finds_the_stairs_has_won() -> None:
    """Found by chance: of these eight, playing at random, the seventh walks onto the stairs."""
    env = make("nethack-staircase", 8, seed=0, processes=2)
    env.reset()
    generator = torch.Generator().manual_seed(0)
    for _ in range(80):
        _, reward, done, info = env.step(torch.randint(23, (8,), generator=generator))
        if done.any():
            break
    assert done.nonzero().tolist() == [[6]] and info["won"][6] and not info["truncated"][6] and float(reward[6]) == 1
    assert "Dlvl:1" in "".join(text(info["final_obs"], 6))  # the screen when he stood there


def first_screens(env: NetHack) -> list[bytes]:
    """Of all games until every copy is idle, in the order of the games; all end after three steps."""
    firsts: dict[int, bytes] = {}
    obs, played = env.reset(), [0] * env.num_envs
    while True:
        idle = env.idle
        for copy in range(env.num_envs):
            if not idle[copy]:
                firsts.setdefault(copy + played[copy] * env.num_envs, obs["tty_chars"][copy].numpy().tobytes())
        if idle.all():
            return [firsts[game] for game in sorted(firsts)]
        obs, _, done, _ = env.step(pressed(env, ESCAPE))
        for copy in done.nonzero()[:, 0].tolist():
            played[copy] += 1


def test_a_number_of_games_is_the_same_games_for_any_number_of_copies() -> None:
    five = [first_screens(make("nethack-challenge", copies, 2, games=5, max_steps=3)) for copies in (1, 2, 3, 5, 8)]
    assert len(five[0]) == len(set(five[0])) == 5 and all(other == five[0] for other in five[1:])


def test_a_copy_that_has_played_all_its_games_idles() -> None:
    env = make("nethack-challenge", 3, games=4, max_steps=2)
    env.reset()
    assert "copy 2, episode 1, step 0 of 2, return +0.000\n" in env.describe(2)
    seen = []
    for _ in range(6):
        obs, reward, done, _ = env.step(pressed(env, ESCAPE))
        seen.append((done.tolist(), env.idle.tolist()))
    assert env.describe(2).startswith("nethack-challenge, copy 2, all its games are played\n")
    ends, rest = [True, True, True], [False, True, True]
    none, every = [False] * 3, [True] * 3
    assert seen == [
        (none, none),
        (ends, rest),
        (none, rest),
        ([True, False, False], every),
        (none, every),
        (none, every),
    ]
    assert reward.tolist() == [0.0] * 3 and torch.equal(obs["tty_chars"], env.step(pressed(env, 0))[0]["tty_chars"])


def test_every_game_is_recorded_to_its_end_with_a_row_in_nle_s_list(tmp_path: Path) -> None:
    env = make("nethack-challenge", 3, 1, 2, record_to=str(tmp_path / "games"), games=5, max_steps=40)
    env.reset()
    keys: list[list[int]] = [[], [], []]
    for action in randomly(env, 80):
        for copy in (~env.idle).nonzero()[:, 0].tolist():
            keys[copy].append(int(nethack.ACTIONS[int(action[copy])]))
        env.step(action)
    assert env.idle.all()
    database = str(tmp_path / "games.db")
    nle_dataset.db.create(filename=database)
    nle_dataset.add_nledata_directory(str(tmp_path / "games"), "games", filename=database)
    dataset = nle_dataset.TtyrecDataset("games", 1, 16, dbfilename=database, shuffle=False, loop_forever=False)
    recorded: dict[int, list[int]] = {}
    for batch in dataset:
        for game, key in zip(batch["gameids"].flatten().tolist(), batch["keypresses"].flatten().tolist(), strict=True):
            recorded.setdefault(game, []).append(key)
    recorded.pop(0, None)
    assert len(recorded) == 5
    played = ["".join(map(chr, each[start : start + 40])) for each in keys for start in range(0, len(each), 40)]
    assert len(played) == 5
    for game in played:
        assert any(game in "".join(map(chr, pressed)) for pressed in recorded.values())


def test_games_that_are_broken_off_are_recorded_too(tmp_path: Path) -> None:
    env = make("nethack-score", 2, record_to=str(tmp_path), processes=2)
    env.reset()
    env.step(pressed(env, 0))
    env.reset()
    env.step(pressed(env, 0))
    env.close()
    for copy in ("0", "1"):
        assert len(list((tmp_path / copy).glob("*.ttyrec3.bz2"))) == 2
        assert len(next((tmp_path / copy).glob("*.xlogfile")).read_text().splitlines()) == 2
    with pytest.raises(EnvError, match="is not empty; name a new folder"):
        make("nethack-score", record_to=str(tmp_path)).reset()


def test_the_bot_advises_the_same_however_it_is_asked() -> None:
    advised = []
    for processes, questions in ((0, 1), (2, 3)):
        env = make("nethack-challenge", 3, seed=4, processes=processes)
        expert, obs, actions = env.expert(), env.reset(), []
        for _ in range(60):
            for _ in range(questions):
                action = expert(obs)
            assert action.dtype == torch.int64 and action.shape == (3,) and bool((action < 121).all())
            actions.append(action)
            obs = env.step(action)[0]
        advised.append(torch.stack(actions))
    assert torch.equal(*advised) and not torch.equal(advised[0][:, 0], advised[0][:, 1])


def test_to_ask_the_bot_does_not_disturb_the_game() -> None:
    watched, alone = make("nethack-challenge", seed=5), make("nethack-challenge", seed=5)
    expert, obs = watched.expert(), watched.reset()
    alone.reset()
    for action in randomly(watched, 30):
        expert(obs)
        obs, other = watched.step(action)[0], alone.step(action)[0]
        assert all(torch.equal(obs[name], other[name]) for name in obs)


def test_a_loaded_state_goes_on_with_the_next_games() -> None:
    env = make("nethack-score", 3, seed=6, max_steps=5)
    env.reset()
    for action in randomly(env, 8):
        env.step(action)
    state, expected = env.state_dict(), env.reset()
    resumed = make("nethack-score", 3, seed=7, processes=3, max_steps=5)
    assert all(map(torch.equal, resumed.load_state_dict(state).values(), expected.values()))
    assert all(map(torch.equal, resumed.reset().values(), env.reset().values()))
    with pytest.raises(EnvError, match="the saved state has max_steps 5, this environment 6"):
        make("nethack-score", 3, max_steps=6).load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"character": "mon-hum-neu"}, "character is 'mon-hum-neu', expected role-race-alignment-gender such as"),
        ({"character": "mon-orc-neu-orc"}, "expected role-race-alignment-gender"),
        ({"games": 0}, "games is 0, expected None or a whole number of at least 1"),
        ({"processes": -1}, "processes is -1, expected None or a whole number of at least 0"),
        ({"player": "bott"}, "did you mean 'bot'?"),
        ({"player": "autoascend"}, "player='autoascend' plays nethack-challenge only"),
        ({"step_penalty": 0.5}, "step_penalty is 0.5, expected a number from -1 to 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(EnvError, match=re.escape(words)):
        envs.make("nethack-score", **options)


def test_the_hero_is_who_was_asked_for() -> None:
    for character, called in (("val-dwa-law-fem", "Valkyrie"), ("tou-hum-neu-fem", "Rambler"), ("@", "Agent")):
        assert called in "".join(text(make("nethack-score", 1, character=character).reset(), 0)) or character[0] == "v"


def test_only_the_challenge_has_an_expert_and_he_is_asked_before_the_first_game() -> None:
    with pytest.raises(EnvError, match="make nethack-challenge for demonstrations"):
        make("nethack-gold").expert()
    env = make("nethack-challenge")
    env.reset()
    with pytest.raises(EnvError, match=r"ask for expert\(\) before the first reset\(\)"):
        env.expert()


def test_without_nle_the_family_is_not_listed_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    for module in ("envs.registry", "envs.nethack"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == "nle" else find(name))
    assert not any(env_id.startswith("nethack") for env_id in envs.ids())
    with pytest.raises(
        EnvError, match=r"needs the package `nle`, which is not installed: pip install -r \S+/nle\.lock"
    ):
        envs.make("nethack-score")


def test_a_keyboard_is_too_much_for_our_player_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert play(["nethack-score"]) == 2
    assert "has 23 actions, too many for single keys; NLE has a player of its own" in capsys.readouterr().err
