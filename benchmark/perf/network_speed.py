"""Frames per second of the networks on one thread: acting and learning, against the equations written plainly.

    python -m benchmark.perf.network_speed [rtfm-paper emma-learned …] [--repeats 3] [--fast-only]

Observations are real: rollouts of the environment's expert, in which no frame repeats another, and of uniformly drawn
valid actions, whose repeated frames ``multi`` sees once. Acting steps through a rollout with a text memory that
starts empty, as after every update; learning is one forward and backward pass over all its frames. The reference
is the oracle of the tests, `tests/multi_reference.py` or `tests/emma_reference.py`, which encodes every text at every
frame; the states of a frozen sentence encoder are remembered on both sides, as in the original. Times are this
process's own CPU time; both sides run in turns and the best of the repeats counts, so that another load on the machine
hits both alike.

Like all of `benchmark/perf` this is a tool for people that nothing of the product imports, so it may import agents,
environments and, from a checkout, the tests' reference: what is timed is what the tests have shown to be equal.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import envs
from agents.networks import Features, Network, build
from agents.networks.cpu import tune_process
from agents.networks.emma import Emma
from agents.networks.multi import Multi
from envs.base import Observation
from tests import emma_reference, multi_reference

PAPER = {"name": "multi", "demb": 100, "drnn": 200, "drep": 400, "channels": [16, 32, 64, 64, 64]}
EMMA = {
    "name": "emma",
    "width": 256,
    "filters": 64,
    "hidden": 128,
    "encoder_files": None,
    "demb": 100,
    "drnn": 200,
    "history": "permute",
    "mask_padding": True,
}
SMALL = {"name": "multi", "demb": 32, "drnn": 32, "drep": 64, "channels": [16, 16, 32]}


@dataclass(frozen=True)
class Case:
    """An environment with a network, and the sizes of batches that its training uses."""

    env: str
    network: Mapping[str, Any]
    steps: int
    learn: tuple[int, ...]
    act: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


MINI_MESSENGER = {"board": 7, "entities": 6, "wording": "plain", "max_steps": 6}
CASES = {
    "rtfm-paper": Case("rtfm-s1-train", PAPER, steps=81, learn=(24,), act=(24, 96, 256, 1024)),
    "rtfm-small": Case("rtfm-s1-train", SMALL, steps=10, learn=(96,), act=(96, 256, 1024)),
    "messenger-paper": Case("messenger-s1-train", PAPER, steps=10, learn=(24,), act=(24, 96)),
    "messenger-small": Case(
        "messenger-s1-train", SMALL, steps=10, learn=(96,), act=(96, 256, 1024), options=MINI_MESSENGER
    ),
    "emma-learned": Case("messenger-s2-train", EMMA | {"encoder": "learned"}, steps=16, learn=(4, 64), act=(64, 1024)),
    "emma-minilm": Case(
        "messenger-s2-train",
        EMMA | {"encoder": "minilm"},
        steps=16,
        learn=(4, 64),
        act=(64, 1024),
        options={"tokenizer": "bert-base-uncased"},
    ),
}
ACTING_STEPS = 10


def rollout(case: Case, copies: int, steps: int, player: str) -> list[Observation]:
    """Observations of ``steps`` steps of play, by the environment's expert or by uniformly drawn valid actions."""
    env = envs.make(case.env, num_envs=copies, seed=0, **case.options)
    expert, generator = env.expert(), torch.Generator().manual_seed(0)

    def action(obs: Observation) -> Tensor:
        return expert(obs) if player == "expert" else torch.multinomial(obs["valid"], 1, generator=generator).squeeze(1)

    seen = [env.reset()]
    while len(seen) < steps:
        seen.append(env.step(action(seen[-1]))[0])
    return [{name: values.clone() for name, values in obs.items()} for obs in seen]


def reference_features(net: Network, obs: Observation) -> Features:
    """The equations of the network, written plainly."""
    if isinstance(net, Emma):
        return emma_reference.reference_features(net, obs, history="permute", mask_padding=True)
    assert isinstance(net, Multi)
    return multi_reference.reference_features(net, obs)


def learning(net: Network, obs: Observation, features: Callable[[Observation], Features]) -> Callable[[], None]:
    """One forward and backward pass through both heads."""

    def run() -> None:
        net.zero_grad(set_to_none=True)
        rep = features(obs).rep
        (net.policy(rep, obs["valid"]).log_softmax(1)[:, 0].mean() + net.baseline(rep).mean()).backward()

    return run


def acting(net: Network, seen: list[Observation], fast: bool) -> Callable[[], None]:
    """One pass over a rollout, step by step, with a text memory or by the reference."""
    memory = net.text_memory(len(seen[0]["valid"]))

    @torch.no_grad()
    def run() -> None:
        memory.clear()
        for obs in seen:
            rep = (net.features(obs, memory) if fast else reference_features(net, obs)).rep
            net.policy(rep, obs["valid"]).softmax(1)

    return run


def best_times(sides: list[Callable[[], None]], repeats: int) -> list[float]:
    """The least CPU seconds of each side, the sides taking turns; one turn before is not counted."""
    best = [float("inf")] * len(sides)
    for turn in range(repeats + 1):
        for index, side in enumerate(sides):
            begin = time.process_time()
            side()
            if turn > 0:
                best[index] = min(best[index], time.process_time() - begin)
    return best


def report(label: str, frames: int, times: list[float]) -> None:
    fast, *reference = times
    line = f"{label:<40}{frames:>8}{1e6 * fast / frames:>12.0f}{frames / fast:>12.0f}"
    for seconds in reference:
        line += f"{1e6 * seconds / frames:>14.0f}{seconds / fast:>9.1f}x"
    print(line, flush=True)


def measure(name: str, repeats: int, fast_only: bool) -> None:
    case = CASES[name]
    net = build(envs.make(case.env, num_envs=1, seed=0, **case.options).layout, case.network, seed=0)
    for player, copies in itertools.product(("expert", "random"), case.learn):
        seen = rollout(case, copies, case.steps, player)
        batch: dict[str, Tensor] = {key: torch.cat([obs[key] for obs in seen]) for key in seen[0]}
        sides = [learning(net, batch, net.features)]
        if not fast_only:
            sides.append(learning(net, batch, lambda obs: reference_features(net, obs)))
        label = f"{name} learn {case.steps} x {copies}, {player}"
        report(label, copies * case.steps, best_times(sides, repeats))
    for copies in case.act:
        seen = rollout(case, copies, ACTING_STEPS, "random")
        sides = [acting(net, seen, fast=True)]
        if not fast_only:
            sides.append(acting(net, seen, fast=False))
        report(f"{name} act {copies}", copies * ACTING_STEPS, best_times(sides, repeats))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmark.perf.network_speed")
    parser.add_argument("cases", nargs="*", default=list(CASES), choices=list(CASES), metavar="CASE")
    parser.add_argument("--repeats", type=int, default=3, help="measured turns per figure")
    parser.add_argument("--fast-only", action="store_true", help="skip the reference, which takes most of the time")
    asked = parser.parse_args()
    tune_process()
    print(f"torch {torch.__version__}, one thread, CPU time")
    print(f"{'':<40}{'frames':>8}{'us/frame':>12}{'frames/s':>12}{'reference us':>14}{'ratio':>10}")
    for name in asked.cases:
        measure(name, asked.repeats, asked.fast_only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
