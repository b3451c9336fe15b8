"""What a process of Sample Factory's takes from the configuration that it is sent."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import torch

from agents.appo.tether import DEAF_TO, Tether


def look(tether: Tether, told: Any) -> None:
    """In the child: what has become of it by unpickling the tether."""
    told.put(
        {
            "parent": tether.parent,
            "deaf": [signal.getsignal(number) == signal.SIG_IGN for number in DEAF_TO],
            "threads": torch.get_num_threads(),
            "name": Path("/proc/self/comm").read_text().strip(),
            "drawn": torch.initial_seed(),
        }
    )


def child(seed: int, name: str) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=look, args=(Tether.here(seed), told), name=name)
    process.start()
    seen: dict[str, Any] = told.get()
    process.join()
    return seen


def test_a_child_is_named_deaf_to_stops_and_on_one_thread_with_random_numbers_of_its_own():
    one, other = child(5, "inference_proc0-0"), child(6, "inference_proc0-0")
    assert one["parent"] == os.getpid()
    assert all(one["deaf"]), "a stop that everybody hears would take the learner away before it has been saved"
    assert one["threads"] == 1
    assert one["name"] == "inference_proc0"
    assert one["drawn"] != other["drawn"], "PyTorch begins every process with the same number"


def test_at_home_it_changes_nothing():
    before = [signal.getsignal(number) for number in DEAF_TO]
    tether = Tether.here(5)
    assert pickle.loads(pickle.dumps(tether)) == copy.deepcopy(tether) == tether
    assert [signal.getsignal(number) for number in DEAF_TO] == before
