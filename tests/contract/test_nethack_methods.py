"""All nine methods on NetHack: pretraining on windows of recorded screens, and policies that remember."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("nle", reason="needs the package nle (make test installs it)")

import envs
from agents import evaluate, train
from agents.curriculum import begin
from agents.networks import build
from agents.pretraining.screens import cloning, dynamics, inverse, vae
from agents.pretraining.screens.dynamics import Dynamics
from agents.pretraining.screens.prior import average
from agents.pretraining.screens.windows import read
from agents.recordings.record import record
from agents.teacher import HEADS, Teacher, digest, trunk
from envs.base import EnvError
from tests.contract.test_learning import LEARNER
from tests.contract.test_methods import METHODS, PAPER
from tests.nethack_examples import TINY
from tests.nethack_recordings import recording
from tests.plain_job import Killed, PlainJob

CPU = torch.device("cpu")
TRAINING = {
    "lr": 1e-3, "batch": 4, "updates": 6, "validate_every": 2, "grad_norm": 10.0, "validation": 0.25, "length": 9,
    "held_out_windows": 6,
}  # fmt: skip
PRETRAINING = TRAINING | {"predicted": 4, "decoder": "cells", "prior_updates": 3, "prior_lr": 0.05}
INVERSE = TRAINING | {"patience": 2, "hidden": 16}
KINDS: dict[str, tuple[Callable[[Any], dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "dynamics": (dynamics.train, lambda method: {"head": method["head"]}),
    "vae": (vae.train, lambda method: {"latent": 6, "beta": 1.0, "warmup": 0.5}),
    "inverse_bc": (cloning.train, lambda method: {"entropy_cost": 0.01}),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def env_params(**options: Any) -> dict[str, Any]:
    return {"id": "nethack-score", "name": "nethack-score", "options": {"max_steps": 20, "processes": 0} | options}


def policy_params(**changes: Any) -> dict[str, Any]:
    params = {
        "env": env_params(),
        "curve": {"name": "nethack-score", "episodes": 2, "every": 200, "random_actions": 0.0, "sampled": True},
        "network": TINY, "learner": LEARNER | {"frames": 96, "num_envs": 4, "unroll": 6, "log_every": 48},
        "initialise": False, "distill": 0.0, "shaping": 0.0, "until": 1.0, "seed": 3,
    }  # fmt: skip
    return params | changes


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Source -> the run folder of its recordings."""
    found = {}
    for source, games in (("expert", 6), ("random", 8)):
        job = recording(tmp_path_factory.mktemp(source), games, 60, source=source)
        record(job)
        found[source] = job.folder
    return found


def pretraining(method: str, played: dict[str, Path], folder: Path, **training: Any) -> tuple[Any, PlainJob]:
    """A method's stage of pretraining: its target and its job; its inverse model lies beside the random games."""
    settings = METHODS[method]
    target, own = KINDS[settings["pretrain"]]
    params = {
        "env": env_params(), "network": TINY, "language": settings["language"], "training": PRETRAINING | training,
        "settings": own(settings), "seed": 3,
    }  # fmt: skip
    return target, PlainJob(params, folder, {"demonstrations": played[settings["demos"]], "inverse": played["random"]})


