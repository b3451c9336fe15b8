"""The terminal player, driven by scripts through standard input as anyone can."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import envs
from envs.play import action_keys, main

ROOT = Path(__file__).resolve().parents[2]


def played(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keys: str,
    *arguments: str,
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("env_id", ["rtfm-s1-train", "rtfm-s4-test", "messenger-s1-val"])
def test_following_the_hints_wins(
    env_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = ""
    names = {action: key for key, action in action_keys(envs.make(env_id).layout.actions).items()}
    for _ in range(20):  # ask, play what was said, and start over with one key more
        status, out, _ = played(monkeypatch, capsys, keys + "h", env_id, "--seed", "4", "--episodes", "1")
        assert status == 0
        if "***" in out:
            break
        said = out.rsplit("the expert would play: ", 1)[1].strip()
        keys += names[envs.make(env_id).layout.actions.index(said)]
    assert "*** YOU WIN: reward +1.00 after" in out and "won 1 of 1" in out


def test_a_lost_game_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = played(monkeypatch, capsys, "...", "rtfm-s1-train", "--option", "max_steps=2", "--episodes", "1")
    assert "*** TIME IS UP, YOU LOSE: reward -1.00 after 2 turns, return -1.02; won 0 of 1 ***" in out


@pytest.mark.parametrize("keys", ["", "q", "\n\n", "xyz\n", "w\nd\n?"])
def test_input_may_end_at_any_point_and_other_keys_do_nothing(
    keys: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = played(monkeypatch, capsys, keys, "rtfm-s1-train")
    assert status == 0 and "@ you" in out and err == ""
    assert out.count("turn ") == 1 + sum(key in "wd" for key in keys)


def test_equal_seeds_show_equal_games(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = [played(monkeypatch, capsys, "wasd", "rtfm-s2-train", "--seed", seed)[1] for seed in ("1", "1", "2")]
    assert shown[0] == shown[1] != shown[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rtfm-s9-train",), "unknown environment 'rtfm-s9-train'; did you mean 'rtfm-s"),
        (("rtfm-s1-train", "--option", "max_steps=many"), "max_steps is 'many', expected a whole number"),
        (("rtfm-s1-train", "--option", "fast"), "'fast' is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_played_is_one_line_on_standard_error(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = played(monkeypatch, capsys, "", *arguments)
    assert status == 2 and out == "" and message in err and err.count("\n") == 1


def test_a_wrong_argument_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--seed", "one"])
    assert caught.value.code == 2 and capsys.readouterr().err.count("\n") == 1


def test_list_names_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(envs.ids())


def test_other_action_names_are_played_by_number() -> None:
    assert action_keys(("forward", "turn left")) == {"0": 0, "1": 1}
    assert action_keys(("up", "stay")) == {"w": 0, ".": 1}


def test_on_a_terminal_single_strokes_and_arrows_are_keys() -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\x1b[C\x1b[B.q")  # right, down, stay, leave
    done = subprocess.run(
        [sys.executable, "-m", "envs.play", "rtfm-s1-train", "--seed", "3"],
        cwd=ROOT,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=True,
    )
    os.close(theirs), os.close(ours)
    assert done.stderr == "" and done.stdout.count("turn ") == 4
