"""All nine methods on Messenger with EMMA and PPO: stage 1, and stage 2, which goes on from stage 1's policy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

import envs
from agents import collect, evaluate, train
from agents.algorithms.ppo import PPOLearner
from agents.demonstrations import Demonstrations
from agents.networks import build
from agents.pretraining import inverse
from agents.pretraining.readout import PlaneReadout
from agents.teacher import HEADS, Teacher, trunk
from envs.base import EnvError, cells
from tests.contract.test_learning import pretrain_params
from tests.contract.test_methods import INVERSE, KINDS, METHODS, PAPER
from tests.plain_job import Killed, PlainJob
from tests.unit.test_ppo import GAME, NETWORK, PPO

CPU = torch.device("cpu")
STAGES = (1, 2)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def env_params(stage: int, split: str = "train", **options: Any) -> dict[str, Any]:
    game = f"messenger-s{stage}"
    return {"id": game, "name": f"{game}-{split}", "options": GAME | {"max_steps": 12} | options}


def policy_params(stage: int, **changes: Any) -> dict[str, Any]:
    params = {
        "env": env_params(stage),
        "curve": {"name": f"messenger-s{stage}-test", "episodes": 8, "every": 200, "random_actions": 0.0},
        "network": NETWORK, "learner": PPO | {"frames": 192}, "initialise": False, "distill": 0.0, "shaping": 0.0,
        "until": 1.0, "seed": 3,
    }  # fmt: skip
    return params | changes


@pytest.fixture(scope="module")
def easier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of stage 1's tabula rasa policy."""
    folder = tmp_path_factory.mktemp("easier")
    train.train(PlainJob(policy_params(1), folder))
    return folder


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory, easier: Path) -> dict[tuple[int, str], Path]:
    """(stage, method) -> the run folder of its pretraining; equal pretraining is done once."""
    found: dict[tuple[int, str], Path] = {}
    for stage in STAGES:
        base = tmp_path_factory.mktemp(f"stage{stage}")
        common = {"env": env_params(stage), "network": NETWORK, "seed": 3}
        for source in ("expert", "random"):
            (base / source).mkdir()
            games = {"source": source, "random_actions": 0.0, "episodes": 40, "terminal": False}
            collect.collect(PlainJob(common | games, base / source))
        inverse.train(PlainJob(common | {"training": INVERSE}, base, {"interaction": base / "random"}))
        done: dict[tuple[Any, ...], Path] = {}
        for name in PAPER - {"tabula_rasa"}:
            method = METHODS[name]
            what = tuple(method[key] for key in ("pretrain", "demos", "language"))
            if what not in done:
                done[what] = base / f"pretrained{len(done)}"
                done[what].mkdir()
                target, settings = KINDS[method["pretrain"]]
                params = pretrain_params() | common | {"language": method["language"], "settings": settings(method)}
                parents = {"demonstrations": base / method["demos"], "inverse": base, **started(stage, easier)}
                target(PlainJob(params, done[what], parents))
            found[stage, name] = done[what]
    return found


def started(stage: int, easier: Path) -> dict[str, Path]:
    return {"curriculum": easier} if stage == 2 else {}


def a_teacher(folder: Path, stage: int = 2) -> Teacher:
    return Teacher(folder / "teacher.pt", envs.make(f"messenger-s{stage}-train", 1, **GAME).layout, NETWORK, CPU)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", sorted(PAPER))
def test_every_method_learns_and_is_evaluated(name, stage, taught, easier, tmp_path):
    method = METHODS[name]
    coefficients = {key: method[key] for key in ("initialise", "distill", "shaping")}
    parents = started(stage, easier)
    if (stage, name) in taught:
        parents["pretrain"] = taught[stage, name]
    job = PlainJob(policy_params(stage, **coefficients), tmp_path, parents)
    result = train.train(job)
    assert result["frames"] == 192
    assert ("loss/distill" in result) == (method["distill"] > 0)
    assert ("reward/shaping" in result) == (method["shaping"] > 0)
    params = {"env": env_params(stage, "test"), "episodes": 10, "random_actions": 0.0, "seed": 3}
    scored = evaluate.evaluate(PlainJob(params, tmp_path, {"policy": tmp_path}))
    assert 0 <= scored["win_rate"] <= 1 and scored["policy_mode"] == "argmax"


