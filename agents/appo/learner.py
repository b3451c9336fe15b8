"""Sample Factory's learner with a teacher, a schedule and a start of its own, and the process around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import torch
from sample_factory.algo.learning.learner import Learner
from sample_factory.algo.learning.learner_worker import LearnerWorker
from sample_factory.algo.learning.rnn_utils import build_core_out_from_seq, build_rnn_inputs
from sample_factory.algo.utils.misc import POLICY_ID_KEY
from sample_factory.algo.utils.rl_utils import prepare_and_normalize_obs
from sample_factory.algo.utils.tensor_dict import shallow_recursive_copy
from sample_factory.algo.utils.torch_utils import masked_select
from sample_factory.utils.utils import log
from torch import Tensor

from agents.appo.model import TaughtActor
from agents.appo.task import Snapshot, Task
from agents.teacher import gap

TERMS, SNAPSHOT = "ldd_terms", "ldd_snapshot"
"""Kinds of messages to the runner: mean losses of one iteration; a file with a ``Snapshot`` was written."""


class TaughtLearner(Learner):
    """Distillation is a term of the loss, shaping one of the reward; the learning rate falls linearly to 0.

    It reads and writes none of Sample Factory's checkpoints: 2.1.1 begins anew, without a word, where it cannot read
    one, as happens once it has noted a best score. It starts from ``task.start``, which must be readable.
    """

    actor_critic: TaughtActor

    @property
    def task(self) -> Task:
        return self.cfg.task

    def load_from_checkpoint(self, policy_id: int, load_progress: bool = True) -> None:
        start: Snapshot = torch.load(self.task.start, map_location=self.device, weights_only=True)
        self.actor_critic.net.load_state_dict(start["weights"])  # in place: they are shared with the actors
        if start["optimiser"] is not None:
            self.optimizer.load_state_dict(start["optimiser"])
        if start["returns"] is not None:
            self.actor_critic.returns_normalizer.load_state_dict(start["returns"])
        self.env_steps, self.train_step = start["frames"], start["updates"]

    def save(self) -> bool:
        return False

    def save_best(self, policy_id: int, metric: str, metric_value: float) -> bool:
        return False

    def snapshot(self) -> Snapshot:
        returns = self.actor_critic.returns_normalizer
        return {
            "weights": self.actor_critic.net.state_dict(),
            "optimiser": self.optimizer.state_dict(),
            "returns": None if returns is None else returns.state_dict(),
            "frames": self.env_steps,
            "updates": self.train_step,
        }

    def train(self, batch: Any) -> dict[str, Any] | None:
        """One iteration on a batch [unrolls, T, …]; none after the last frame that is to be learnt from."""
        task = self.task
        if self.env_steps >= task.total:
            return None
        self.curr_lr = task.lr * (1 - min(self.env_steps, task.frames) / task.frames)
        self._terms: dict[str, list[float]] = {}
        stats: dict[str, Any] | None = super().train(batch)
        if stats is not None:
            stats[TERMS] = {name: sum(values) / len(values) for name, values in self._terms.items()}
        return stats

    def _should_save_summaries(self) -> bool:
        return False  # what is reported is in ``train``

    def _record_summaries(self, train_loop_vars: Any) -> dict[str, float]:
        """Nothing: asked for where a loss is high, Sample Factory's own fails with V-trace."""
        return {}

    def _record(self, **values: Tensor | float) -> None:
        for name, value in values.items():
            self._terms.setdefault(name, []).append(float(torch.as_tensor(value).detach()))

    def _prepare_batch(self, batch: Any) -> tuple[Any, int, int]:
        """Sample Factory's, of rewards that are clipped here: as in ``VTraceLearner``, after the teacher's is added."""
        rewards, limit = batch["rewards"], self.cfg.learner_reward_clip
        if self.task.shaping > 0:
            reward = self.task.shaping * self._teachers_reward(batch)
            self._record(**{"reward/shaping": reward.mean()})
            rewards = rewards + reward
        batch = shallow_recursive_copy(batch)
        batch["rewards"] = rewards.clamp(-limit, limit)
        frames, size, invalid = super()._prepare_batch(batch)
        if self.cfg.with_vtrace:
            self._bootstrap(frames, batch["values"][:, -1].cpu())
        return frames, size, invalid

    def _bootstrap(self, frames: Any, values: Tensor) -> None:
        """Let V-trace's targets go on, at the border of an unroll, from the value of the observation there.

        frames: the batch, one unroll after the other, changed in place. values: V(o_T) of every unroll, [unrolls].
        Sample Factory's V-trace makes up a value by which each unroll's last reward cancels out. Here that reward is
        r + γ V(o_T) and ends the sequence, as r does where an episode ends (Espeholt et al. 2018, section 4.1).
        """
        last = slice(self.cfg.rollout - 1, None, self.cfg.rollout)
        frames["rewards_cpu"][last] += self.cfg.gamma * values * (1 - frames["dones_cpu"][last])
        frames["dones_cpu"][last] = 1

    @torch.no_grad()
    def _teachers_reward(self, batch: Any) -> Tensor:
        """The teacher's reward for every step [unrolls, T], of today's policy, before its weight (methods.md 6.3)."""
        steps = batch["rewards"].shape
        net = self.actor_critic
        frames = {name: field[:, :-1].flatten(0, 1) for name, field in batch["obs"].items()}
        outputs = net.forward_head(prepare_and_normalize_obs(net, frames))
        if self.cfg.use_rnn:
            states = batch["rnn_states"][:, :-1].flatten(0, 1)
            ends = batch["dones"].flatten().float().cpu()
            sequence, states, inverse = build_rnn_inputs(outputs, ends, states, steps[1])
            outputs = build_core_out_from_seq(net.forward_core(sequence, states)[0], inverse)
        net.forward_tail(outputs, values_only=True, sample_actions=False)
        distance = self._gap().view(steps)
        return -distance if self.task.form == "distance" else -distance.mean().expand(steps)

    def _calculate_losses(self, mb: Any, num_invalids: int) -> tuple[Any, ...]:
        parts = super()._calculate_losses(mb, num_invalids)
        distribution, policy, entropy, kl_old, kl, value, summaries = parts
        self._record(**{"loss/policy": policy, "loss/baseline": value, "loss/entropy": entropy})
        if self.task.distill > 0:
            distill = self.task.distill * masked_select(self._gap(), mb.valids, num_invalids).mean()
            self._record(**{"loss/distill": distill})
            entropy = entropy + distill  # Sample Factory adds up what stands in this place
        return distribution, policy, entropy, kl_old, kl, value, summaries

    def _gap(self) -> Tensor:
        """Mean squared distance to the teacher of the frames that the network has just seen: [N]."""
        rep, target = self.actor_critic.reps
        assert target is not None, "there is a teacher wherever something is compared with it"
        return gap(rep, target)


