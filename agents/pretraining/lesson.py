"""What every kind of pretraining is given: the environment's layout, and the demonstrations in two parts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

import envs
from agents.demonstrations import Demonstrations
from agents.job import Job
from agents.pretraining.windows import split
from envs.base import Layout


class Lesson(NamedTuple):
    """layout: of the training environment. fitted, held_out: windows of ``data``, int64."""

    layout: Layout
    data: Demonstrations
    fitted: Tensor
    held_out: Tensor


def read(job: Job, parent: str, language: bool = True) -> Lesson:
    """The lesson of a stage with the params ``env`` and ``training``, from the demonstrations of a parent.

    language: whether the descriptions of the world are shown.
    """
    env = job.params["env"]
    layout = envs.make(env["name"], 1, torch.device(job.device), **env["options"]).layout
    data = Demonstrations.load(job.parents[parent] / "demonstrations.pt").shown(layout, language)
    return Lesson(layout, data, *split(data, job.params["training"]["validation"]))
