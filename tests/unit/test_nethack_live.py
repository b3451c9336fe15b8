"""The teacher learns from recordings what the policy sees while it plays: the same screens, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("nle")

from nle import nethack

import envs
from agents.recordings.corpus import Game
from agents.recordings.reader import Lane, Opened
from agents.recordings.verify import content
from envs.nethack.screen import draw

SCREEN = ("tty_chars", "tty_colors", "tty_cursor")
STEPS = 250


def test_a_recording_shows_what_the_player_saw(tmp_path: Path) -> None:
    env = envs.make("nethack-challenge", 1, seed=3, processes=0, record_to=str(tmp_path), games=1, max_steps=STEPS)
    bot, observation = env.expert(), env.reset()
    seen, pressed = [], []
    for _ in range(STEPS):
        seen.append({name: observation[name].clone() for name in SCREEN})
        action = bot(observation)
        pressed.append(int(nethack.ACTIONS[int(action[0])]))
        observation, *_ = env.step(action)
    env.close()

    ttyrec = next(tmp_path.rglob("*.ttyrec3.bz2"))
    frames = content(ttyrec, 3).frames
    games: list[Opened | None] = [(Game((ttyrec.name,), frames, 0, 0, 0, "", ""), [ttyrec]), None]
    recorded = Lane(3, iter(games).__next__).read(frames)
    begin = next(at for at in range(frames) if recorded.keys[at : at + STEPS].tolist() == pressed)
    assert begin < 12, "what NLE presses before it hands over"
    fields = dict(zip(SCREEN, (recorded.chars, recorded.colors, recorded.cursor), strict=True))
    for step, live in enumerate(seen):
        shown = {name: torch.from_numpy(fields[name][begin + step : begin + step + 1]) for name in SCREEN}
        for name in SCREEN:
            assert np.array_equal(shown[name], live[name]), (step, name)
        if step % 10 == 0:
            assert torch.equal(draw(shown), draw(live)), step
