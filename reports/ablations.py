"""Which methods are the subject with a part changed, and which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.coefficients import METHOD
from reports.contrasts import subject
from reports.frame import GridData
from reports.text import plain_value

SWITCHES = ("demos", "checkpoint", "language", "head", "initialise", "distill")
"""What makes a variant of a method that pretrains in one way; the order in which the changes are told."""

FAMILY = ("pretrain", "shaping")
"""What two methods must have in common for one to be a variant of the other."""

WORDS: Mapping[tuple[str, Any], str] = {
    ("language", False): "no language in the demonstrations",
    ("initialise", False): "the policy starts from scratch",
    ("distill", 0.0): "no distillation",
    ("demos", "random"): "demonstrations of random play",
    ("demos", "checkpoint"): "demonstrations of a policy in training",
    ("head", "rep"): "the decoder sees only the representation",
}
"""A switch and its value in a reader's words; others are told as `switch value`."""


@dataclass(frozen=True)
class Change:
    """A switch of a variant and its value there and with the subject. tuned: they differ only by what a search set."""

    switch: str
    value: Any
    usual: Any
    tuned: bool = False

    @property
    def words(self) -> str:
        """What is different, in a few words."""
        told = WORDS.get((self.switch, self.value))
        return told if told is not None else f"{self.switch} {plain_value(self.value)}, not {plain_value(self.usual)}"


def variants_of_subject(data: GridData) -> list[str]:
    """The subject's ablations and variants, in the order of the grid: methods that share its pretraining and differ
    from it in a switch."""
    own = subject(data)
    return [method for method in data.methods if method != own and _is_variant(data, method, own)]


def baselines(data: GridData) -> list[str]:
    """All methods that are neither the subject nor a variant of it."""
    variants = variants_of_subject(data)
    return [method for method in data.methods if method != subject(data) and method not in variants]


def without_pretraining(data: GridData) -> list[str]:
    """The methods of the grid that pretrain nothing, where it says so of any."""
    return [method for method in data.methods if data.plan.methods.get(method, {}).get("pretrain") == "none"]


def _is_variant(data: GridData, method: str, own: str) -> bool:
    here, there = data.plan.methods.get(method, {}), data.plan.methods.get(own, {})
    if there.get("pretrain", "none") == "none":
        return False
    related = all(here.get(name) == there.get(name) for name in FAMILY)
    return related and any(here.get(name) != there.get(name) for name in SWITCHES)


def changes(data: GridData, environment: str, method: str) -> list[Change]:
    """How a variant differs from the subject on an environment, coefficients that a search has set included."""
    own = subject(data)
    about, usual = data.plan.methods.get(method, {}), data.plan.methods.get(own, {})
    here, there = _settings(data, environment, method), _settings(data, environment, own)
    return [
        Change(name, here[name], there[name], tuned=about.get(name) == usual.get(name))
        for name in SWITCHES
        if name in here and name in there and here[name] != there[name]
    ]


def _settings(data: GridData, environment: str, method: str) -> dict[str, Any]:
    """A method's switches on an environment, with the values that a search has set."""
    chosen = (data.tuned.get("values") or {}).get(environment, {}).get(method, {})
    tuned = {key.removeprefix(METHOD): value for key, value in chosen.items() if key.startswith(METHOD)}
    return {**data.plan.methods.get(method, {}), **tuned}
