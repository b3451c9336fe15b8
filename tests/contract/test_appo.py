"""What a policy's stage promises, with APPO as its target and no processes: then it is a function of its seed."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

pytest.importorskip("sample_factory")

import envs
from agents import evaluate
from agents.appo import train
from agents.teacher import Teacher
from envs.base import EnvError
from tests.appo_runs import GAMES, RTFM, layout_of, params, teacher
from tests.plain_job import Killed, PlainJob


class Mortal(PlainJob):
    """Dies after the ``die_at``-th checkpoint of something learnt, not counting those that were offered in vain."""

    def checkpoint(self, state):
        self.saved = (copy.deepcopy(state()), len(self.rows))
        self.offered += self.saved[0]["learner"]["frames"] > 0
        if self.offered == self.die_at:
            raise Killed


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    teacher(folder, layout_of("rtfm-s1"), RTFM)
    return folder


@pytest.fixture(scope="module")
def tabula_rasa(tmp_path_factory):
    job = PlainJob(params(), tmp_path_factory.mktemp("tabula-rasa"))
    return job, train.train(job)


def weights(folder):
    return torch.load(folder / "policy.pt", weights_only=True)["weights"]


def test_the_stage_ends_with_a_policy_a_curve_and_what_became_of_it(tabula_rasa):
    job, result = tabula_rasa
    assert result["frames"] == 400 and result["updates"] == 10
    tested = [row["frames"] for row in job.rows if "test/win_rate" in row]
    assert tested == [0, 160, 320, 400], "the curve's test games are met at its own pace"
    trained = [row for row in job.rows if "loss/policy" in row]
    assert [row["frames"] for row in trained] == [80, 160, 240, 320, 400]
    assert {"loss/baseline", "loss/entropy"} <= set(trained[0]) and "loss/distill" not in trained[0]
    played = [row for row in trained if "train/episode_return" in row]
    assert played and {"train/win_rate", "train/episode_length", "train/episodes"} <= set(played[0])
    assert [path.name for path in job.folder.iterdir()] == ["policy.pt"], "Sample Factory's files are gone"


def test_the_policy_is_played_as_any_other(tabula_rasa, tmp_path):
    job, _ = tabula_rasa
    given = params() | {"episodes": 6, "random_actions": 0.0, "network": RTFM}
    given["env"] = given["env"] | {"name": "rtfm-s1-test"}
    result = evaluate.evaluate(PlainJob(given, tmp_path, {"policy": job.folder}))
    assert result["episodes"] == 6 and np.load(tmp_path / "episodes.npz")["episode_return"].shape == (6,)


def test_a_run_without_processes_is_a_function_of_its_seed(tabula_rasa, tmp_path):
    job, result = tabula_rasa
    again = PlainJob(params(), tmp_path)
    assert train.train(again) == result and again.rows == job.rows and again.repeatable
    other = PlainJob(params(seed=4), tmp_path)
    assert train.train(other)["weights_sha"] != result["weights_sha"]


def test_global_random_state_and_sharing_are_as_they_were(tmp_path):
    torch.manual_seed(11)
    before, strategy = torch.get_rng_state(), torch.multiprocessing.get_sharing_strategy()
    train.train(PlainJob(params(changes={"frames": 40}), tmp_path))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.multiprocessing.get_sharing_strategy() == strategy


def test_a_teacher_without_coefficients_changes_nothing(tabula_rasa, taught, tmp_path):
    result = train.train(PlainJob(params(), tmp_path, {"pretrain": taught}))
    assert result["weights_sha"] == tabula_rasa[1]["weights_sha"] and "teacher_sha" in result


def test_the_policy_starts_from_the_teacher_and_is_distilled_towards_it(taught, tmp_path):
    given = params(changes={"frames": 40, "lr": 0.0, "log_every": 40}, initialise=True, distill=1.0)
    job = PlainJob(given, tmp_path, {"pretrain": taught})
    result = train.train(job)
    assert result["weights_sha"] == result["teacher_sha"], "nothing has been learnt yet"
    [row] = [row for row in job.rows if "loss/distill" in row]
    assert row["loss/distill"] == pytest.approx(0.0, abs=1e-10)
    apart = PlainJob(given | {"initialise": False}, tmp_path, {"pretrain": taught})
    train.train(apart)
    [row] = [row for row in apart.rows if "loss/distill" in row]
    assert row["loss/distill"] > 1e-4


def test_the_run_is_what_the_params_say(taught, tmp_path, monkeypatch):
    from agents.appo import run

    class Seen(Exception):
        pass

    def running(cfg, bridge, look):
        raise Seen(cfg)

    monkeypatch.setattr(run, "running", running)
    changes = {"frames": 600, "lr": 0.07, "distill_cost": 0.3, "shaping_reward": "literal", "reward_clip": 0.4}
    given = params(changes=changes, distill=0.5, shaping=0.2, until=0.5)
    with pytest.raises(Seen) as seen:
        train.train(PlainJob(given, tmp_path, {"pretrain": taught}))
    [cfg] = seen.value.args
    told = cfg.task
    assert told.distill == pytest.approx(0.15), "λ times the learner's own weight"
    assert (told.shaping, told.form, told.teacher) == (0.2, "literal", taught / "teacher.pt")
    assert (told.lr, told.frames, told.total, told.copies) == (0.07, 600, 300, 4)
    assert (told.env, told.options, told.network) == ("rtfm-s1-train", GAMES["rtfm-s1"], RTFM)
    assert cfg.learner_reward_clip == 0.4


@pytest.mark.parametrize(("shaping", "step"), [(0.5, -5.0), (0.0, -10.0)])
def test_rewards_are_scaled_then_shaped_and_then_clipped_once(taught, tmp_path, monkeypatch, shaping, step):
    """A step costs 0.02, here -20: with the teacher's 15 that is -5, and not the 5 of a cost clipped at -10 before."""
    from agents.appo.learner import TaughtLearner

    learnt = []
    prepare = TaughtLearner._prepare_batch

    def noted(self, batch):
        prepared = prepare(self, batch)
        learnt.append((prepared[0]["rewards"].clone(), prepared[0]["dones"].bool().clone()))
        return prepared

    monkeypatch.setattr(TaughtLearner, "_prepare_batch", noted)
    monkeypatch.setattr(TaughtLearner, "_teachers_reward", lambda self, batch: torch.full_like(batch["rewards"], 30.0))
    changes = {"frames": 120, "reward_scale": 1000.0, "reward_clip": 10.0}
    train.train(PlainJob(params(changes=changes, shaping=shaping), tmp_path, {"pretrain": taught}))
    rewards, ends = (torch.cat(parts) for parts in zip(*learnt, strict=True))
    assert torch.allclose(rewards[~ends], torch.tensor(step), atol=1e-3)
    assert ends.any() and set(rewards[ends].tolist()) <= {-10.0, 10.0}


