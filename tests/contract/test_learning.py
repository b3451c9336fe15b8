"""What every method must keep: teachers are loaded, distillation teaches, a run is a function of its seed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

import envs
from agents import collect, evaluate, train
from agents.algorithms.vtrace_learner import VTraceLearner
from agents.networks import build
from agents.pretraining import dynamics
from agents.teacher import Teacher, digest, gap, trunk
from envs.base import EnvError
from tests.plain_job import Killed, PlainJob

NETWORK = {"name": "multi", "demb": 8, "drnn": 8, "drep": 12, "channels": [8, 8]}
LEARNER = {
    "name": "vtrace", "distill_cost": 1.0,
    "frames": 480, "num_envs": 8, "unroll": 5, "batches": 2, "discount": 0.99, "reward_clip": 1.0, "rho_clip": 1.0,
    "c_clip": 1.0, "baseline_cost": 0.5, "entropy_cost": 0.05, "optimiser": "rmsprop", "lr": 5e-4,
    "rmsprop": {"alpha": 0.99, "eps": 0.01, "momentum": 0.0}, "grad_norm": 40.0, "distill_first_step_only": False,
    "shaping_reward": "distance", "log_every": 80,
}  # fmt: skip
GAMES = {
    "rtfm-s1": {"items": False, "goal": "monster", "start": "fair"},
    "messenger-s1": {"board": 7, "entities": 6, "wording": "plain"},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def env_params(game: str, split: str = "train") -> dict[str, Any]:
    return {"id": game, "name": f"{game}-{split}", "options": GAMES[game]}


def policy_params(game: str = "rtfm-s1", seed: int = 3, **changes: Any) -> dict[str, Any]:
    params = {
        "env": env_params(game),
        "curve": {"name": f"{game}-test", "episodes": 16, "every": 200, "random_actions": 0.0}, "network": NETWORK,
        "learner": LEARNER, "initialise": False, "distill": 0.0, "shaping": 0.0, "until": 1.0, "seed": seed,
    }  # fmt: skip
    return params | changes


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a dynamics model of 60 expert games of RTFM."""
    folder = tmp_path_factory.mktemp("teacher")
    demonstrate(folder, "expert")
    pretrain(folder, folder)
    return folder


def demonstrate(folder: Path, source: str, **changes: Any) -> dict[str, Any]:
    params = {"env": env_params("rtfm-s1"), "source": source, "episodes": 60, "terminal": False, "seed": 3}
    return collect.collect(PlainJob(params | changes, folder))


def pretrain_params(head: str = "rep", seed: int = 3) -> dict[str, Any]:
    training = {"lr": 1e-3, "batch": 16, "updates": 30, "validate_every": 10, "grad_norm": 10.0, "validation": 0.15}
    training |= {"prior_updates": 5, "prior_lr": 0.05, "predict_avatar": False}
    params = {"env": env_params("rtfm-s1"), "network": NETWORK, "language": True, "training": training, "seed": seed}
    return params | {"settings": {"head": head}}


def pretrain(demonstrations: Path, folder: Path, **changes: Any) -> PlainJob:
    job = PlainJob(pretrain_params() | changes, folder, {"demonstrations": demonstrations})
    dynamics.train(job)
    return job


def a_learner(
    teacher: Teacher | None = None, distill: float = 0.0, shaping: float = 0.0, **changes: Any
) -> VTraceLearner:
    env = envs.make("rtfm-s1-train", 8, seed=1, **GAMES["rtfm-s1"])
    return VTraceLearner(build(env.layout, NETWORK, seed=2), env, LEARNER | changes, 3, teacher, distill, shaping)


def load_teacher(folder: Path) -> Teacher:
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    return Teacher(folder / "teacher.pt", layout, NETWORK, torch.device("cpu"))


def test_initialisation_loads_the_teachers_very_weights(taught):
    teacher, learner = load_teacher(taught), a_learner()
    heads = {name: tensor.clone() for name, tensor in learner.net.state_dict().items() if "_head" in name}
    assert digest(trunk(learner.net)) != teacher.sha
    teacher.initialise(learner.net)
    assert digest(trunk(learner.net)) == teacher.sha == digest(trunk(teacher.net))
    for name, tensor in heads.items():
        assert torch.equal(learner.net.state_dict()[name], tensor), f"{name} is the policy's own, not the teacher's"


def test_the_teacher_that_trained_is_the_teacher_that_teaches(taught, tmp_path):
    job = PlainJob(policy_params(initialise=True, distill=1.0), tmp_path, {"pretrain": taught})
    result = train.train(job)
    assert result["teacher_sha"] == torch.load(taught / "teacher.pt", weights_only=True)["trunk_sha"]


def test_a_damaged_teacher_is_refused(taught, tmp_path):
    saved = torch.load(taught / "teacher.pt", weights_only=True)
    saved["weights"]["fc.bias"][0] += 1
    torch.save(saved, tmp_path / "teacher.pt")
    with pytest.raises(RuntimeError, match=r"teacher\.pt: the trunk's hash"):
        load_teacher(tmp_path)


