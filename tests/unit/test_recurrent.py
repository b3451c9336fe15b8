"""Policies and teachers that remember: what they carry through unrolls, over episodes' ends, and in checkpoints."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import envs
from agents.algorithms.ppo import PPOLearner
from agents.algorithms.vtrace_learner import VTraceLearner
from agents.evaluate import play
from agents.networks import Features, Memory, Network
from agents.networks.nethack import Core, NothingToRemember
from agents.policy import player
from agents.teacher import Teacher
from envs.base import EnvError, Layout, Observation
from tests.contract.test_learning import GAMES, LEARNER

WIDTH = 6


class Remembering(Network):
    """A small recurrent policy of RTFM: the mean of a frame's words, an LSTM, heads."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.words = nn.Embedding(layout.vocabulary, WIDTH)
        self.core = Core(WIDTH, WIDTH)
        self.rep_size, self.state_size, self.map_shape = WIDTH, self.core.state_size, (WIDTH, 1, 1)
        self.policy_head = nn.Linear(WIDTH, layout.num_actions)
        self.baseline_head = nn.Linear(WIDTH, 1)

    def features(self, obs: Observation, memory: Memory | None = None) -> Features:
        raise AssertionError("a recurrent network is asked for sequences")

    def sequence(
        self, obs: Observation, starts: Tensor, state: Tensor, memory: Memory | None = None
    ) -> tuple[Features, Tensor]:
        vectors = self.words(obs["name"].flatten(2)).mean(2)
        outputs, state = self.core(vectors, starts, state)
        rep = outputs.flatten(0, 1)
        return Features(rep, rep[:, :, None, None]), state

    def text_memory(self, num_envs: int) -> NothingToRemember:
        return NothingToRemember()


def remembering(seed: int) -> Remembering:
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Remembering(layout)


@pytest.fixture
def teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Teacher:
    """A recurrent teacher as pretraining would have published it."""
    net = remembering(seed=9)
    monkeypatch.setattr("agents.teacher.build", lambda layout, network, seed: remembering(seed=8))
    from agents.teacher import digest, trunk

    saved = {"weights": net.state_dict(), "trunk_sha": digest(trunk(net))}
    torch.save(saved, tmp_path / "teacher.pt")
    return Teacher(tmp_path / "teacher.pt", net.layout, {}, torch.device("cpu"))


def a_learner(teacher: Teacher | None = None, distill: float = 0.0, **changes: Any) -> VTraceLearner:
    env = envs.make("rtfm-s1-train", 8, seed=1, **GAMES["rtfm-s1"], max_steps=7)
    return VTraceLearner(remembering(seed=2), env, LEARNER | changes, 3, teacher, distill, 0.0)


def test_an_unroll_knows_where_episodes_begin():
    learner = a_learner()
    first = learner.collector.collect(learner.act)
    assert first.starts[0].all()
    assert torch.equal(first.starts[1:], first.done)
    done = first.done[-1].clone()
    second = learner.collector.collect(learner.act)
    assert torch.equal(second.starts[0], done)


def test_what_the_learner_computes_is_what_the_actor_saw():
    """At equal weights the learner's logits over an unroll, from the state before it, are the behaviour's."""
    learner = a_learner(lr=0.0)
    for _ in range(3):
        before = learner.state
        unroll = learner.collector.collect(learner.act)
        features, after = learner.net.sequence(unroll.observation, unroll.starts, before)
        logits = learner.net.policy(features.rep, unroll.observation["valid"].flatten(0, 1)).unflatten(0, (6, 8))
        assert torch.allclose(logits[:-1].softmax(-1), unroll.logits.softmax(-1), atol=1e-6)
    assert unroll.done.any(), "an episode ended on the way, where the state is forgotten"
    assert not torch.equal(after, learner.state), "the learner saw one frame more than the actor"


def test_a_recurrent_teacher_has_a_state_of_its_own_that_outlives_unrolls(teacher):
    """Unroll by unroll, its representations are those of one pass over everything that was played."""
    learner = a_learner(teacher, distill=1.0, lr=0.0)
    seen: dict[str, list[Tensor]] = {name: [] for name in learner.collector.current}
    starts, targets = [], []
    original = Teacher.follow

    def follow(self: Teacher, unroll: Any) -> Tensor:
        found = original(self, unroll)
        if unroll.rewards.shape[1] == 8:
            targets.append(found.unflatten(0, (5, 8)).clone())
        return found

    learner.settings = {**learner.settings, "batches": 1}
    Teacher.follow = follow  # type: ignore[method-assign]
    try:
        for _ in range(3):
            before = learner.teacher_state.clone()
            learner.iterate()
            unroll = learner.collector.unroll
            for name, field in unroll.observation.items():
                seen[name].append(field[:-1].clone())
            starts.append(unroll.starts[:-1].clone())
            assert not torch.equal(learner.teacher_state, before)
    finally:
        Teacher.follow = original  # type: ignore[method-assign]
    whole = {name: torch.cat(parts) for name, parts in seen.items()}
    with torch.no_grad():
        features, after = teacher.net.sequence(whole, torch.cat(starts), teacher.net.initial_state(8))
    assert torch.allclose(features.rep.unflatten(0, (15, 8)), torch.cat(targets), atol=1e-6)
    assert torch.allclose(after, learner.teacher_state, atol=1e-6)


