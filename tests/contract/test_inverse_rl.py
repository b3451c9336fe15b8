"""Inverse RL up to its reinforcement learning: an inverse model of random play, a policy cloned from its labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import envs
from agents import collect
from agents.demonstrations import Demonstrations
from agents.networks import build
from agents.pretraining import cloning, inverse
from agents.pretraining.windows import split
from agents.teacher import Teacher, digest
from envs.base import EnvError, Layout
from tests.contract.test_learning import GAMES, NETWORK, env_params
from tests.plain_job import Killed, PlainJob

CPU = torch.device("cpu")
SIZES = {"demb": 8, "drnn": 8, "hidden": 32}
BRIEF = {"lr": 1e-3, "batch": 16, "updates": 20, "validate_every": 8, "grad_norm": 10.0, "validation": 0.15}
INVERSE = BRIEF | {"patience": 5, "hidden": 32}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=GAMES)
def game(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def played(game: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of 300 random games (``interaction``) and 200 of the expert (``demonstrations``)."""
    folders = {}
    for parent, source, episodes in (("interaction", "random", 300), ("demonstrations", "expert", 200)):
        folders[parent] = tmp_path_factory.mktemp(parent)
        params = {"env": env_params(game), "source": source, "episodes": episodes, "terminal": False, "seed": 3}
        collect.collect(PlainJob(params, folders[parent]))
    return folders