@pytest.fixture(scope="module")
def taught(played: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Method -> the run folder of its pretraining; equal pretraining is done once."""
    params = {"env": env_params(), "network": TINY, "training": INVERSE, "seed": 3}
    inverse.train(PlainJob(params, played["random"], {"interaction": played["random"]}))
    found: dict[str, Path] = {}
    done: dict[tuple[Any, ...], Path] = {}
    for name in sorted(PAPER - {"tabula_rasa"}):
        what = tuple(METHODS[name][key] for key in ("pretrain", "demos", "language"))
        if what not in done:
            done[what] = tmp_path_factory.mktemp("pretrained")
            target, job = pretraining(name, played, done[what])
            target(job)
        found[name] = done[what]
    return found


def a_teacher(folder: Path) -> Teacher:
    return Teacher(folder / "teacher.pt", envs.make("nethack-score", processes=0).layout, TINY, CPU)


@pytest.mark.parametrize("name", sorted(PAPER))
def test_every_method_learns_and_is_evaluated(name: str, taught: dict[str, Path], tmp_path: Path) -> None:
    method = METHODS[name]
    coefficients = {key: method[key] for key in ("initialise", "distill", "shaping")}
    parents = {"pretrain": taught[name]} if name in taught else {}
    result = train.train(PlainJob(policy_params(**coefficients), tmp_path, parents))
    assert result["frames"] == 96
    assert result["test/score"] >= 0 and result["test/depth"] >= 1 and result["test/turns"] > 1
    assert ("loss/distill" in result) == (method["distill"] > 0)
    assert ("reward/shaping" in result) == (method["shaping"] > 0)
    params = {"env": env_params(), "episodes": 3, "random_actions": 0.0, "sampled": True, "seed": 3}
    scored = evaluate.evaluate(PlainJob(params, tmp_path, {"policy": tmp_path}))
    assert scored["policy_mode"] == "sampled" and 0 < scored["episode_length"] <= 20


def test_pretraining_moves_the_whole_trunk_and_no_head_but_the_cloned_one(taught: dict[str, Path]) -> None:
    before = build(
        a_teacher(taught["ldd"]).net.layout, TINY, PlainJob(policy_params(), Path()).stream("pretraining weights")
    )
    for name, heads in (("ldd", ()), ("vae", ()), ("inverse_rl", ("policy_head.",))):
        after = a_teacher(taught[name]).net.state_dict()
        moved = {key for key, tensor in before.state_dict().items() if not torch.equal(tensor, after[key])}
        assert moved == {key for key in after if not key.startswith(HEADS) or key.startswith(heads or "none")}, name


def test_a_teacher_starts_a_policy_with_its_trunk_and_heads_of_its_own(taught: dict[str, Path], tmp_path: Path) -> None:
    params = policy_params(initialise=True)
    params["learner"] |= {"frames": 24, "lr": 0.0}
    job = PlainJob(params, tmp_path, {"pretrain": taught["ldd"]})
    train.train(job)
    teacher, weights = a_teacher(taught["ldd"]), torch.load(tmp_path / "policy.pt")["weights"]
    heads = build(teacher.net.layout, TINY, job.stream("weights")).state_dict()
    expected = trunk(teacher.net) | {name: tensor for name, tensor in heads.items() if name.startswith(HEADS)}
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_no_language_and_non_experts_give_other_teachers(taught: dict[str, Path]) -> None:
    assert len({a_teacher(taught[name]).sha for name in ("ldd", "ldd_no_language", "ldd_nonexpert")}) == 3


def test_without_language_the_message_of_the_demonstrations_is_blank(played: dict[str, Path], tmp_path: Path) -> None:
    _, job = pretraining("ldd_no_language", played, tmp_path)
    for language, blank in ((True, False), (False, True)):
        lesson = read(job, "demonstrations", "pretraining order", language)
        shown = lesson.view(lesson.fitted.next()).observation["tty_chars"]
        assert bool((shown[:, :, 0] == ord(" ")).all()) == blank
        assert (shown[:, :, 1:] != ord(" ")).any()


@pytest.mark.parametrize("name", ["ldd", "vae", "inverse_rl"])
def test_pretraining_killed_and_resumed_is_the_unbroken_one(
    name: str, played: dict[str, Path], taught: dict[str, Path], tmp_path: Path
) -> None:
    target, unbroken = pretraining(name, played, tmp_path)
    result = target(unbroken)
    expected = digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"])
    assert result["trunk_sha"] == a_teacher(taught[name]).sha, "and a repeat is the same again"
    _, broken = pretraining(name, played, tmp_path)
    broken.die_at = 4
    with pytest.raises(Killed):
        target(broken)
    broken.die_at = None
    assert target(broken) == result
    assert digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"]) == expected
    assert broken.rows == unbroken.rows


def test_a_dynamics_model_comes_to_beat_the_copy_of_the_present_screen(played: dict[str, Path], tmp_path: Path) -> None:
    """On the very games that it is fitted to. At first it predicts what is usual, that cells stay as they are."""
    _, job = pretraining("ldd", played, tmp_path, batch=8)
    lesson = read(job, "demonstrations", "pretraining order")
    model = Dynamics(lesson.view, TINY, {**job.params["training"], "head": "paper"}, seed=1)
    model.decoder.start_from(average(lesson.fitted, lesson.view, 10))
    optimiser = torch.optim.Adam(model.modules.parameters(), lr=1e-2)
    rows = []
    for _ in range(2):
        with torch.no_grad():
            rows.append(model.validate(list(lesson.fitted.once(16))))
        for update in range(60):
            optimiser.zero_grad()
            model.loss(lesson.fitted.next(), update).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    before, after = rows
    assert after["valid/copy_accuracy"] == before["valid/copy_accuracy"] >= before["valid/accuracy"]
    assert after["valid/accuracy"] > after["valid/copy_accuracy"]
    assert after["valid/accuracy_changed"] > 0.02 > before["valid/accuracy_changed"]
    assert after["valid/loss"] < 0.75 * before["valid/loss"]


def test_a_policy_goes_on_from_a_curriculum(taught: dict[str, Path], tmp_path: Path) -> None:
    train.train(PlainJob(policy_params(), tmp_path))
    net = build(a_teacher(taught["ldd"]).net.layout, TINY, 77)
    begin(net, PlainJob(policy_params(), tmp_path, {"curriculum": tmp_path}))
    weights = torch.load(tmp_path / "policy.pt")["weights"]
    assert all(torch.equal(weights[name], tensor) for name, tensor in net.state_dict().items())


def test_too_few_games_name_the_remedy(played: dict[str, Path], tmp_path: Path) -> None:
    _, job = pretraining("ldd", played, tmp_path, validation=0.0)
    with pytest.raises(EnvError, match=r"raise demonstrations\.episodes"):
        dynamics.train(job)
