"""Stage target: a variational autoencoder of recorded screens (Kingma & Welling 2014).

The paper names VAE pretraining as a baseline and its release has none: this construction is ours (methods.md 6.5).
Recordings, trunk, decoder and budget are the dynamics model's; what is decoded is the frame's own screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from agents.curriculum import begin
from agents.job import Job
from agents.networks import build
from agents.networks.cpu import tune_process
from agents.networks.seeded import seeded
from agents.pretraining.fit import Fit
from agents.pretraining.latent import Latent, divergence
from agents.pretraining.screens.decoder import build_decoder
from agents.pretraining.screens.prior import average
from agents.pretraining.screens.windows import View, check, followed, outputs, read, require_some
from agents.recordings.stream import Window
from agents.teacher import publish
from envs.base import Observation


class VAE(Latent):
    """The trunk as encoder: z ~ N(μ, σ²), both linear in its representation of the present and what it remembers.

    The screens that the dynamics model predicts from are decoded, each from its z alone.
    settings: latent (dimensions of z), beta, warmup (share of the updates in which β rises linearly from 0), updates,
    decoder, predicted, length.
    """

    score = "valid/score"

    def __init__(
        self, view: View, network: dict[str, Any], settings: Mapping[str, Any], seeds: tuple[int, int]
    ) -> None:
        """seeds: of the weights and of the noise. Raises EnvError."""
        check(settings)
        self.view, self.settings, self.noise_seed = view, settings, seeds[1]
        self.net = build(view.layout, network, seeds[0])
        with seeded(seeds[0] + 1):
            self.latent = nn.Linear(self.net.rep_size, 2 * settings["latent"])
            self.decoder = build_decoder(view.layout, settings["latent"], settings["decoder"], "rep")
        self.modules = nn.ModuleDict({"net": self.net, "latent": self.latent, "decoder": self.decoder}).to(view.device)

    def posterior(self, window: Window) -> tuple[Tensor, Tensor, Observation]:
        """μ and log σ² of frames, each [N, latent], and what these frames show, [N, ...] per field."""
        shown, last = self.view(window), self.settings["predicted"]
        asked = followed(shown)[-last:]
        mean, log_variance = self.latent(outputs(self.net, shown)[-last:][asked]).chunk(2, dim=1)
        return mean, log_variance, {name: field[:-1][-last:][asked] for name, field in shown.observation.items()}

    def loss(self, window: Window, update: int) -> Tensor:
        """(Σ cross-entropy + β_t KL) / cells, z reparameterised: −ELBO per cell where β_t is 1. The noise is a function
        of the update."""
        mean, log_variance, present = self.posterior(window)
        screens = self._screens(present)
        error = self.decoder(self.sample(mean, log_variance, self.noise_seed + update), present).error(screens)
        return (error + self.beta(update) * divergence(mean, log_variance).sum()) / max(1, screens.numel())

    def validate(self, held_out: list[Window]) -> dict[str, float]:
        """accuracy: of the characters, from z = μ. The rest from one sample of z, with equal noise at every call: loss,
        per cell; kl, elbo, in nats per frame; score, the ELBO with β on its KL, which chooses the weights."""
        right = total = frames = 0
        error = kl = 0.0
        for number, window in enumerate(held_out):
            mean, log_variance, present = self.posterior(window)
            screens = self._screens(present)
            right += int((self.decoder(mean, present).best() == screens).sum())
            frames, total = frames + len(screens), total + screens.numel()
            z = self.sample(mean, log_variance, self.noise_seed - 1 - number)
            error += self.decoder(z, present).error(screens).item()
            kl += divergence(mean, log_variance).sum().item()
        require_some(frames)
        return {
            "valid/accuracy": right / total,
            "valid/loss": error / total,
            "valid/kl": kl / frames,
            "valid/elbo": -(error + kl) / frames,
            "valid/score": -(error + self.settings["beta"] * kl) / frames,
        }

    def _screens(self, present: Observation) -> Tensor:
        """The characters of frames: int64 [N, H·W]."""
        return present[self.view.layout.grid].flatten(1).long()


def train(job: Job) -> dict[str, Any]:
    """Fit a VAE to the parent's recordings; publish ``teacher.pt``, the trunk with the best held-out score.

    Returns the published weights' accuracy, KL and ELBO, and their hash.
    """
    tune_process()
    params, settings = job.params, {**job.params["training"], **job.params["settings"]}
    lesson = read(job, "demonstrations", "pretraining order", params["language"])
    seeds = (job.stream("pretraining weights"), job.stream("latent noise"))
    model = VAE(lesson.view, params["network"], settings, seeds)
    begin(model.net, job)
    fit = Fit(job, model, lesson.fitted, lesson.held_out, settings)
    state = job.resume()
    if state is None:
        model.decoder.start_from(average(lesson.fitted, lesson.view, settings["prior_updates"]))
    fit.run(state)
    sha = publish(job, "teacher.pt", model.net)
    return lesson.facts(job, fit, settings["prior_updates"]) | model.net.facts() | {"trunk_sha": sha}
