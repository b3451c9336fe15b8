"""Messenger: find out from a shuffled manual who is the enemy, who has the message and who is to be given it.

Stage 1 of the game of Hanjie, Zhong and Narasimhan ("Grounding Language to Entities and Dynamics for Generalization in
Reinforcement Learning", ICML 2021), rebuilt from a description of its behaviour. An avatar stands among three still
things. It wins by touching the thing of the right role - the message, or the goal if it starts with the message - and
loses by touching another or by being late. A thing's looks do not tell its role, the manual does; which names belong to
which looks has to be learnt. Games and wording of val and test do not occur in training.

Splits: train (its parts are train-mc and train-sc), val and test; and fit and dev, which cut the games of train, so
that settings can be chosen without a look at the test. A dev game is new as a triple, but fit shows each of its
entities in its role; with 12 entities that is easier than val and test, where these pairs are new, too. fit is told in
the wording of train, dev in that of val.

Licence: the original is MIT (Copyright (c) 2021 H. J. Austin Wang; see NOTICE). Its rules, the names of its entities
and its lists of games (``games_v1.json``) are used; the sentences (``wording_*_v1.json``) are our own, under this
project's licence.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from envs.messenger.options import Options
from envs.messenger.stage1 import MessengerStage1
from envs.messenger.wording import all_sentences
from envs.text import BertTokenizer, Tokenizer, WordTokenizer

SPLITS = ("train", "train-mc", "train-sc", "fit", "dev", "val", "test")
IDS = tuple(f"messenger-s1-{split}" for split in SPLITS)


def make(env_id: str, *, num_envs: int, device: torch.device, seed: int, **options: Any) -> MessengerStage1:
    """Build one of ``IDS``. Raises EnvError for an unknown option or a value that makes no sense."""
    chosen = Options.checked(env_id, options)
    words = tokenizer(chosen.tokenizer, chosen.tokenizer_files)
    return MessengerStage1(env_id, env_id.removeprefix("messenger-s1-"), chosen, words, num_envs, device, seed)


@cache
def tokenizer(name: str, files: str | None = None) -> Tokenizer:
    """The tokenizer of all Messenger games, by the options ``tokenizer`` and ``tokenizer_files``."""
    return WordTokenizer(all_sentences(), family="messenger") if name == "words" else BertTokenizer(files)
