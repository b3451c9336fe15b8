"""The original Messenger behind our contract, where its package `messenger` is installed; shown as to EMMA.

Its classes StageOne, StageTwo and StageThree (messenger-emma by H. J. Austin Wang, MIT licence, on the engine py-vgdl,
BSD) run as they are, one object per copy and part of the games, in this process. Ours are our step limit and time
penalty, the history of three frames, the token ids, and the mixture of "train".

Two things cannot be had: an expert, since the original has none, and equal episodes for equal seeds, since it draws
from Python's global generator and its engine from the operating system (env_messenger.md §5). Hence
``layout.resume`` is "restart_episodes". Use the family `messenger` for experiments and this one to check it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from envs.base import EnvError
from envs.messenger import human, tokenizer
from envs.messenger.options import DATA_DIR
from envs.messenger_official.official import OfficialMessenger
from envs.messenger_official.options import OPTIONS

SPLITS = ("train", "train-mc", "train-sc", "val", "test")
IDS = (
    *(f"messenger-official-s{stage}-{split}" for stage in OPTIONS for split in SPLITS),
    "messenger-official-s2-test-se",
)
_CLASSES = {1: "StageOne", 2: "StageTwo", 3: "StageThree"}


def make(env_id: str, *, num_envs: int, device: torch.device, seed: int, **options: Any) -> OfficialMessenger:
    """Build one of ``IDS``; ``seed`` fixes only what is drawn here: the part of the games and the manual's order.

    Raises EnvError for an unknown option, and where the original cannot be imported.
    """
    stage_name, split = env_id.removeprefix("messenger-official-").split("-", 1)
    stage = int(stage_name[1:])
    chosen = OPTIONS[stage].checked(env_id, options)
    original = _original(env_id, _CLASSES[stage])
    words = tokenizer(chosen.tokenizer, chosen.tokenizer_files, human_dir=str(human.folder(DATA_DIR)))
    return OfficialMessenger(env_id, stage, split, original, chosen, words, num_envs, device, seed)


def _original(env_id: str, name: str) -> Any:
    ours = env_id.replace("-official", "")
    remedy = (
        "it is not on the package index: install it from a clone of github.com/ahjwang/messenger-emma, "
        f"with the engine py-vgdl and gym that it asks for, or use our own {ours!r}"
    )
    if find_spec("messenger") is None:
        raise EnvError(f"{env_id} needs the original's package `messenger`, which is not installed; {remedy}")
    try:
        return getattr(import_module("messenger.envs"), name)
    except (ImportError, AttributeError) as error:
        raise EnvError(f"{env_id}: cannot import {name} of the package `messenger` ({error}); {remedy}") from error
