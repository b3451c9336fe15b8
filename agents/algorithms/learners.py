"""Learning algorithms by name. Add an algorithm by adding its line to ``LEARNERS``."""

from __future__ import annotations

from agents.algorithms.learner import Learner
from agents.algorithms.ppo import PPOLearner
from agents.algorithms.vtrace_learner import VTraceLearner

LEARNERS: dict[str, type[Learner]] = {"vtrace": VTraceLearner, "ppo": PPOLearner}