def test_returns_are_counted_without_the_teachers_reward(taught, tmp_path):
    job = PlainJob(params(shaping=100.0), tmp_path, {"pretrain": taught})
    train.train(job)
    rows = [row for row in job.rows if "reward/shaping" in row]
    assert all(row["reward/shaping"] < -0.1 for row in rows)
    assert all(row["train/episode_return"] >= -3 for row in rows if "train/episode_return" in row)


def test_a_method_without_its_teacher_is_refused(tmp_path):
    with pytest.raises(EnvError, match="no pretraining"):
        train.train(PlainJob(params(distill=1.0), tmp_path))


@pytest.mark.parametrize("die_at", [1, 3])
def test_a_killed_run_goes_on_and_writes_every_row_once(die_at, taught, tmp_path):
    given = params(changes={"log_every": 40}, distill=0.5)
    job = Mortal(given, tmp_path, {"pretrain": taught}, die_at=die_at)
    with pytest.raises(Killed):
        train.train(job)
    reached = job.saved[0]["learner"]["frames"]
    assert job.repeatable
    result = train.train(job)
    assert not job.repeatable, "it has played other games than it would have"
    assert 0 < reached < 400 and result["frames"] == 400 and result["updates"] == 10
    trained = [row["frames"] for row in job.rows if "loss/policy" in row]
    assert trained == list(range(40, 401, 40))
    assert sum(row["train/episodes"] for row in job.rows if "train/episodes" in row) > 5
    assert sum(row["frames"] == 0 for row in job.rows) == 1, "the look at the beginning is not repeated"


def test_games_that_fail_end_the_run_with_their_own_words(tmp_path, monkeypatch):
    from agents.appo import games

    def broken(self, actions):
        raise EnvError("the dungeon is flooded")

    monkeypatch.setattr(games.Games, "step", broken)
    with pytest.raises(EnvError, match="the dungeon is flooded"):
        train.train(PlainJob(params(), tmp_path))
    assert not (tmp_path / "sample_factory").exists()


def test_an_unknown_option_is_named_before_anything_starts(tmp_path):
    given = params()
    given["env"] = given["env"] | {"options": GAMES["rtfm-s1"] | {"item": True}}
    with pytest.raises(EnvError, match="item"):
        train.train(PlainJob(given, tmp_path))


def test_the_teacher_is_the_one_that_was_published(taught, tmp_path):
    result = train.train(PlainJob(params(changes={"frames": 40}, distill=1.0), tmp_path, {"pretrain": taught}))
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    assert result["teacher_sha"] == Teacher(taught / "teacher.pt", layout, RTFM, torch.device("cpu")).sha