def test_stage_2_starts_from_the_policy_of_stage_1_heads_and_all(easier, tmp_path):
    params = policy_params(2)
    params["learner"] = PPO | {"frames": 48, "lr": 0.0}
    train.train(PlainJob(params, tmp_path, {"curriculum": easier}))
    before, after = (torch.load(folder / "policy.pt")["weights"] for folder in (easier, tmp_path))
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_with_a_teacher_it_gets_stage_1_through_the_teachers_trunk_and_heads_of_its_own(taught, easier, tmp_path):
    params = policy_params(2, initialise=True)
    params["learner"] = PPO | {"frames": 48, "lr": 0.0}
    job = PlainJob(params, tmp_path, {"curriculum": easier, "pretrain": taught[2, "ldd"]})
    train.train(job)
    teacher = a_teacher(taught[2, "ldd"])
    heads = build(teacher.net.layout, NETWORK, job.stream("weights")).state_dict()
    expected = trunk(teacher.net) | {name: tensor for name, tensor in heads.items() if name.startswith(HEADS)}
    weights = torch.load(tmp_path / "policy.pt")["weights"]
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_pretraining_goes_on_from_stage_1_and_moves_its_trunk_alone(taught, easier):
    before, after = torch.load(easier / "policy.pt")["weights"], a_teacher(taught[2, "ldd"]).net.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert "conv.weight" in moved and not any(name.startswith(HEADS) for name in moved)


def test_a_policy_that_reads_other_words_is_no_curriculum(easier, tmp_path):
    params = policy_params(1, env=env_params(1, vocabulary="stage"))
    with pytest.raises(EnvError, match=r"give both env.options.vocabulary=family"):
        train.train(PlainJob(params, tmp_path, {"curriculum": easier}))


def test_a_policy_of_another_size_is_no_curriculum(easier, tmp_path):
    params = policy_params(2, network=NETWORK | {"width": 6})
    with pytest.raises(EnvError, match="has another network than this environment's"):
        train.train(PlainJob(params, tmp_path, {"curriculum": easier}))


def test_distillation_moves_the_policy_in_every_epoch(taught):
    """The release's gradient reached a copy that no optimiser owned, and in the first epoch only (M2, M3)."""
    teacher = a_teacher(taught[2, "ldd"])

    def learnt(distill: float) -> tuple[dict[str, torch.Tensor], list[torch.Tensor | None]]:
        env = envs.make("messenger-s2-train", 8, seed=1, **GAME)
        learner = PPOLearner(build(env.layout, NETWORK, seed=2), env, PPO, 3, teacher, distill)
        update, terms_met = learner.update, []
        learner.update = lambda loss, terms: (terms_met.append(terms.get("loss/distill")), update(loss, terms))[1]
        learner.iterate()
        return learner.net.state_dict(), terms_met

    without, none = learnt(0.0)
    with_distillation, met = learnt(1e4)
    assert none == [None] * 3
    assert len(met) == 3 and all(term.requires_grad for term in met)
    assert met[0] > met[1] > met[2], "the distance falls from epoch to epoch"
    assert not torch.equal(without["conv.weight"], with_distillation["conv.weight"])


def test_a_stage_2_run_killed_and_resumed_gives_the_unbroken_curve(taught, easier, tmp_path):
    params = policy_params(2, initialise=True, distill=1.0, shaping=0.1)
    params["learner"] = params["learner"] | {"minibatches": 2, "shaping_reward": "likelihood"}
    parents = {"curriculum": easier, "pretrain": taught[2, "ldd"]}
    unbroken = PlainJob(params, tmp_path, parents)
    expected = train.train(unbroken)
    broken = PlainJob(params, tmp_path, parents, die_at=3)
    with pytest.raises(Killed):
        train.train(broken)
    broken.die_at = None
    assert train.train(broken) == expected
    assert broken.rows == unbroken.rows


def test_the_target_does_not_depend_on_the_order_of_the_layers():
    layout = envs.make("messenger-s2-train", 1, **GAME).layout
    frames = torch.zeros(1, 3, 7, 7, 4, dtype=torch.uint8)
    frames[0, 2, 1, 1, :3] = torch.tensor([4, 0, 9])  # two things in one cell
    frames[0, 2, 3, 3] = torch.tensor([0, 6, 0, 15])
    frames[0, 1] = 5  # an older frame
    readout = PlaneReadout(layout, avatar=False)
    tokens = readout.tokens(cells(frames, layout))
    assert tokens.shape == (1, 49, 3)
    assert tokens[0, 8].tolist() == [9, 4, 0] and tokens[0, 24].tolist() == [6, 0, 0]
    assert int(tokens.count_nonzero()) == 3
    shuffled = frames[..., [2, 0, 1, 3]]
    assert torch.equal(readout.tokens(cells(shuffled, layout)), tokens)
    with_avatar = PlaneReadout(layout, avatar=True).tokens(cells(frames, layout))
    assert with_avatar[0, 24].tolist() == [6, 0, 0, 15]


