"""Between Sample Factory and the stage's job: rows of the curve, looks at test games, checkpoints, stops."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from sample_factory.algo.runners.runner import AlgoObserver
from sample_factory.algo.utils.misc import EPISODIC, LEARNER_ENV_STEPS

from agents.appo.learner import SNAPSHOT, TERMS
from agents.appo.ledger import Ledger
from agents.appo.runner import TaughtRunner
from agents.appo.task import Snapshot
from agents.job import Job
from agents.train import Curve


class NotAtHand(Exception):
    """The learner's state is wanted, and has to be fetched from its process first."""


class Bridge(AlgoObserver):
    """Listens to Sample Factory and writes to the job.

    Whenever the state of the learner is needed, for a checkpoint, for test games or at the end, it asks for a snapshot
    and goes on listening. The learner's messages come in their order, so when the snapshot is there, everything that
    happened before it has been counted and nothing of what came after: a run that is continued from it writes the rows
    that this one would have written, from the same sums.
    """

    runner: TaughtRunner

    def __init__(self, job: Job, curve: Curve, ledger: Ledger, start: Snapshot, folder: Path) -> None:
        self.job, self.curve, self.ledger = job, curve, ledger
        self.newest: Snapshot = start
        self._folder = folder
        self._begun = self._asked = False
        self._number = 0

    def on_init(self, runner: TaughtRunner) -> None:
        """Append to the lists of handlers: the runner's own ``register_policy_msg_handler`` replaces a list."""
        self.runner = runner
        runner.policy_msg_handlers[LEARNER_ENV_STEPS].append(self._learnt)
        runner.policy_msg_handlers[EPISODIC].append(self._played)
        runner.policy_msg_handlers[SNAPSHOT] = [self._arrived]

    def look(self) -> None:
        """Offer a checkpoint, as often as anybody might have asked the stage to stop."""
        if self._asked:
            return
        try:
            self.job.checkpoint(self._state_unless_stale)
        except NotAtHand:
            self._ask()

    def state(self) -> dict[str, Any]:
        """What a run goes on from, as of the newest snapshot."""
        return {"learner": dict(self.newest), "ledger": self.ledger.state_dict(), "curve": self.curve.state_dict()}

    def _state_unless_stale(self) -> dict[str, Any]:
        if self._begun:
            raise NotAtHand
        return self.state()

    def _played(self, runner: TaughtRunner, message: Mapping[str, Any], policy_id: int) -> None:
        self.ledger.played(**message[EPISODIC]["episode_extra_stats"])

    def _learnt(self, runner: TaughtRunner, message: Mapping[str, Any], policy_id: int) -> None:
        """The learner is ready to begin, or has learnt from another batch."""
        self._begun = True
        self.ledger.frames = message[LEARNER_ENV_STEPS]
        self.ledger.learnt(message.get(TERMS, {}))
        if self._asked:
            return
        if self.ledger.frames >= min(self.curve.next_test, self.curve.total):
            self._ask()
        else:
            self.curve.advance()

    def _ask(self) -> None:
        self._asked = True
        self._number += 1
        self.runner.snapshot_wanted.emit(str(self._folder / f"{self._number}.pt"))

    def _arrived(self, runner: TaughtRunner, message: Mapping[str, Any], policy_id: int) -> None:
        path = Path(message[SNAPSHOT])
        self.newest = torch.load(path, map_location="cpu", weights_only=True)
        path.unlink()
        self._asked = False
        self.ledger.net.load_state_dict(self.newest["weights"])
        self.ledger.frames, self.ledger.updates = self.newest["frames"], self.newest["updates"]
        self.job.checkpoint(self.state)
        self.curve.advance()
        if self.ledger.frames >= self.curve.total:
            runner.event_loop.stop()
