"""Every method, read from its file: what it changes in a policy's learning, and what it must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import envs
from agents import train
from agents.algorithms.vtrace_learner import VTraceLearner
from agents.demonstrations import Demonstrations
from agents.networks import build
from agents.pretraining import cloning, dynamics, inverse, vae
from agents.teacher import HEADS, Teacher, trunk
from tests.contract.test_learning import (
    GAMES,
    LEARNER,
    NETWORK,
    demonstrate,
    env_params,
    policy_params,
    pretrain_params,
)
from tests.plain_job import PlainJob

METHODS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parents[2] / "configs" / "method").glob("*.yaml"))
}
PAPER = {
    "tabula_rasa", "vae", "inverse_rl", "reward_shaping", "ldd", "ldd_init_only", "ldd_distill_only",
    "ldd_no_language", "ldd_nonexpert",
}  # fmt: skip
TAUGHT = [name for name, method in METHODS.items() if method["pretrain"] != "none"]
VAE = {"latent": 6, "beta": 1.0, "warmup": 0.5}
INVERSE = {
    "lr": 1e-3, "batch": 16, "updates": 30, "validate_every": 10, "patience": 2, "grad_norm": 10.0, "validation": 0.15,
    "hidden": 16,
}  # fmt: skip
KINDS = {
    "dynamics": (dynamics.train, lambda method: {"head": method["head"]}),
    "vae": (vae.train, lambda method: VAE),
    "inverse_bc": (cloning.train, lambda method: {"entropy_cost": 0.0}),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Method -> the run folder of its pretraining on 60 games of RTFM; equal pretraining is done once."""
    base = tmp_path_factory.mktemp("pretrained")
    folders: dict[tuple[Any, ...], Path] = {}
    for source in ("expert", "random"):
        (base / source).mkdir()
        demonstrate(base / source, source)
    inverse_params = {"env": env_params("rtfm-s1"), "network": NETWORK, "training": INVERSE, "seed": 3}
    inverse.train(PlainJob(inverse_params, base, {"interaction": base / "random"}))
    found = {}
    for name in TAUGHT:
        method = METHODS[name]
        what = tuple(method[key] for key in ("pretrain", "demos", "language", "head"))
        if what not in folders:
            folders[what] = base / str(len(folders))
            folders[what].mkdir()
            target, settings = KINDS[method["pretrain"]]
            params = pretrain_params() | {"language": method["language"], "settings": settings(method)}
            target(PlainJob(params, folders[what], {"demonstrations": base / method["demos"], "inverse": base}))
        found[name] = folders[what]
    return found


def load_teacher(folder: Path) -> Teacher:
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    return Teacher(folder / "teacher.pt", layout, NETWORK, torch.device("cpu"))


def a_learner(name: str, teacher: Teacher | None, **changes: Any) -> VTraceLearner:
    """The learner that agents.train builds for a method, with its unroll still to come."""
    method = METHODS[name] | changes
    env = envs.make("rtfm-s1-train", 8, seed=1, **GAMES["rtfm-s1"])
    net = build(env.layout, NETWORK, seed=2)
    if teacher is not None and method["initialise"]:
        teacher.initialise(net)
    return VTraceLearner(net, env, LEARNER, 3, teacher, method["distill"], method["shaping"])


def test_all_methods_of_the_paper_are_files():
    assert set(METHODS) >= PAPER
    assert not any("unavailable" in method for method in METHODS.values())


@pytest.mark.parametrize("name", METHODS)
def test_without_its_coefficients_and_initialisation_a_method_is_tabula_rasa_bit_for_bit(name, taught, tmp_path):
    def run(parents: dict[str, Path]) -> tuple[dict[str, Any], list[dict[str, float]]]:
        job = PlainJob(policy_params(), tmp_path, parents)
        return train.train(job), job.rows

    alone, curve = run({})
    result, same_curve = run({"pretrain": taught[name]} if name in taught else {})
    result.pop("teacher_sha", None)
    assert (result, same_curve) == (alone, curve)


@pytest.mark.parametrize("name", TAUGHT)
def test_initialisation_changes_exactly_what_was_pretrained(name, taught):
    teacher = load_teacher(taught[name])
    net = build(teacher.net.layout, NETWORK, seed=2)
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    teacher.initialise(net)
    pretrained = teacher.net.state_dict()
    cloned = ("policy_head.",) if METHODS[name]["pretrain"] == "inverse_bc" else ()
    for key, tensor in net.state_dict().items():
        own = key.startswith(HEADS) and not key.startswith(cloned)
        assert torch.equal(tensor, before[key] if own else pretrained[key]), key
    assert not torch.equal(net.state_dict()["fc.weight"], before["fc.weight"])