def test_accuracies_of_things_are_those_counted_by_hand(taught, tmp_path):
    """On the things of the next frame, and for copying the last one."""
    base = taught[2, "ldd"].parent
    data = Demonstrations.load(base / "expert" / "demonstrations.pt")
    layout = a_teacher(taught[2, "ldd"]).net.layout
    frames, copied, total = data.frames["frames"], 0, 0
    windows = data.windows()
    held_out = windows[data.episode[windows] >= 34]
    for index in held_out.tolist():
        now, then = frames[index, -1, :, :, :3], frames[index + 1, -1, :, :, :3]
        for row in range(7):
            for column in range(7):
                mine = sorted(now[row, column].tolist(), reverse=True)
                true = sorted(then[row, column].tolist(), reverse=True)
                total += sum(token > 0 for token in true)
                copied += sum(token > 0 and token == other for token, other in zip(true, mine, strict=True))
    target, settings = KINDS["dynamics"]
    params = pretrain_params() | {"env": env_params(2), "network": NETWORK, "settings": settings(METHODS["ldd"])}
    result = target(PlainJob(params, tmp_path, {"demonstrations": base / "expert"}))
    assert layout.unordered == 3
    assert result["valid/copy_accuracy_entities"] == pytest.approx(copied / total)
    assert 0 <= result["valid/accuracy_entities"] <= 1


def test_agreement_pays_the_share_of_the_next_grid_that_the_teacher_names(taught):
    teacher = a_teacher(taught[2, "ldd"])
    env = envs.make("messenger-s2-train", 8, seed=1, **GAME)
    settings = PPO | {"shaping_reward": "agreement"}
    learner = PPOLearner(build(env.layout, NETWORK, seed=2), env, settings, 3, teacher, shaping=0.5)
    unroll = learner.collector.collect(learner.act)
    paid = (learner.shaped(unroll, None, learner.targets(unroll)) - unroll.rewards) / 0.5
    assert teacher.decoder is not None
    for t in range(6):
        now = {name: field[t] for name, field in unroll.observation.items()}
        vectors = teacher.decoder(teacher.net.features(now)).reshape(8, 49, 3, 17)
        after = unroll.observation["frames"][t + 1][:, -1, :, :, :3].sort(-1, descending=True).values
        share = (vectors.argmax(-1) == after.reshape(8, 49, 3)).float().mean((1, 2))
        torch.testing.assert_close(paid[t], torch.where(unroll.done[t], 0.0, share))


def test_emma_reads_the_originals_sentences_through_a_frozen_encoder(tmp_path):
    """Human text, word pieces, MiniLM: recorded in the run, and the same when it is killed and resumed."""
    pytest.importorskip("transformers", reason="needs the extra `bert`")
    if "LDD_BENCH_DATA" not in os.environ:
        pytest.skip("LDD_BENCH_DATA is not set: the original's sentences are not here")
    human = {
        "view": "emma", "vocabulary": "family", "time_penalty": 0.0, "wording": "human", "max_steps": 8,
        "data_dir": str(Path(os.environ["LDD_BENCH_DATA"]) / "messenger"), "tokenizer": "bert-base-uncased",
    }  # fmt: skip
    params = policy_params(2, network=NETWORK | {"encoder": "minilm"})
    params["env"] = params["env"] | {"options": human}
    params["learner"] = params["learner"] | {"num_envs": 4, "frames": 48}
    unbroken = PlainJob(params, tmp_path)
    expected = train.train(unbroken)
    assert expected["encoder"].startswith("minilm/")
    broken = PlainJob(params, tmp_path, die_at=2)
    with pytest.raises(Killed):
        train.train(broken)
    broken.die_at = None
    assert train.train(broken) == expected
    assert broken.rows == unbroken.rows


def test_an_empty_frame_says_nothing_to_the_inverse_model():
    """Summed over the layers of all cells, an embedding of the background would drown the things."""
    layout = envs.make("messenger-s2-train", 1, **GAME).layout
    model = inverse.build(layout, {"demb": 8, "drnn": 4, "hidden": 8}, seed=1)
    frame = torch.zeros(1, 7, 7, 1, 4, dtype=torch.uint8)
    assert not model._cells(frame).any()
    frame[0, 2, 3, 0, 1] = 5
    said = model._cells(frame)[0]
    assert torch.equal(said[17], model.name_emb.weight[5]) and int(said.any(1).sum()) == 1
