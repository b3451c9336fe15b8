"""A policy network, and beside it its frozen teacher, as Sample Factory's actor and critic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from sample_factory.algo.utils.action_distributions import get_action_distribution
from sample_factory.algo.utils.tensor_dict import TensorDict
from sample_factory.model.actor_critic import ActorCritic
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from agents.appo.task import Task
from agents.networks import Network, build
from agents.networks.nethack import NetHack
from agents.teacher import Teacher


class TaughtActor(ActorCritic):
    """Sample Factory sees [policy's; teacher's; valid actions] from the encoder on, and a state [policy's; teacher's].

    So actors carry the teacher's own memory from frame to frame, from an episode's beginning, and the learner has its
    representations of all frames beside the policy's. What Sample Factory learns and shares is the policy alone.
    """

    def __init__(self, cfg: Any, obs_space: Any, action_space: Any) -> None:
        super().__init__(obs_space, action_space, cfg)
        task: Task = cfg.task
        self.layout = task.layout
        self.net = build(task.layout, task.network, seed=0)  # its weights come from the learner
        self.teacher: Teacher | None = None  # no module of this one: its weights are nobody's parameters
        if task.teacher is not None:
            self.teacher = Teacher(task.teacher, task.layout, dict(task.network), torch.device("cpu"))
        self.reps: tuple[Tensor, Tensor | None]
        """The policy's and the teacher's representations of the frames that went through ``forward_tail`` last."""

    def _nets(self) -> list[Network]:
        return [self.net] if self.teacher is None else [self.net, self.teacher.net]

    def model_to_device(self, device: Any) -> None:
        super().model_to_device(device)
        if self.teacher is not None:
            self.teacher.net.to(device)

    def device_for_input_tensor(self, name: str) -> torch.device:
        return next(self.net.parameters()).device

    def type_for_input_tensor(self, name: str) -> torch.dtype:
        return self.layout.observation[name].dtype

    def forward_head(self, obs: Mapping[str, Tensor]) -> Tensor:
        """Frames [N, …] -> [N, what every network makes of one frame, then the valid actions]."""
        return torch.cat([*(_look(net, obs) for net in self._nets()), obs["valid"]], 1)

    def forward_core(self, heads: Tensor | PackedSequence, state: Tensor) -> tuple[Tensor | PackedSequence, Tensor]:
        """The networks' memories, over one step [N, …] or over sequences; state [sequences, state_size of them all]."""
        if self.net.state_size == 0:
            return heads, state
        nets = self._nets()
        data = heads if isinstance(heads, Tensor) else heads.data
        actions = self.layout.num_actions
        *seen, valid = data.split([(data.shape[1] - actions) // len(nets)] * len(nets) + [actions], 1)
        reps, states = [], []
        for net, vectors, carried in zip(nets, seen, state.chunk(len(nets), 1), strict=True):
            hidden, cell = (half[None].contiguous() for half in carried.chunk(2, 1))
            sequence = vectors[None] if isinstance(heads, Tensor) else heads._replace(data=vectors)
            rep, (hidden, cell) = cast(NetHack, net).core.lstm(sequence, (hidden, cell))
            reps.append(rep[0] if isinstance(heads, Tensor) else rep.data)
            states.append(torch.cat([hidden[0], cell[0]], 1))
        out = torch.cat([*reps, valid], 1)
        return out if isinstance(heads, Tensor) else heads._replace(data=out), torch.cat(states, 1)

    def forward_tail(self, outputs: Tensor, values_only: bool, sample_actions: bool) -> TensorDict:
        """Values and, unless only these are asked for, logits and actions of frames [N, …]."""
        rep, *target = outputs[:, : -self.layout.num_actions].chunk(len(self._nets()), 1)
        self.reps = rep, target[0] if target else None
        result = TensorDict(values=self.net.baseline(rep))
        if values_only:
            return result
        logits = self.net.policy(rep, outputs[:, -self.layout.num_actions :])
        result["action_logits"] = logits
        self.last_action_distribution = get_action_distribution(self.action_space, logits)
        self._maybe_sample_actions(sample_actions, result)
        return result

    def forward(self, obs: Mapping[str, Tensor], state: Tensor, values_only: bool = False) -> TensorDict:
        outputs, after = self.forward_core(self.forward_head(obs), state)
        result = self.forward_tail(cast(Tensor, outputs), values_only, sample_actions=True)
        result["new_rnn_states"] = after
        return result


def _look(net: Network, obs: Mapping[str, Tensor]) -> Tensor:
    """What a network makes of frames, each on its own, before its memory where it has one."""
    return cast(NetHack, net).encoder(dict(obs)) if net.state_size else net.features(dict(obs)).rep


def make_actor(cfg: Any, obs_space: Any, action_space: Any) -> TaughtActor:
    """Sample Factory's factory."""
    return TaughtActor(cfg, obs_space, action_space)
