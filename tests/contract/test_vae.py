"""The VAE: its divergence and bound against independent implementations, its warm-up, its target, its resuming."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

import envs
from agents.demonstrations import Demonstrations
from agents.pretraining import latent, vae
from agents.teacher import digest
from tests.contract.test_learning import GAMES, NETWORK, demonstrate, pretrain_params
from tests.plain_job import Killed, PlainJob

SETTINGS = {"latent": 6, "beta": 0.5, "warmup": 0.5, "updates": 40, "batch": 16, "predict_avatar": False}
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstrations")
    demonstrate(folder, "expert")
    return folder


def a_vae(demonstrations: Path, **changes: float) -> vae.VAE:
    data = Demonstrations.load(demonstrations / "demonstrations.pt")
    layout = envs.make("rtfm-s1-train", 1, **GAMES["rtfm-s1"]).layout
    return vae.VAE(data, layout, NETWORK, SETTINGS | changes, (1, 2), CPU)


def pretrain(demonstrations: Path, folder: Path, **changes: float) -> PlainJob:
    settings = {name: SETTINGS[name] for name in ("latent", "beta", "warmup")} | changes
    params = pretrain_params() | {"settings": settings}
    params["training"] |= {"prior_updates": 100, "updates": 60}
    return PlainJob(params, folder, {"demonstrations": demonstrations})


def test_the_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    reference = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(latent.divergence(mean, log_variance), reference)


def test_beta_rises_linearly_over_the_warm_up_and_stays(demonstrations):
    model = a_vae(demonstrations)
    assert [model.beta(update) for update in (0, 9, 19, 39)] == pytest.approx([0.025, 0.25, 0.5, 0.5])
    assert a_vae(demonstrations, warmup=0.0).beta(0) == 0.5


def test_the_loss_is_minus_the_bound_per_token_of_the_frames_own_grid(demonstrations):
    model = a_vae(demonstrations)
    torch.nn.init.normal_(model.decoder.linear.weight, std=0.1)
    index = torch.arange(10)
    frames = model.data.batch(index, CPU)
    mean, log_variance = model.latent(model.net.features(frames).rep).chunk(2, dim=1)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(2 + 30))
    logits, tokens = model.readout.read(model.decoder(mean + log_variance.div(2).exp() * noise), frames["name"])
    kl = kl_divergence(Normal(mean, log_variance.div(2).exp()), Normal(0.0, 1.0)).sum()
    expected = (F.cross_entropy(logits, tokens, reduction="sum") + 0.5 * kl) / len(tokens)
    torch.testing.assert_close(model.loss(index, 30), expected, rtol=1e-5, atol=1e-5)
    assert len(tokens) == (frames["name"] != 0).sum(), "every token of the present grid, padding left out"


def test_the_validated_bound_is_of_a_sample_and_per_frame_and_the_score_weighs_it_with_beta(demonstrations):
    model = a_vae(demonstrations)
    torch.nn.init.normal_(model.decoder.linear.weight, std=0.1)
    index = torch.arange(10)
    with torch.no_grad():
        row = model.validate(index)
        mean, log_variance = model.posterior(index)
        z = model.sample(mean, log_variance, 2 - 1)
        logits, tokens = model.readout.read(model.decoder(z), model.data.batch(index, CPU)["name"])
        error = F.cross_entropy(logits, tokens, reduction="sum").item() / 10
        kl = kl_divergence(Normal(mean, log_variance.div(2).exp()), Normal(0.0, 1.0)).sum().item() / 10
    assert row["valid/elbo"] == pytest.approx(-(error + kl), rel=1e-5)
    assert row["valid/score"] == pytest.approx(-(error + 0.5 * kl), rel=1e-5)
    with torch.no_grad():
        assert model.validate(index) == row, "equal noise at every call"


def test_without_a_price_on_information_the_latent_tells_more(demonstrations, tmp_path):
    dear = vae.train(pretrain(demonstrations, tmp_path, beta=10.0))
    free = vae.train(pretrain(demonstrations, tmp_path, beta=0.0))
    assert free["valid/kl"] > 10 * dear["valid/kl"]


def test_a_vae_killed_and_resumed_is_the_unbroken_one(demonstrations, tmp_path):
    unbroken = pretrain(demonstrations, tmp_path)
    result = vae.train(unbroken)
    expected = digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"])
    broken = pretrain(demonstrations, tmp_path)
    broken.die_at = 17
    with pytest.raises(Killed):
        vae.train(broken)
    broken.die_at = None
    assert vae.train(broken) == result
    assert digest(torch.load(tmp_path / "teacher.pt", weights_only=True)["weights"]) == expected
    assert broken.rows == unbroken.rows
