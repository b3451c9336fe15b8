"""The linear map from features to moves: against an independent optimiser, at its two extremes, and as a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch

import envs
from agents.networks import build
from agents.probe import LinearMap, probe
from agents.teacher import publish
from tests.contract.test_learning import GAMES, NETWORK, env_params
from tests.plain_job import PlainJob

MOVES = 4


def anything(rows: int, columns: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Random features of different sizes, random masks, and random moves among the possible ones."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, columns, generator=generator) * torch.arange(1.0, columns + 1) + 5
    valid = (torch.rand(rows, MOVES, generator=generator) < 0.7).float()
    valid[:, 0] = 1
    return features, valid, torch.multinomial(valid, 1, generator=generator).squeeze(1)


@pytest.mark.parametrize("l2", [1e-3, 0.1])
def test_it_is_the_minimum_that_scipy_finds(l2):
    features, valid, moves = anything(60, 3)
    x = features.double().numpy()
    x = (x - x.mean(0)) / x.std(0)

    def loss(parameters: np.ndarray[Any, Any]) -> float:
        weight, bias = parameters[:-MOVES].reshape(3, MOVES), parameters[-MOVES:]
        scores = np.where(valid.numpy() > 0, np.exp(x @ weight + bias), 0)
        return float(-np.log(scores[np.arange(60), moves] / scores.sum(1)).mean() + l2 / 2 * (weight**2).sum())

    best = scipy.optimize.minimize(loss, np.zeros(3 * MOVES + MOVES), method="BFGS", options={"gtol": 1e-7})
    ours = LinearMap(features, valid, moves, l2, iterations=500)
    found = torch.cat([ours.weight.detach().flatten(), ours.bias.detach()]).numpy()
    assert loss(found) == pytest.approx(best.fun, abs=1e-8)
    np.testing.assert_allclose(found[:-MOVES], best.x[:-MOVES], atol=1e-3)


def test_where_nothing_varies_it_knows_the_frequencies():
    moves = torch.tensor([0] * 5 + [1] * 3 + [3] * 2)
    valid = torch.tensor([1.0, 1, 0, 1]).expand(10, 4)
    constant = torch.full((10, 2), 0.1)
    ours = LinearMap(constant, valid, moves, l2=0.01, iterations=200)
    torch.testing.assert_close(
        (ours.bias - (1 - valid[0]) * 1e20).softmax(0), torch.tensor([0.5, 0.3, 0, 0.2]).double(), rtol=0, atol=1e-5
    )
    assert ours.weight.abs().max() == 0
    assert ours.accuracy(constant, valid, moves) == 0.5
    assert ours.accuracy(constant + torch.randn(10, 2), valid, moves) == 0.5, "what it never saw vary does not count"


def test_rounding_is_no_variation():
    features, valid, moves = anything(50, 2)
    features[:, 1] = 1 + 1e-7 * (moves == 0)
    assert LinearMap(features, valid, moves, l2=1e-3, iterations=200).weight[1].abs().max() == 0


def test_a_move_written_linearly_into_many_columns_is_read_perfectly():
    generator = torch.Generator().manual_seed(1)
    mixing = torch.randn(MOVES, 30, generator=generator)
    moves = torch.randint(MOVES, (500,), generator=generator)
    features = torch.eye(MOVES)[moves] @ mixing + 0.01 * torch.randn(500, 30, generator=generator)
    possible = torch.ones(500, MOVES)
    ours = LinearMap(features[:300], possible[:300], moves[:300], l2=1e-3, iterations=200)
    assert ours.accuracy(features[:300], possible[:300], moves[:300]) == 1.0
    assert ours.accuracy(features[300:], possible[300:], moves[300:]) == 1.0


def test_noise_can_be_learnt_by_heart_and_predicts_nothing():
    generator = torch.Generator().manual_seed(2)
    features, moves = torch.randn(2000, 300, generator=generator), torch.randint(MOVES, (2000,), generator=generator)
    possible = torch.ones(2000, MOVES)
    ours = LinearMap(features[:200], possible[:200], moves[:200], l2=1e-4, iterations=200)
    assert ours.accuracy(features[:200], possible[:200], moves[:200]) == 1.0
    assert ours.accuracy(features[200:], possible[200:], moves[200:]) == pytest.approx(1 / MOVES, abs=0.06)


def test_an_impossible_move_is_never_its_answer():
    features, valid, moves = anything(200, 5)
    ours = LinearMap(features, valid, moves, l2=1e-3, iterations=100)
    shut = torch.tensor([0.0, 0, 1, 0]).expand(200, MOVES)
    assert ours.accuracy(features, shut, torch.full((200,), 2)) == 1.0


def probe_job(game: str, folder: Path, parents: dict[str, Path] | None = None) -> PlainJob:
    settings = {"episodes": 120, "test_episodes": 60, "l2": 1e-3, "iterations": 100}
    params = {"env": env_params(game), "test": {"name": f"{game}-test"}, "network": NETWORK, "probe": settings}
    return PlainJob(params | {"seed": 3}, folder, parents or {})


@pytest.mark.parametrize("game", GAMES)
def test_without_pretraining_it_reads_the_network_that_a_policy_starts_from(game, tmp_path):
    job = probe_job(game, tmp_path)
    result = probe(job)
    layout = envs.make(f"{game}-train", 1, **GAMES[game]).layout
    for seed, same in ((job.stream("weights"), True), (0, False)):
        net = build(layout, NETWORK, seed)
        publish(job, "teacher.pt", net)
        assert (probe(probe_job(game, tmp_path, {"pretrain": tmp_path})) == result) is same


@pytest.mark.parametrize("game", GAMES)
def test_it_reports_every_feature_beside_the_most_frequent_move(game, tmp_path):
    """The expert's games are played again by hand, with one environment per split."""
    job = probe_job(game, tmp_path)
    result = probe(job)
    assert set(result) == {
        *(f"{name}/{part}_accuracy" for name in ("rep", "pooled", "spatial") for part in ("train", "test")),
        "majority/test_accuracy", "frames", "test_frames",
    }  # fmt: skip
    assert all(0 <= result[name] <= 1 for name in result if name.endswith("accuracy"))
    played = {}
    for split, episodes, purpose in (("train", 120, "probe episodes"), ("test", 60, "probe test episodes")):
        env = envs.make(f"{game}-{split}", episodes, seed=job.stream(purpose), **GAMES[game])
        expert, seen, running, played[split] = env.expert(), env.reset(), torch.ones(episodes, dtype=torch.bool), []
        while running.any():
            moves = expert(seen)
            played[split] += [(int(moves[i]), seen["valid"][i].tolist()) for i in running.nonzero().squeeze(1)]
            seen, _, done, _ = env.step(moves)
            running &= ~done
    counts = np.bincount([move for move, _ in played["train"]], minlength=5)
    usual = [max(np.flatnonzero(valid), key=lambda move: (counts[move], -move)) for _, valid in played["test"]]
    right = np.mean([move == guess for (move, _), guess in zip(played["test"], usual, strict=True)])
    assert result["majority/test_accuracy"] == pytest.approx(right)
    assert (result["frames"], result["test_frames"]) == (len(played["train"]), len(played["test"]))
