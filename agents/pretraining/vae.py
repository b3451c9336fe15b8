"""Stage target: a variational autoencoder of demonstrated observations (Kingma & Welling 2014).

The paper names VAE pretraining as a baseline and its release has none: this construction is ours (methods.md 6.5).
Demonstrations, trunk and budget are the dynamics model's; what is decoded is the frame's own grid, not the next one's.
The texts are read by the encoder and, like the dynamics model's, not decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.curriculum import begin
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.networks import build
from agents.networks.cpu import tune_process
from agents.networks.seeded import seeded
from agents.pretraining.decoder import VectorDecoder
from agents.pretraining.fit import Fit
from agents.pretraining.latent import Latent, divergence
from agents.pretraining.lesson import read
from agents.pretraining.prior import fit_prior
from agents.pretraining.readout import readout
from agents.pretraining.windows import Windows
from agents.teacher import publish
from envs.base import Layout


class VAE(Latent):
    """The trunk as encoder: z ~ N(μ, σ²), both linear in its representation; all cells are decoded from z alone.

    settings: latent (dimensions of z), beta, warmup (share of the updates in which β rises linearly from 0), updates,
    batch, predict_avatar.
    """

    score = "valid/score"

    def __init__(
        self,
        data: Demonstrations,
        layout: Layout,
        network: dict[str, Any],
        settings: Mapping[str, Any],
        seeds: tuple[int, int],
        device: torch.device,
    ) -> None:
        """seeds: of the weights and of the noise."""
        self.data, self.layout, self.settings, self.device = data, layout, settings, device
        self.net = build(layout, network, seeds[0])
        self.readout = readout(self.net, settings["predict_avatar"])
        height, width = layout.board
        with seeded(seeds[0] + 1):
            self.latent = nn.Linear(self.net.rep_size, 2 * settings["latent"])
            self.decoder = VectorDecoder(settings["latent"], height * width, self.readout.width)
        self.modules = nn.ModuleDict({"net": self.net, "latent": self.latent, "decoder": self.decoder}).to(device)
        self.noise_seed = seeds[1]

    def posterior(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """μ and log σ² of frames, each [B, latent]."""
        mean, log_variance = self.latent(self.net.features(self.data.batch(index, self.device)).rep).chunk(2, dim=1)
        return mean, log_variance

    def loss(self, index: Tensor, update: int) -> Tensor:
        """(Σ cross-entropy + β_t KL) / tokens, z reparameterised: −ELBO per token where β_t is 1. The noise is a
        function of the update."""
        mean, log_variance = self.posterior(index)
        logits, tokens = self._decode(self.sample(mean, log_variance, self.noise_seed + update), index)
        error = F.cross_entropy(logits, tokens, reduction="sum")
        return (error + self.beta(update) * divergence(mean, log_variance).sum()) / len(tokens)

    def validate(self, index: Tensor) -> dict[str, float]:
        """accuracy: of the tokens, from z = μ. The rest from one sample of z, with equal noise at every call: loss, per
        token; kl, elbo, in nats per frame; score, the ELBO with β on its KL, which chooses the weights."""
        right = total = 0
        error = kl = 0.0
        for number, part in enumerate(index.split(self.settings["batch"])):
            mean, log_variance = self.posterior(part)
            logits, tokens = self._decode(mean, part)
            right, total = right + int((logits.argmax(-1) == tokens).sum()), total + len(tokens)
            logits, tokens = self._decode(self.sample(mean, log_variance, self.noise_seed - 1 - number), part)
            error += F.cross_entropy(logits, tokens, reduction="sum").item()
            kl += divergence(mean, log_variance).sum().item()
        frames = len(index)
        return {
            "valid/accuracy": right / total,
            "valid/loss": error / total,
            "valid/kl": kl / frames,
            "valid/elbo": -(error + kl) / frames,
            "valid/score": -(error + self.settings["beta"] * kl) / frames,
        }

    def _decode(self, z: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        return self.readout.read(self.decoder(z), self.data.cells(self.layout, index, self.device))


def train(job: Job) -> dict[str, Any]:
    """Fit a VAE to the parent's demonstrations; publish ``teacher.pt``, the trunk with the best held-out score.

    Returns the published weights' token accuracy, KL and ELBO, and their hash.
    """
    tune_process()
    params, settings = job.params, {**job.params["training"], **job.params["settings"]}
    device = torch.device(job.device)
    layout, data, fitted, held_out = read(job, "demonstrations", params["language"])
    seeds = (job.stream("pretraining weights"), job.stream("latent noise"))
    model = VAE(data, layout, params["network"], settings, seeds, device)
    begin(model.net, job)
    source = Windows(fitted, settings["batch"], job.stream("pretraining order"))
    fit = Fit(job, model, source, held_out, settings)
    order = Windows(fitted, settings["batch"], job.stream("prior order"))
    state = job.resume()
    if state is None:
        fit_prior(layout, model.decoder, model.readout, data, order, 0, settings)
    fit.run(state)
    sha = publish(job, "teacher.pt", model.net)
    return fit.facts(settings["prior_updates"] * order.size) | model.net.facts() | {"trunk_sha": sha}