def test_distillation_has_a_gradient_on_the_trunk_and_none_on_the_heads_or_the_teacher(taught):
    teacher, learner = load_teacher(taught), a_learner()
    unroll = learner.collector.collect(learner.act)
    flat = {name: field.flatten(0, 1) for name, field in unroll.observation.items()}
    gap(learner.net.features(flat).rep, teacher.net.features(flat).rep).mean().backward()
    assert learner.net.fc.weight.grad.abs().sum() > 0
    assert learner.net.policy_head.weight.grad is None
    assert learner.net.baseline_head.weight.grad is None
    assert all(parameter.grad is None for parameter in teacher.net.parameters())


def test_distillation_changes_what_is_learnt_and_without_it_a_repeat_is_equal(taught):
    def after_one_iteration(teacher: Teacher | None, distill: float) -> str:
        learner = a_learner(teacher, distill)
        learner.iterate()
        return digest(learner.net.state_dict())

    alone = after_one_iteration(None, 0.0)
    assert after_one_iteration(None, 0.0) == alone
    assert after_one_iteration(load_teacher(taught), 0.0) == alone, "λ = 0 is tabula rasa"
    assert after_one_iteration(load_teacher(taught), 1.0) != alone


def test_distance_is_the_mean_square_over_steps_columns_and_dimensions(taught):
    teacher, learner = load_teacher(taught), a_learner()
    unroll = learner.collector.collect(learner.act)
    _, terms = a_learner(teacher, 2.0).loss(unroll)
    _, first = a_learner(teacher, 2.0, distill_first_step_only=True).loss(unroll)
    with torch.no_grad():
        gaps = torch.stack([
            (learner.net.features(frame).rep - teacher.net.features(frame).rep).square().mean()
            for frame in ({name: field[t] for name, field in unroll.observation.items()} for t in range(5))
        ])  # fmt: skip
    torch.testing.assert_close(terms["loss/distill"], 2.0 * gaps.mean())
    torch.testing.assert_close(first["loss/distill"], 2.0 * gaps[0])


def test_a_loss_is_the_sum_of_its_terms_with_their_costs(taught):
    learner = a_learner(load_teacher(taught), 1.0)
    loss, terms = learner.loss(learner.collector.collect(learner.act))
    assert list(terms) == ["loss/policy", "loss/baseline", "loss/entropy", "loss/distill"]
    torch.testing.assert_close(loss, sum(terms.values()))


def test_the_learning_rate_falls_linearly_to_zero():
    learner = a_learner(optimiser="adam", frames=80, lr=1.0)  # 20 frames an update
    rates = []
    learner.optimiser.step = lambda: rates.append(learner.optimiser.param_groups[0]["lr"])
    learner.iterate()
    learner.iterate()
    assert rates == pytest.approx([1.0, 0.75, 0.5, 0.25])
    assert learner.frames == 80


def test_environments_must_divide_into_the_batches():
    with pytest.raises(EnvError, match=r"learner\.num_envs = 8 does not divide into learner\.batches = 3"):
        a_learner(batches=3)


@pytest.mark.parametrize("game", GAMES)
def test_the_same_cell_twice_is_equal_bit_for_bit_and_two_seeds_differ(game, tmp_path):
    def run(seed: int, name: str) -> tuple[list[dict[str, float]], dict[str, Any]]:
        folder = tmp_path / name
        folder.mkdir()
        job = PlainJob(policy_params(game, seed), folder)
        result = train.train(job)
        test = {"env": env_params(game, "test"), "episodes": 40, "random_actions": 0.0, "seed": seed}
        return job.rows, result | evaluate.evaluate(PlainJob(test, folder, {"policy": folder}))

    assert run(3, "first") == run(3, "again")
    assert run(3, "third")[1]["weights_sha"] != run(4, "other")[1]["weights_sha"]


@pytest.mark.parametrize("die_at", [1, 4, 7])
def test_a_policy_run_killed_and_resumed_gives_the_unbroken_curve(taught, tmp_path, die_at):
    params = policy_params(initialise=True, distill=1.0)
    unbroken = PlainJob(params, tmp_path, {"pretrain": taught})
    expected = train.train(unbroken)
    broken = PlainJob(params, tmp_path, {"pretrain": taught}, die_at=die_at)
    with pytest.raises(Killed):
        train.train(broken)
    broken.rows.append({"frames": 10**9})  # written after the checkpoint, so cut on resuming
    broken.die_at = None
    assert train.train(broken) == expected
    assert broken.rows == unbroken.rows


@pytest.mark.parametrize("head", ["paper", "rep"])
def test_a_teacher_killed_and_resumed_is_the_unbroken_one(taught, tmp_path, head):
    unbroken = pretrain(taught, tmp_path, **pretrain_params(head))
    expected = digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"])
    broken = PlainJob(pretrain_params(head), tmp_path, {"demonstrations": taught}, die_at=17)
    with pytest.raises(Killed):
        dynamics.train(broken)
    broken.die_at = None
    dynamics.train(broken)
    assert digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"]) == expected
    assert broken.rows == unbroken.rows