def test_each_update_on_columns_moves_the_teacher_on_once(teacher):
    whole, parts = (a_learner(teacher, distill=1.0, lr=0.0, batches=batches) for batches in (1, 2))
    for learner in (whole, parts):
        learner.iterate(), learner.iterate()
    assert torch.allclose(whole.teacher_state, parts.teacher_state, atol=1e-6)


def test_distillation_reaches_the_memory_and_no_head(teacher):
    learner = a_learner(teacher, distill=1.0)
    unroll = learner.collector.collect(learner.act)
    unroll.state, unroll.teacher_state = learner.net.initial_state(8), learner.teacher_state
    _, terms = learner.loss(unroll)
    terms["loss/distill"].backward()
    assert learner.net.core.lstm.weight_hh_l0.grad.abs().sum() > 0
    assert learner.net.policy_head.weight.grad is None
    assert all(parameter.grad is None for parameter in teacher.net.parameters())


def test_a_recurrent_run_continues_from_its_state_as_if_unbroken(teacher):
    unbroken = a_learner(teacher, distill=1.0)
    for _ in range(4):
        unbroken.iterate()
    first = a_learner(teacher, distill=1.0)
    first.iterate(), first.iterate()
    second = a_learner(teacher, distill=1.0)
    second.load_state_dict(first.state_dict())
    second.iterate(), second.iterate()
    for name, tensor in unbroken.net.state_dict().items():
        assert torch.equal(tensor, second.net.state_dict()[name]), name


def test_rewards_are_scaled_before_they_are_clipped():
    learner = a_learner(reward_scale=0.5)
    unroll = learner.collector.collect(learner.act)
    unroll.rewards.fill_(3.0)
    assert learner.shaped(unroll, None, None).unique().tolist() == [1.5]


def test_a_learner_that_shuffles_frames_refuses_a_recurrent_network():
    settings = {"unroll": 5, "minibatches": 1, "distill_cost": 1.0, "lr": 1e-3}
    with pytest.raises(EnvError, match="ppo shuffles frames, so it cannot train a recurrent network"):
        PPOLearner(remembering(2), SimpleNamespace(num_envs=8), settings, 3)  # type: ignore[arg-type]


def test_a_player_remembers_its_episode():
    net, env = remembering(2), envs.make("rtfm-s1-test", 4, seed=5, **GAMES["rtfm-s1"])
    act, seen, states = player(net, 4), [], net.initial_state(4)
    observation, starts = env.reset(), torch.ones(1, 4, dtype=torch.bool)
    for _ in range(3):
        features, states = net.sequence({k: v[None] for k, v in observation.items()}, starts, states)
        expected = net.policy(features.rep, observation["valid"]).argmax(-1)
        seen.append(torch.equal(act(observation), expected))
        starts = torch.zeros_like(starts)
        observation, *_ = env.step(expected)
    assert all(seen)


def test_a_sampled_player_draws_by_probability_and_from_its_seed():
    net, env = remembering(2), envs.make("rtfm-s1-test", 400, seed=5, **GAMES["rtfm-s1"])
    observation = env.reset()
    features, _ = net.sequence(
        {k: v[None] for k, v in observation.items()}, torch.ones(1, 400, dtype=torch.bool), net.initial_state(400)
    )
    expected = net.policy(features.rep, observation["valid"]).softmax(-1).mean(0)
    drawn = player(net, 400, seed=1, sampled=True)(observation)
    assert torch.equal(drawn, player(net, 400, seed=1, sampled=True)(observation))
    assert not torch.equal(drawn, player(net, 400, seed=2, sampled=True)(observation))
    assert torch.allclose(drawn.bincount(minlength=5) / 400, expected, atol=0.1)


def test_playing_and_evaluating_need_no_single_frames():
    episodes = play(remembering(2), envs.make("rtfm-s1-test", 4, seed=5, **GAMES["rtfm-s1"], max_steps=5), sampled=True)
    assert (episodes["episode_length"] <= 5).all()
