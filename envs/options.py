"""How environments declare and check their options: each is a dataclass field with a rule as its metadata."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from envs.base import EnvError

Rule = dict[str, Any]
"""Metadata of a field: ``expected`` says in words what a value should be, ``holds`` tells whether one is that, and
``choices`` are the values, if there are only a few."""


def _rule(expected: str, holds: Callable[[Any], bool], choices: tuple[Any, ...] = ()) -> Rule:
    return {"expected": expected, "holds": holds, "choices": choices}


def one_of(*choices: Any) -> Rule:
    def holds(value: Any) -> bool:
        return any(type(value) is type(choice) and value == choice for choice in choices)

    return _rule(f"one of {', '.join(map(repr, choices))}", holds, choices)


def whole(least: int) -> Rule:
    return _rule(f"a whole number of at least {least}", lambda value: type(value) is int and value >= least)


def number(low: float = -math.inf, high: float = math.inf, expected: str = "a finite number") -> Rule:
    def holds(value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and low <= value <= high

    return _rule(expected, holds)


PROBABILITY = number(0, 1, "a probability")
FLAG = _rule("True or False", lambda value: isinstance(value, bool))
PATH = _rule("a path or None", lambda value: value is None or isinstance(value, str))


@dataclass(frozen=True)
class EnvOptions:
    """What a family's ``Options`` are built on; this one has no option yet."""

    @classmethod
    def checked(cls, env_id: str, given: Mapping[str, Any]) -> Self:
        """Options from keyword arguments. Raises EnvError for an unknown name or a value that cannot be meant."""
        rules = {option.name: option.metadata for option in fields(cls)}
        for name, value in given.items():
            if name not in rules:
                near = difflib.get_close_matches(name, rules, n=1, cutoff=0.0)[0]
                raise EnvError(f"{env_id} has no option {name!r}; did you mean {near!r}? It has {', '.join(rules)}")
            if not rules[name]["holds"](value):
                similar = difflib.get_close_matches(str(value), map(str, rules[name]["choices"]), n=1)
                hint = f" (did you mean {similar[0]!r}?)" if similar else ""
                raise EnvError(f"{env_id}: {name} is {value!r}, expected {rules[name]['expected']}{hint}")
        options = cls(**given)
        options.check_together(env_id)
        return options

    def check_together(self, env_id: str) -> None:
        """Raises EnvError for options that do not go with each other or with the environment."""


@dataclass(frozen=True)
class TextOptions(EnvOptions):
    """What every environment with texts can be asked for; a family's ``Options`` adds its own."""

    tokenizer: str = field(default="words", metadata=one_of("words", "bert-base-uncased"))
    """"words": closed vocabulary; "bert-base-uncased": the original's word pieces (extra `bert`)."""
    tokenizer_files: str | None = field(default=None, metadata=PATH)
    """A vocab.txt, or a folder with one, instead of the copy inside the extra `bert`."""

    def check_together(self, env_id: str) -> None:
        if self.tokenizer_files is not None and self.tokenizer == "words":
            raise EnvError(f"{env_id}: tokenizer_files belongs to tokenizer='bert-base-uncased', not to 'words'")