@pytest.mark.parametrize("name", TAUGHT)
def test_a_policy_starts_from_the_trunk_where_its_method_says_so(name, taught):
    teacher = load_teacher(taught[name])
    started, scratch = a_learner(name, teacher).net, build(teacher.net.layout, NETWORK, seed=2)
    expected = trunk(teacher.net) if METHODS[name]["initialise"] else trunk(scratch)
    assert all(torch.equal(tensor, expected[key]) for key, tensor in trunk(started).items())


@pytest.mark.parametrize("name", METHODS)
def test_a_methods_loss_moves_what_it_should_and_nothing_else(name, taught):
    """Distillation reaches the whole trunk and no head; a loss without it has no such term; teachers never move."""
    teacher = load_teacher(taught[name]) if name in taught else None
    learner = a_learner(name, teacher)
    if teacher is not None and METHODS[name]["initialise"]:
        for parameter in learner.net.parameters():  # a policy that equals its teacher is at distance 0
            parameter.data += 0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(4))
    unroll = learner.collector.collect(learner.act)
    loss, terms = learner.loss(unroll)
    assert ("loss/distill" in terms) == (METHODS[name]["distill"] > 0)
    if "loss/distill" in terms:
        terms["loss/distill"].backward(retain_graph=True)
        for key, parameter in learner.net.named_parameters():
            if key.startswith(HEADS):
                assert parameter.grad is None or not parameter.grad.any(), key
        assert learner.net.fc.weight.grad.abs().sum() > 0
        assert learner.net.films[0].conv.weight.grad.abs().sum() > 0
        assert learner.net.text.text_rnn.weight_hh_l0.grad.abs().sum() > 0
    learner.net.zero_grad()
    loss.backward()
    for key in ("policy_head.weight", "baseline_head.weight", "fc.weight"):
        assert dict(learner.net.named_parameters())[key].grad.abs().sum() > 0, key
    if teacher is not None:
        assert all(p.grad is None and not p.requires_grad for p in teacher.net.parameters())


@pytest.mark.parametrize("name", TAUGHT)
def test_pretraining_moves_the_trunk_and_only_the_heads_it_fits(name, taught):
    pretrained = load_teacher(taught[name]).net.state_dict()
    seed = PlainJob(pretrain_params(), taught[name]).stream("pretraining weights")
    start = build(load_teacher(taught[name]).net.layout, NETWORK, seed).state_dict()
    moved = {key for key in start if not torch.equal(start[key], pretrained[key])}
    fits_policy = METHODS[name]["pretrain"] == "inverse_bc"
    assert "fc.weight" in moved
    assert any(key.startswith("films.") for key in moved)
    assert {key for key in moved if key.startswith(HEADS)} == (
        {"policy_head.weight", "policy_head.bias"} if fits_policy else set()
    )


def test_methods_with_the_same_demonstrations_and_model_share_a_teacher(taught):
    shared = {"ldd", "ldd_init_only", "ldd_distill_only", "reward_shaping"}
    assert len({taught[name] for name in shared}) == 1
    assert not {taught[name] for name in set(TAUGHT) - shared} & {taught["ldd"]}


@pytest.mark.parametrize("kind", KINDS)
def test_without_language_a_model_is_fitted_to_what_blank_demonstrations_show(kind, tmp_path):
    """The very model that is fitted to demonstrations stored with empty descriptions."""
    demonstrate(tmp_path, "random")
    params = {"env": env_params("rtfm-s1"), "network": NETWORK, "training": INVERSE, "seed": 3}
    inverse.train(PlainJob(params, tmp_path, {"interaction": tmp_path}))
    shown = Demonstrations.load(tmp_path / "demonstrations.pt")
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    blank = shown.shown(layout, language=False)
    assert blank.frames["wiki_len"].unique().tolist() == blank.frames["task_len"].unique().tolist() == [1]
    assert torch.equal(blank.frames["inv"], shown.frames["inv"])

    def fit(data: Demonstrations, language: bool) -> str:
        data.save(tmp_path / "demonstrations.pt")
        target, settings = KINDS[kind]
        params = pretrain_params() | {"language": language, "settings": settings(METHODS["ldd"])}
        result = target(PlainJob(params, tmp_path, {"demonstrations": tmp_path, "inverse": tmp_path}))
        return str(result["trunk_sha"])

    without = fit(shown, language=False)
    assert without == fit(blank, language=True)
    assert without != fit(shown, language=True)
