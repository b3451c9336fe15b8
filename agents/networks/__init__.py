"""Policy networks by name. Add a network by adding its line to ``NETWORKS``."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from agents.networks.base import Features, Memory, Network
from agents.networks.emma import Emma
from agents.networks.errors import NetworkError
from agents.networks.multi import Multi
from agents.networks.nethack import NetHack
from agents.networks.seeded import seeded
from envs.base import Layout

__all__ = ["NETWORKS", "Features", "Memory", "Network", "NetworkError", "build"]

NETWORKS: dict[str, type[Network]] = {"multi": Multi, "emma": Emma, "nethack": NetHack}


def build(layout: Layout, settings: Mapping[str, Any], seed: int) -> Network:
    """A network for an environment's layout, initialised from ``seed`` alone; global random state is left as it was.

    settings: ``name`` of the network and its sizes, as in configs/network/*.yaml. Raises NetworkError.
    """
    sizes = dict(settings)
    name = str(sizes.pop("name", None))
    if name not in NETWORKS:
        raise NetworkError(f"unknown network {name!r}; did you mean {_nearest(name, NETWORKS)!r}?")
    expected = [size for size in inspect.signature(NETWORKS[name]).parameters if size != "layout"]
    for size in sizes.keys() - expected:
        raise NetworkError(f"network {name!r} has no size {size!r}; did you mean {_nearest(size, expected)!r}?")
    for size in expected:
        if size not in sizes:
            raise NetworkError(f"network {name!r} needs the size {size!r}; configs/network/ has complete settings")
    with seeded(seed):
        return NETWORKS[name](layout, **sizes)


def _nearest(word: str, words: Iterable[str]) -> str:
    return difflib.get_close_matches(word, list(words), n=1, cutoff=0.0)[0]