@pytest.fixture(scope="module")
def learnt(game: str, played: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same, and the folder of an inverse model that has learnt its game."""
    folder = tmp_path_factory.mktemp("inverse")
    training = INVERSE | {"batch": 32, "updates": 250, "validate_every": 50}
    facts = inverse.train(inverse_job(game, folder, played["interaction"], training=training))
    assert facts["valid/accuracy"] > 0.8
    return played | {"inverse": folder}


def inverse_job(game: str, folder: Path, interaction: Path, **changes: Any) -> PlainJob:
    params = {"env": env_params(game), "network": NETWORK, "training": INVERSE, "seed": 3}
    return PlainJob(params | changes, folder, {"interaction": interaction})


def cloning_job(game: str, folder: Path, parents: dict[str, Path], **changes: Any) -> PlainJob:
    params = {"env": env_params(game), "network": NETWORK, "training": BRIEF, "seed": 3}
    params |= {"language": True, "settings": {"entropy_cost": 0.01}}
    return PlainJob(params | changes, folder, parents)


def layout_of(game: str) -> Layout:
    return envs.make(f"{game}-train", 1, **GAMES[game]).layout


def demonstrations(folder: Path) -> Demonstrations:
    return Demonstrations.load(folder / "demonstrations.pt")


def weights_sha(folder: Path, name: str) -> str:
    return digest(torch.load(folder / name, weights_only=True)["weights"])


# The inverse model.


def test_its_logits_are_those_of_a_plain_transcription(game, played):
    """methods.md 6.4, one window at a time: sums of embeddings per cell, packed texts, one hidden layer, the mask."""
    layout, data = layout_of(game), demonstrations(played["interaction"])
    net = inverse.build(layout, SIZES, seed=1)
    index = data.windows()[::60]
    now, grid = data.batch(index, CPU), data.field(layout.grid, index + 1, CPU)
    lstm = nn.LSTM(8, 8, batch_first=True, bidirectional=True)
    lstm.load_state_dict(net.text.text_rnn.state_dict())
    with torch.no_grad():
        logits = net(now, grid)
        for row in range(len(index)):
            parts = []
            for old, new in zip(now[layout.grid][row].flatten(0, 1), grid[row].flatten(0, 1), strict=True):
                old, new = (
                    sum(net.name_emb.weight[token] for token in cell.flatten() if layout.grid_vocab or token != 0)
                    for cell in (old, new)
                )
                parts += [old, new - old]
            texts = 0.0
            for field in layout.texts:
                tokens = now[field][row, : int(now[f"{field}_len"][row])]
                texts = texts + lstm(net.emb.weight[tokens][None])[0][0].sum(0)
            hidden = torch.tanh(net.hidden(torch.cat([*parts, texts])))
            valid = now["valid"][row]
            torch.testing.assert_close(logits[row][valid > 0], net.action(hidden)[valid > 0], rtol=1e-4, atol=1e-5)
            assert (logits[row][valid == 0] < -1e19).all()


def test_padding_says_nothing(game, played):
    """Neither what stands behind a text's end, nor further empty places of a word cell, nor an empty text."""
    layout, data = layout_of(game), demonstrations(played["interaction"])
    net = inverse.build(layout, SIZES, seed=1)
    index = data.windows()[:40]
    now, grid = data.batch(index, CPU), data.field(layout.grid, index + 1, CPU)
    expected = net(now, grid)
    scribbled = dict(now)
    for field in layout.texts:
        behind = torch.arange(now[field].shape[1]) >= now[f"{field}_len"]
        scribbled[field] = torch.where(behind, 5, now[field])
    if layout.grid_vocab is None:
        scribbled[layout.grid], grid = (F.pad(cells, (0, 3)) for cells in (now[layout.grid], grid))
    torch.testing.assert_close(net(scribbled, grid), expected)
    assert net._read(torch.full((1, 4), 5), torch.tensor([[0]])).abs().max() == 0


def test_it_learns_moves_and_labels_those_of_a_player_it_never_saw(game, learnt):
    layout, data = layout_of(game), demonstrations(learnt["demonstrations"])
    windows = data.windows()
    net = inverse.load(learnt["inverse"] / "inverse.pt", layout, CPU)
    labels = net.label(data, windows, 64, CPU)
    assert labels.dtype == torch.int64
    assert (labels == data.actions[windows]).double().mean() > 0.8
    assert torch.equal(labels, net.label(replace(data, actions=None), windows, 50, CPU)), "no action is looked at"


def test_an_impossible_move_is_never_its_answer(game, learnt):
    layout, data = layout_of(game), demonstrations(learnt["interaction"])
    windows = data.windows()
    only_third = F.one_hot(torch.full((len(data.episode),), 2), layout.num_actions).float()
    masked = replace(data, frames=data.frames | {"valid": only_third})
    net = inverse.load(learnt["inverse"] / "inverse.pt", layout, CPU)
    assert net.label(masked, windows, 64, CPU).unique().tolist() == [2]


def test_last_observations_have_no_action_and_need_none(game, tmp_path):
    params = {"env": env_params(game), "source": "random", "episodes": 40, "terminal": True, "seed": 3}
    collect.collect(PlainJob(params, tmp_path))
    data = demonstrations(tmp_path)
    assert data.actions is not None
    assert (data.actions < 0).sum() == 40
    facts = inverse.train(inverse_job(game, tmp_path, tmp_path))
    assert facts["windows"] == len(split(data, 0.15)[0])


def test_interaction_without_actions_is_refused(game, played, tmp_path):
    replace(demonstrations(played["interaction"]), actions=None).save(tmp_path / "demonstrations.pt")
    with pytest.raises(EnvError, match="stored without its actions"):
        inverse.train(inverse_job(game, tmp_path, tmp_path))


def test_it_ends_when_it_has_stopped_improving(game, played, tmp_path):
    still = INVERSE | {"lr": 0.0, "patience": 1, "updates": 10**9}
    facts = inverse.train(inverse_job(game, tmp_path, played["interaction"], training=still))
    assert facts["converged"]
    assert facts["updates"] == 16, "the first validation is the best, the second no better"
    assert not inverse.train(inverse_job(game, tmp_path, played["interaction"]))["converged"], "the cap came first"


@pytest.mark.parametrize("die_at", [1, 13])
def test_an_inverse_model_killed_and_resumed_is_the_unbroken_one(game, played, tmp_path, die_at):
    unbroken = inverse_job(game, tmp_path, played["interaction"])
    facts = inverse.train(unbroken)
    expected = weights_sha(tmp_path, "inverse.pt")
    broken = inverse_job(game, tmp_path, played["interaction"])
    broken.die_at = die_at
    with pytest.raises(Killed):
        inverse.train(broken)
    broken.die_at = None
    assert inverse.train(broken) == facts
    assert weights_sha(tmp_path, "inverse.pt") == expected
    assert broken.rows == unbroken.rows


# The cloned policy.


def test_cloning_never_reads_the_demonstrations_own_actions(game, learnt, tmp_path):
    data = demonstrations(learnt["demonstrations"])
    found = set()
    for name, actions in {"as played": data.actions, "unknown": None, "wrong": data.actions.flip(0)}.items():
        folder = tmp_path / name
        folder.mkdir()
        replace(data, actions=actions).save(folder / "demonstrations.pt")
        facts = cloning.train(cloning_job(game, folder, learnt | {"demonstrations": folder}))
        found.add((weights_sha(folder, "teacher.pt"), tuple(facts.items())))
    assert len(found) == 1


def test_it_is_scored_by_its_agreement_with_the_labels(game, learnt, tmp_path):
    facts = cloning.train(cloning_job(game, tmp_path, learnt))
    layout, data = layout_of(game), demonstrations(learnt["demonstrations"])
    net = inverse.load(learnt["inverse"] / "inverse.pt", layout, CPU)
    fitted, held_out = split(data, 0.15)
    labels = net.label(data, held_out, 64, CPU)
    policy = Teacher(tmp_path / "teacher.pt", layout, NETWORK, CPU).net
    frames = data.batch(held_out, CPU)
    log_policy = policy.policy(policy.features(frames).rep, frames["valid"]).log_softmax(1)
    assert facts["valid/accuracy"] == (log_policy.argmax(1) == labels).double().mean().item()
    assert facts["valid/loss"] == pytest.approx(F.nll_loss(log_policy, labels).item(), rel=1e-4)
    usual = net.label(data, fitted, 64, CPU).mode().values
    assert facts["valid/majority"] == (labels == usual).double().mean().item()
    assert facts["windows"] == len(fitted)


def test_it_learns_to_play_what_it_is_shown(game, learnt, tmp_path):
    """Better than anyone who looks at nothing, whose loss is the entropy of the labels."""
    training = BRIEF | {"lr": 3e-3, "batch": 32, "updates": 150, "validate_every": 50}
    job = cloning_job(game, tmp_path, learnt, training=training)
    cloning.train(job)
    layout, data = layout_of(game), demonstrations(learnt["demonstrations"])
    labels = inverse.load(learnt["inverse"] / "inverse.pt", layout, CPU).label(data, data.windows(), 64, CPU)
    counts = labels.bincount()
    assert job.rows[-1]["train/loss"] < 0.95 * torch.distributions.Categorical(probs=counts / counts.sum()).entropy()


def test_the_loss_is_cross_entropy_minus_the_entropys_bonus(game, played):
    layout, data = layout_of(game), demonstrations(played["demonstrations"])
    net = build(layout, NETWORK, seed=2)
    index = data.windows()[:50]
    labels = data.actions.long()
    frames = data.batch(index, CPU)
    policy = torch.distributions.Categorical(logits=net.policy(net.features(frames).rep, frames["valid"]))
    expected = -policy.log_prob(labels[index]).mean() - 0.3 * policy.entropy().mean()
    loss = cloning.Labelled(data, labels, 0, net, 16, 0.3).loss(index, 0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in net.parameters())


def test_a_policy_starts_from_the_cloned_trunk_and_head_with_a_baseline_of_its_own(game, learnt, tmp_path):
    job = cloning_job(game, tmp_path, learnt)
    facts = cloning.train(job)
    layout = layout_of(game)
    teacher = Teacher(tmp_path / "teacher.pt", layout, NETWORK, CPU)
    assert teacher.sha == facts["trunk_sha"]
    started, own = build(layout, NETWORK, seed=9), build(layout, NETWORK, seed=9).state_dict()
    teacher.initialise(started)
    untrained = build(layout, NETWORK, job.stream("pretraining weights")).state_dict()
    for name, tensor in started.state_dict().items():
        source = own if name.startswith("baseline_head.") else teacher.net.state_dict()
        assert torch.equal(tensor, source[name]), name
    for name, tensor in teacher.net.state_dict().items():
        if name.startswith("baseline_head."):
            assert torch.equal(tensor, untrained[name]), "cloning leaves the baseline alone"
    assert not torch.equal(teacher.net.policy_head.weight, untrained["policy_head.weight"])


@pytest.mark.parametrize("die_at", [1, 13])
def test_a_cloned_policy_killed_and_resumed_is_the_unbroken_one(game, learnt, tmp_path, die_at):
    unbroken = cloning_job(game, tmp_path, learnt)
    facts = cloning.train(unbroken)
    expected = weights_sha(tmp_path, "teacher.pt")
    broken = cloning_job(game, tmp_path, learnt)
    broken.die_at = die_at
    with pytest.raises(Killed):
        cloning.train(broken)
    broken.die_at = None
    assert cloning.train(broken) == facts
    assert weights_sha(tmp_path, "teacher.pt") == expected
    assert broken.rows == unbroken.rows
