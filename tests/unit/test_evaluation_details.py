"""What an evaluation tells of games besides what all have: of NetHack's, score, deepest level and turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import envs
from agents import evaluate
from agents.networks import build
from agents.teacher import publish
from benchmark.tracking.curve_points import points_of
from tests.contract.test_learning import GAMES, NETWORK
from tests.nethack_examples import TINY
from tests.plain_job import PlainJob

torch.set_num_threads(1)
needs_nle = pytest.mark.skipif("nethack-score" not in envs.ids(), reason="needs the extra `nle`")
EVERYWHERE = ["won", "episode_return", "episode_length", "truncated"]
ENDS = {"score": "points", "depth": "maxlvl", "turns": "turns"}
"""Our names of what NetHack writes of an ended game."""


def evaluated(folder: Path, games: str, network: dict[str, Any], **options: Any) -> tuple[PlainJob, dict[str, Any]]:
    """The job and the result of an evaluation of a network that has learnt nothing."""
    params = {
        "env": {"id": games, "name": games, "options": options},
        "episodes": 3, "random_actions": 0.0, "sampled": True, "seed": 3,
    }  # fmt: skip
    job = PlainJob(params, folder, {"policy": folder})
    net = build(envs.make(games, 1, **options).layout, network, seed=0)
    publish(job, "policy.pt", net, network=network, frames=40)
    return job, evaluate.evaluate(job)


@needs_nle
def test_the_bot_s_games_are_told_as_nethack_itself_writes_them_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by chance: of these three, the first finds the stairs down."""
    options: dict[str, Any] = {"max_steps": 150, "no_progress_timeout": 151, "record_to": str(tmp_path), "processes": 0}
    env = envs.make("nethack-challenge", 3, seed=5, **options)
    bot = env.expert()
    monkeypatch.setattr(evaluate, "player", lambda *_: bot)
    episodes = evaluate.play(torch.nn.Module(), env)  # type: ignore[arg-type]
    env.close()
    written = []
    for copy in range(3):
        first = next((tmp_path / str(copy)).glob("*.xlogfile")).read_text().splitlines()[0]
        written.append(dict(word.split("=", 1) for word in first.split("\t")))
    assert episodes["truncated"].all(), "the score of a hero who dies is reckoned once more"
    for ours, theirs in ENDS.items():
        assert episodes[ours].tolist() == [int(game[theirs]) for game in written], ours
    assert episodes["depth"].tolist() == [2, 1, 1]


@needs_nle
def test_an_evaluation_of_nethack_tells_score_depth_and_turns(tmp_path: Path) -> None:
    job, result = evaluated(tmp_path, "nethack-score", TINY, max_steps=25, processes=0)
    episodes = np.load(tmp_path / "episodes.npz")
    assert result["details"] == "score, depth, turns" and sorted(episodes) == sorted([*EVERYWHERE, *ENDS])
    for name in ENDS:
        assert episodes[name].shape == (3,) and result[name] == pytest.approx(episodes[name].mean())
    assert result["depth"] >= 1 and 1 < result["turns"] <= 2 * 25
    numbers = {name: value for name, value in result.items() if not isinstance(value, str)}
    assert set(map(type, numbers.values())) == {int, float}, "nothing else can be a stage's result"
    assert job.rows == [{"frames": 40} | {name: value for name, value in numbers.items() if name != "episodes"}]
    assert {name for name, *_ in points_of(result, 0, 40)} == set(numbers), "all numbers go to MLflow"


def test_other_games_have_no_details_and_are_told_as_ever(tmp_path: Path) -> None:
    _, result = evaluated(tmp_path, "rtfm-s1-test", NETWORK, **GAMES["rtfm-s1"], max_steps=5)
    assert list(result) == ["win_rate", "episode_return", "episode_length", "episodes", "policy_mode"]
    assert np.load(tmp_path / "episodes.npz").files == EVERYWHERE
