"""Between Sample Factory's messages and the job: what is counted when, and what a checkpoint holds."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("sample_factory")

from sample_factory.algo.utils.misc import EPISODIC, LEARNER_ENV_STEPS

from agents.appo.bridge import Bridge
from agents.appo.learner import SNAPSHOT, TERMS
from agents.appo.ledger import Ledger
from agents.train import Curve
from tests.appo_runs import params
from tests.plain_job import PlainJob


class Asked(PlainJob):
    """A job that wants a checkpoint only when told to."""

    due = False

    def checkpoint(self, state):
        if self.due:
            super().checkpoint(state)
            self.due = False


class Desk:
    """Stands for the runner and the learner behind it."""

    def __init__(self, tmp_path, **changes: Any) -> None:
        given = params(changes={"frames": 1000, "log_every": 100} | changes)
        given["curve"]["every"] = 10**6
        self.job = Asked(given, tmp_path)
        self.net = torch.nn.Linear(1, 1)
        self.ledger = Ledger(self.net, given["learner"])
        self.wanted: list[str] = []
        self.stopped = 0
        self.policy_msg_handlers: dict[str, list[Any]] = defaultdict(list)
        self.own: list[int] = []
        self.policy_msg_handlers[LEARNER_ENV_STEPS] = [lambda runner, message, policy: self.own.append(policy)]
        self.snapshot_wanted = SimpleNamespace(emit=self.wanted.append)
        self.event_loop = SimpleNamespace(stop=self._stop)
        self.bridge = Bridge(self.job, Curve(self.job, self.ledger), self.ledger, self.state(0), tmp_path)
        self.bridge.on_init(self)

    def _stop(self) -> None:
        self.stopped += 1

    def state(self, frames):
        weights = {name: torch.full_like(tensor, frames) for name, tensor in self.net.state_dict().items()}
        return {"weights": weights, "optimiser": {"moments": frames}, "frames": frames, "updates": frames // 10}

    def tell(self, **message: Any) -> None:
        for key in message:
            for handler in self.policy_msg_handlers.get(key, ()):
                handler(self, message, 0)

    def learns(self, frames, loss=1.0):
        self.tell(**{LEARNER_ENV_STEPS: frames, TERMS: {"loss/policy": loss}})

    def plays(self, score):
        self.tell(**{EPISODIC: {"episode_extra_stats": {"won": 1.0, "episode_return": score, "episode_length": 7.0}}})

    def sends(self, frames):
        torch.save(self.state(frames), self.wanted[-1])
        self.tell(**{SNAPSHOT: self.wanted[-1]})


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_losses_and_episodes_of_a_period_become_one_row(desk):
    desk.learns(0)
    for frames, loss in ((50, 1.0), (100, 3.0)):
        desk.plays(score=frames)
        desk.learns(frames, loss)
    desk.learns(150)
    [row] = desk.job.rows
    assert row["frames"] == 100 and row["loss/policy"] == pytest.approx(5 / 3)
    assert (row["train/episodes"], row["train/episode_return"], row["train/win_rate"]) == (2, 75.0, 1.0)


def test_sample_factorys_own_handlers_are_kept(desk):
    """Its ``register_policy_msg_handler`` would put a function where it then expects a list of them."""
    desk.learns(50)
    assert desk.own == [0]
    assert all(isinstance(handlers, list) for handlers in desk.policy_msg_handlers.values())


def test_a_stop_before_the_learner_has_begun_saves_the_beginning(desk):
    desk.job.due = True
    desk.bridge.look()
    assert desk.job.saved[0]["learner"]["frames"] == 0 and not desk.wanted


def test_a_checkpoint_holds_what_was_counted_up_to_the_learners_state_and_no_more(desk):
    desk.learns(0)
    desk.learns(50)
    desk.job.due = True
    desk.bridge.look()
    assert desk.job.saved is None and len(desk.wanted) == 1, "the learner's process is asked"
    desk.plays(score=3.0)
    desk.learns(120)
    desk.bridge.look()
    assert len(desk.wanted) == 1 and desk.job.rows == [], "it is asked once, and rows wait for its answer"
    desk.sends(120)
    state, rows = desk.job.saved
    assert (state["learner"]["frames"], state["learner"]["optimiser"]) == (120, {"moments": 120})
    assert rows == 0 and [row["frames"] for row in desk.job.rows] == [120], "the row comes after the checkpoint"
    follower = Desk(desk.job.folder)
    follower.ledger.load_state_dict(state["ledger"])
    follower.learns(120, loss=0.0)
    assert follower.job.rows[0]["train/episode_return"] == 3.0, "a continued run writes that row from the same sums"


def test_the_end_is_the_learners_last_state(desk):
    desk.learns(990)
    desk.job.params["curve"]["episodes"] = 0
    desk.bridge.curve.evaluate = lambda: desk.job.log(desk.ledger.frames, tested=1.0)
    desk.learns(1000)
    assert len(desk.wanted) == 1 and desk.stopped == 0
    desk.sends(1000)
    assert desk.stopped == 1 and desk.net.weight.item() == 1000 and desk.ledger.updates == 100
    assert desk.job.rows[-1] == {"frames": 1000, "tested": 1.0}