def test_the_published_teacher_is_the_best_of_its_validations(taught, tmp_path):
    job = pretrain(taught, tmp_path)
    data = dynamics.Demonstrations.load(taught / "demonstrations.pt")
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    assert max(row["valid/accuracy"] for row in job.rows) == pytest.approx(
        next(row for row in job.rows if row["frames"] == best_update(job))["valid/accuracy"]
    )
    # copying the last frame is scored on the same tokens: an independent count over padded-out grids
    windows = data.windows()
    held_out = windows[data.episode[windows] >= 51]
    now, then = (data.batch(held_out + i, torch.device("cpu"))[layout.grid] for i in (0, 1))
    asked = then != layout.pad
    assert job.rows[-1]["valid/copy_accuracy"] == pytest.approx(
        ((now == then) & asked).sum().item() / asked.sum().item()
    )


def best_update(job: PlainJob) -> int:
    best = max(job.rows, key=lambda row: row["valid/accuracy"])
    return int(best["frames"])


@pytest.mark.parametrize("head", ["paper", "rep"])
def test_padding_stays_a_zero_vector_through_pretraining(taught, tmp_path, head):
    pretrain(taught, tmp_path, **pretrain_params(head))
    weights = torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"]
    assert weights["emb.weight"][0].abs().max() == 0
    assert weights["emb.weight"][1:].abs().min() > 0


def test_without_its_prior_head_rep_saturates_the_representation(taught, tmp_path):
    """The prior takes the unchanging cells off the trunk, whose tanh keeps room to move; without it none is left."""
    frames = dynamics.Demonstrations.load(taught / "demonstrations.pt").batch(torch.arange(50), torch.device("cpu"))

    def spread(prior_updates: int) -> float:
        params = pretrain_params()
        params["training"] |= {"updates": 100, "prior_updates": prior_updates}
        pretrain(taught, tmp_path, **params)
        return load_teacher(tmp_path).net.features(frames).rep.std(dim=0).mean().item()

    assert spread(300) > 10 * spread(0)


@pytest.mark.parametrize("help_wanted", [{"initialise": True}, {"distill": 0.5}, {"shaping": 0.01}])
def test_a_method_that_needs_a_teacher_does_not_run_without_one(tmp_path, help_wanted):
    with pytest.raises(EnvError, match="there is no pretraining to take a teacher from"):
        train.train(PlainJob(policy_params(**help_wanted), tmp_path))


def test_an_early_checkpoint_is_the_run_itself_up_to_there(tmp_path):
    whole, part = PlainJob(policy_params(), tmp_path), PlainJob(policy_params(until=0.5), tmp_path)
    train.train(whole)
    result = train.train(part)
    assert result["frames"] == 240
    assert [row for row in whole.rows if row["frames"] <= 240] == [row for row in part.rows if row["frames"] < 240] + [
        row for row in part.rows if row["frames"] == 240 and "train/win_rate" in row
    ]


def test_demonstrations_are_the_experts_whole_episodes(tmp_path):
    result = demonstrate(tmp_path, "expert")
    data = dynamics.Demonstrations.load(tmp_path / "demonstrations.pt")
    assert result["win_rate"] == 1.0
    assert data.episode.unique().tolist() == list(range(60))
    assert result["frames"] == len(data.episode) == round(result["episode_length"] * 60)
    demonstrate(tmp_path, "expert", terminal=True)
    longer = dynamics.Demonstrations.load(tmp_path / "demonstrations.pt")
    assert len(longer.episode) == len(data.episode) + 60


def test_a_random_player_demonstrates_worse_than_the_expert(tmp_path):
    assert demonstrate(tmp_path, "random")["win_rate"] < 0.9


def test_a_checkpoint_demonstrates_its_own_greedy_play(tmp_path):
    train.train(PlainJob(policy_params(), tmp_path))
    params = {
        "env": env_params("rtfm-s1"),
        "source": "checkpoint",
        "episodes": 60,
        "random_actions": 0.0,
        "terminal": False,
        "seed": 3,
    }
    first = collect.collect(PlainJob(params, tmp_path, {"demonstrator": tmp_path}))
    again = collect.collect(PlainJob(copy.deepcopy(params), tmp_path, {"demonstrator": tmp_path}))
    assert first == again


def test_every_policy_meets_the_same_test_games(tmp_path):
    """The fixed list: two different policies start from equal first observations, copy by copy."""
    seen = []

    class Recorder:
        def __init__(self, env):
            self.env = env

        def __getattr__(self, name):
            return getattr(self.env, name)

        def reset(self):
            seen.append(self.env.reset())
            return seen[-1]

    for seed in (0, 1):
        env = envs.make("rtfm-s1-test", 32, seed=9, **GAMES["rtfm-s1"])
        evaluate.play(build(env.layout, NETWORK, seed), Recorder(env))
    assert all(torch.equal(seen[0][name], seen[1][name]) for name in seen[0])
