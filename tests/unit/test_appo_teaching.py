"""Distillation and shaping in Sample Factory's learner, with the memory that a recurrent teacher has of its own."""

from __future__ import annotations

import dataclasses

import pytest
import torch

pytest.importorskip("sample_factory")
pytest.importorskip("nle")

from sample_factory.model.model_utils import get_rnn_size

from agents.algorithms.vtrace import vtrace
from agents.networks import build
from agents.teacher import gap
from tests.appo_runs import NETHACK, STEPS, UNROLLS, alone, batch_of, layout_of, screens, task, teacher

LAMBDA, ETA = 0.7, 0.3


@pytest.fixture(scope="module")
def layout():
    return layout_of("nethack-score")


@pytest.fixture
def learner(layout, tmp_path):
    taught = task(tmp_path, layout, distill=LAMBDA, shaping=ETA, teacher=teacher(tmp_path, layout, NETHACK))
    return alone(taught, tmp_path, batch=UNROLLS * STEPS)


def by_our_own(learner, layout, batch):
    """(policy's, teacher's) representations of the frames [UNROLLS · STEPS, D], by ``Network.sequence``."""
    starts = torch.zeros(STEPS, UNROLLS, dtype=torch.bool)
    starts[1:] = batch["dones"][:, :-1].T
    frames = {name: field[:, :-1].transpose(0, 1) for name, field in batch["obs"].items()}
    net = learner.actor_critic
    reps = []
    for part, state in zip((net.net, net.teacher.net), batch["rnn_states"][:, 0].chunk(2, 1), strict=True):
        with torch.no_grad():
            rep = part.sequence(frames, starts, state)[0].rep
        reps.append(rep.unflatten(0, (STEPS, UNROLLS)).transpose(0, 1).flatten(0, 1))
    return reps


def test_actors_carry_the_teachers_own_state_beside_the_policys(learner, layout):
    frames, net = screens(layout, 6, 3), learner.actor_critic
    state, starts = torch.zeros(3, get_rnn_size(learner.cfg)), torch.zeros(6, 3, dtype=torch.bool)
    with torch.no_grad():
        for step in range(6):
            seen = {name: field[step] for name, field in frames.items()}
            state = net(seen, state)["new_rnn_states"]
        for part, carried in zip((net.net, net.teacher.net), state.chunk(2, 1), strict=True):
            expected = part.sequence(frames, starts, part.initial_state(3))[1]
            assert torch.allclose(carried, expected, atol=1e-6)
    policys, teachers = state.chunk(2, 1)
    assert not torch.allclose(policys, teachers)


def test_distillation_compares_with_the_teacher_that_remembers_the_episode(learner, layout):
    batch = batch_of(learner, layout)
    rep, target = by_our_own(learner, layout, batch)
    learner.train(batch)
    assert learner._terms["loss/distill"] == [pytest.approx(LAMBDA * gap(rep, target).mean().item(), rel=1e-4)]
    forgetful = learner.actor_critic.teacher.net.features(
        {name: field[:, :-1].flatten(0, 1) for name, field in batch["obs"].items()}
    ).rep
    assert not torch.allclose(forgetful, target, atol=1e-3), "a teacher without memory would say something else"


@pytest.mark.parametrize("form", ["distance", "literal"])
def test_the_teachers_reward_is_added_to_the_scaled_one_and_their_sum_is_clipped(learner, layout, form):
    learner.cfg["task"] = dataclasses.replace(learner.task, form=form)
    batch = batch_of(learner, layout)
    distance = gap(*by_our_own(learner, layout, batch))
    if form == "literal":
        distance = distance.mean().expand(len(distance))
    earned = batch["rewards"].clone()
    learner._terms = {}
    prepared, frames, unusable = learner._prepare_batch(batch)
    assert (frames, unusable) == (UNROLLS * STEPS, 0)
    limit = learner.cfg.learner_reward_clip
    expected = (earned.flatten() - ETA * distance).clamp(-limit, limit)
    assert torch.allclose(prepared["rewards"], expected, atol=1e-5)
    assert torch.equal(batch["rewards"], earned), "the batch is the batcher's"


def test_the_teacher_stays_as_it_is_and_is_nobodys_parameter(learner, layout):
    net = learner.actor_critic
    before = {name: tensor.clone() for name, tensor in net.teacher.net.state_dict().items()}
    policy = {name: tensor.clone() for name, tensor in net.net.state_dict().items()}
    learner.train(batch_of(learner, layout))
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.teacher.net.state_dict().items())
    assert any(not torch.equal(tensor, policy[name]) for name, tensor in net.net.state_dict().items())
    assert set(net.state_dict()) == {f"net.{name}" for name in policy}


