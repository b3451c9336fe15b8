"""What can be changed about RTFM, with defaults: the intended behaviour of the original."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from envs.base import EnvError

_CHOICES: dict[str, tuple[str, ...]] = {
    "tokenizer": ("words", "bert-base-uncased"),
    "goal": ("team", "monster"),
    "facts": ("all", "elements", "teams"),
    "start": ("uniform", "fair"),
}


@dataclass(frozen=True)
class Options:
    """Environment options; those under "Reductions" make the task easier and serve small presets only."""

    max_steps: int = 80
    """The episode ends with -1 on this action. The original means 80 but cuts on the 81st: 81 matches its count."""
    time_penalty: float = -0.02
    """Reward of every step that does not end the episode."""
    tokenizer: str = "words"
    """"words": closed vocabulary; "bert-base-uncased": the original's word pieces (extra `bert`)."""
    tokenizer_files: str | None = None
    """A vocab.txt, or a folder with one, instead of the copy inside the extra `bert`."""
    redraw_text: bool = False
    """Stage 4 only: draw wording and order of the facts anew at every observation, as the original's s4 train does."""

    # Reductions.
    items: bool = True
    """False: no items on the board; the player starts with the item that beats the target (``inv`` shows it)."""
    goal: str = "team"
    """"monster": the goal names the target monster's noun instead of its team, so team facts are not needed."""
    facts: str = "all"
    """"elements" or "teams": the manual states only these facts."""
    start: str = "uniform"
    """"fair": both monsters equally near and in different directions, and likewise both items."""

    @classmethod
    def checked(cls, env_id: str, given: Mapping[str, Any]) -> Options:
        """Options from keyword arguments. Raises EnvError for an unknown name or a value that cannot be meant."""
        known = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise EnvError(f"{env_id} has no option {name!r}; did you mean {near!r}? It has {', '.join(known)}")
            _check(env_id, name, value)
        options = cls(**given)
        if options.redraw_text and "-s4-" not in env_id:
            raise EnvError(f"{env_id}: redraw_text needs the paraphrases of stage 4; stages 1 to 3 have one wording")
        if options.tokenizer_files is not None and options.tokenizer == "words":
            raise EnvError(f"{env_id}: tokenizer_files belongs to tokenizer='bert-base-uncased', not to 'words'")
        return options


def _check(env_id: str, name: str, value: Any) -> None:
    expected = None
    if name in _CHOICES and value not in _CHOICES[name]:
        expected = "one of " + ", ".join(map(repr, _CHOICES[name]))
        if isinstance(value, str):
            near = difflib.get_close_matches(value, _CHOICES[name], n=1)
            expected += f" (did you mean {near[0]!r}?)" if near else ""
    elif name in ("items", "redraw_text") and not isinstance(value, bool):
        expected = "True or False"
    elif name == "max_steps" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        expected = "a whole number of at least 1"
    elif name == "time_penalty" and (
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ):
        expected = "a finite number"
    elif name == "tokenizer_files" and not (value is None or isinstance(value, str)):
        expected = "a path or None"
    if expected:
        raise EnvError(f"{env_id}: {name} is {value!r}, expected {expected}")