class TaughtWorker(LearnerWorker):
    """The process of the learner. It ends at once when something fails in it, in whichever of its two threads: by
    itself, each would wait for the other for ever.
    """

    def __init__(self, loop: Any, cfg: Any, env_info: Any, buffers: Any, batcher: Any, policy_id: int) -> None:
        super().__init__(loop, cfg, env_info, buffers, batcher, policy_id)
        self.learner = TaughtLearner(cfg, env_info, buffers.policy_versions, policy_id, self.param_server)

    def init(self) -> None:
        with self._fatal():
            super().init()

    def start_batcher_thread(self) -> None:
        self.batcher.event_loop.process = self.event_loop.process
        self.batcher_thread = Thread(target=self._batch)
        self.batcher_thread.start()

    def _batch(self) -> None:
        with self._fatal():
            self.batcher.event_loop.exec()

    def on_new_training_batch(self, batch_idx: int) -> None:
        with self._fatal():
            super().on_new_training_batch(batch_idx)

    def snapshot(self, path: str) -> None:
        """Write a ``Snapshot`` and tell the runner, after all that it has been told of the frames before."""
        with self._fatal():
            unfinished = Path(path).with_suffix(".part")
            torch.save(self.learner.snapshot(), unfinished)
            unfinished.rename(path)
            self.report_msg.emit({SNAPSHOT: path, POLICY_ID_KEY: self.learner.policy_id})

    @contextmanager
    def _fatal(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            if self.cfg.serial_mode:
                raise
            log.exception("the learner has failed")
            os._exit(1)