def test_distillation_alone_pulls_towards_the_teacher(layout, tmp_path):
    given = task(tmp_path, layout, distill=100.0, teacher=teacher(tmp_path, layout, NETHACK), lr=0.01, frames=10**6)
    learner = alone(given, tmp_path, batch=UNROLLS * STEPS, entropy_cost=0.0, baseline_cost=0.0)
    batch, losses = batch_of(learner, layout), []
    for _ in range(12):
        learner.train(batch)
        losses += learner._terms["loss/distill"]
    assert losses[-1] < 0.5 * losses[0]


def test_the_learning_rate_falls_linearly_and_learning_ends(layout, tmp_path):
    given = task(tmp_path, layout, frames=80, total=60)
    learner = alone(given, tmp_path, batch=UNROLLS * STEPS)
    rates = []
    for _ in range(5):
        told = learner.train(batch_of(learner, layout))
        rates.append(learner.optimizer.param_groups[0]["lr"] if told else None)
    assert rates[3:] == [None, None] and learner.env_steps == 60
    assert rates[:3] == pytest.approx([1e-3, 0.75e-3, 0.5e-3])


@pytest.mark.parametrize("changes", [{}, {"vtrace": False, "normalise_returns": True}])
def test_a_snapshot_is_gone_on_from_exactly(layout, tmp_path, changes):
    changes = changes | {"batch": UNROLLS * STEPS}
    learner = alone(task(tmp_path, layout), tmp_path, **changes)
    batch = batch_of(learner, layout)
    learner.train(batch)
    other = tmp_path / "other"
    other.mkdir()
    given = task(other, layout)
    torch.save(learner.snapshot(), given.start)
    following = alone(given, other, **changes)
    assert (following.env_steps, following.train_step) == (UNROLLS * STEPS, 1)
    for each in (learner, following):
        each.train(batch)
    for name, tensor in learner.actor_critic.state_dict().items():
        assert torch.equal(tensor, following.actor_critic.state_dict()[name]), name


def test_all_that_learns_and_teaches_is_on_the_learners_device(layout, tmp_path):
    taught = task(tmp_path, layout, distill=LAMBDA, teacher=teacher(tmp_path, layout, NETHACK))
    net = alone(taught, tmp_path, vtrace=False, normalise_returns=True).actor_critic
    net.model_to_device(torch.device("meta"))
    moved = net.state_dict() | net.teacher.net.state_dict()
    assert any(name.startswith("returns_normalizer") for name in moved)
    assert {tensor.device.type for tensor in moved.values()} == {"meta"}


def test_a_start_that_cannot_be_read_is_no_new_beginning(layout, tmp_path):
    """Sample Factory 2.1.1 logs it and starts from scratch, as it does after every best score that it has noted."""
    given = task(tmp_path, layout)
    given.start.write_bytes(given.start.read_bytes()[:-200])
    with pytest.raises(RuntimeError):
        alone(given, tmp_path, batch=UNROLLS * STEPS)


def test_a_noted_best_score_does_not_end_in_the_snapshot(layout, tmp_path):
    """Sample Factory notes it as a NumPy number, which torch.load then refuses to read."""
    learner = alone(task(tmp_path, layout), tmp_path, batch=UNROLLS * STEPS)
    learner.best_performance = torch.ones(1).numpy()[0]
    learner.save_best(0, "reward", 5.0)
    torch.save(learner.snapshot(), tmp_path / "after.pt")
    assert torch.load(tmp_path / "after.pt", weights_only=True)["frames"] == 0
    assert not list(tmp_path.rglob("best_*"))


def test_initial_weights_are_the_starts(layout, tmp_path):
    learner = alone(task(tmp_path, layout), tmp_path)
    for name, tensor in build(layout, NETHACK, seed=5).state_dict().items():
        assert torch.equal(tensor, learner.actor_critic.net.state_dict()[name])


def test_value_targets_are_those_of_our_own_v_trace_at_the_border_of_an_unroll_too(learner, layout, monkeypatch):
    """Sample Factory's own would let every unroll's last reward cancel out."""
    batch = batch_of(learner, layout)
    batch["rewards"][:, -1] += 0.5
    batch["rewards"].clamp_(-1, 1)
    rewards, ends = batch["rewards"].T.clone(), batch["dones"].T.clone()
    monkeypatch.setattr(type(learner), "_teachers_reward", lambda self, batch: torch.zeros_like(batch["rewards"]))
    found = {}
    original = learner._value_loss

    def value_loss(new, old, target, *rest):
        found.update(new=new.detach().clone(), target=target.clone())
        return original(new, old, target, *rest)

    monkeypatch.setattr(learner, "_value_loss", value_loss)
    learner.train(batch)
    values, targets = (found[name].view(UNROLLS, STEPS).T for name in ("new", "target"))
    on_policy, discounts = torch.zeros(STEPS, UNROLLS), learner.cfg.gamma * (~ends).float()
    expected = vtrace(on_policy, discounts, rewards, values, batch["values"][:, -1])
    torch.testing.assert_close(targets, expected.values, atol=1e-5, rtol=1e-5)
