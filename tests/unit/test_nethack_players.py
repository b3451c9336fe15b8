"""A scripted player that fails: its game ends there, everything else goes on, and somebody is told why."""

from __future__ import annotations

import pytest
import torch

import envs
from envs.base import EnvError

pytest.importorskip("nle")

from envs.nethack.env import NetHack
from envs.nethack.players import PlayerFailed
from tests.nethack_players import ALL, SEARCH, SOME, let_play

TIRED = PlayerFailed("the player is tired — 疲れた")


def played(processes: int, copies: int = 4) -> dict[int, tuple[int, bool, float, str]]:
    """Game -> its length, was it cut, its return, and why its player failed."""
    env = envs.make("nethack-challenge", copies, seed=1, processes=processes, games=8, max_steps=20)
    assert isinstance(env, NetHack)
    expert, observation, ended = env.expert(), env.reset(), dict.fromkeys(range(copies), 0)
    games = {}
    while not env.idle.all():
        observation, _, done, info = env.step(expert(observation))
        for copy in done.nonzero()[:, 0].tolist():
            numbers = int(info["episode_length"][copy]), bool(info["truncated"][copy])
            games[copy + ended[copy] * copies] = *numbers, float(info["episode_return"][copy]), info["failed"][copy]
            ended[copy] += 1
    env.close()
    return games


def test_its_game_ends_and_the_others_are_what_they_would_have_been(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        let_play(patch, TIRED, one_in=1 << 70, after=-1)
        whole = played(0)
    let_play(monkeypatch, TIRED, SOME)
    games = played(0)
    failed = {game for game, (*_, why) in games.items() if why}
    assert len(games) == 8 and 0 < len(failed) < 8
    assert all((*games[game][:2], games[game][3]) == (7, True, str(TIRED)) for game in failed)
    assert all(games[game] == whole[game] for game in games.keys() - failed)
    assert played(3) == games and played(2, copies=8) == games


def test_its_game_ends_at_once_whatever_is_played_and_then_the_next_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    let_play(monkeypatch, TIRED, ALL, after=0)
    env = envs.make("nethack-challenge", 2, seed=1, processes=0)
    expert, before = env.expert(), env.reset()
    expert(before)
    after, reward, done, info = env.step(torch.full((2,), SEARCH))
    assert done.all() and info["truncated"].all() and not info["won"].any() and reward.tolist() == [0, 0]
    assert info["episode_length"].tolist() == [0, 0] and info["failed"] == [str(TIRED)] * 2
    assert torch.equal(info["final_obs"]["tty_chars"], before["tty_chars"])
    assert not torch.equal(after["tty_chars"], before["tty_chars"])
    _, _, done, info = env.step(torch.full((2,), SEARCH))  # nobody was asked
    assert not done.any() and info["failed"] == ["", ""]


def test_an_error_that_nobody_expected_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    let_play(monkeypatch, IndexError("no such\nitem"), ALL)
    reasons = {why.rpartition(",")[0] for *_, why in played(2).values()}
    assert reasons == {"the player failed with IndexError: no such item (nethack_players.py"}


def test_a_long_reason_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    let_play(monkeypatch, PlayerFailed("x" + "é" * 500), ALL)
    assert {why for *_, why in played(0).values()} == {"x" + "é" * 119}


@pytest.mark.parametrize("processes", [0, 2])
def test_what_no_game_can_be_played_without_ends_all(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    let_play(monkeypatch, EnvError("the player needs glasses"), ALL)
    with pytest.raises(EnvError, match=r"the player needs glasses$"):
        played(processes)
