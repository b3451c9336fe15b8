"""Which setting a filled-in value is taken from: a person can change that one, and may never have seen the other."""

from __future__ import annotations

import copy

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.configs import change, leaves, plain

_MARK = "\0"  # in no path and in no name


def origin(config: DictConfig, key: str, place: int) -> tuple[str, str] | None:
    """The setting whose words one element of a list begins with, and these; None where they stand in no setting alone.

    Found by changing the settings that have such words, one after another, until the element changes with them.
    """
    element = _element(config, key, place)
    for name, value in leaves(plain(config)).items():
        for words in value if isinstance(value, list) else [value]:
            if isinstance(words, str) and words and element.startswith(words):
                other, marked = copy.deepcopy(config), words + _MARK
                change(other, name, [marked if one == words else one for one in value] if value != words else marked)
                try:
                    found = _element(other, key, place)
                except (OmegaConfBaseException, IndexError, TypeError):
                    continue  # the words choose a list, and marked ones choose none or another
                if found.replace(_MARK, "") == element != found:
                    return name, words
    return None


def _element(config: DictConfig, key: str, place: int) -> str:
    return str(OmegaConf.select(config, key)[place])
