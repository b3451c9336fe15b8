"""Messenger: find out from a shuffled manual who is the enemy, who has the message and who is to be given it.

The game of Hanjie, Zhong and Narasimhan ("Grounding Language to Entities and Dynamics for Generalization in
Reinforcement Learning", ICML 2021), rebuilt from a description of its behaviour. A thing's looks do not tell its role,
the manual does; which names belong to which looks has to be learnt. Games and wording of val and test do not occur in
training.

Stage 1: an avatar stands among three still things. It wins by touching the thing of the right role - the message, or
the goal if it starts with the message - and loses by touching another or by being late. Stage 2: things chase, flee or
stay, and the message has to be taken to the goal. Stage 3: a second message and a second goal kill; they look like the
real ones and only move otherwise, which the manual says, too.

Splits: train (its parts are train-mc and train-sc), val and test; and fit and dev, which cut the games of train, so
that settings can be chosen without a look at the test. A dev game is new as a triple, but fit shows each of its
entities in its role; with 12 entities that is easier than val and test, where these pairs are new, too. fit is told in
the wording of train, dev in that of val. In stage 2, things of test move in combinations that training does not show;
test-se has games and wording of test but moves as training does.

Licence: the original is MIT (Copyright (c) 2021 H. J. Austin Wang; see NOTICE). Its rules, the names of its entities
and its lists of games (``games_v1.json``) are used; the sentences (``wording_*_v1.json``) are our own, under this
project's licence.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

from envs.messenger import human
from envs.messenger.game import MessengerGame
from envs.messenger.moving import MessengerStage2, MessengerStage3
from envs.messenger.options import HUMAN, OPTIONS
from envs.messenger.stage1 import MessengerStage1
from envs.messenger.wording import all_sentences, stage_sentences
from envs.text import BertTokenizer, Tokenizer, WordTokenizer

SPLITS = ("train", "train-mc", "train-sc", "fit", "dev", "val", "test")
STAGES: dict[int, type[MessengerGame[Any]]] = {1: MessengerStage1, 2: MessengerStage2, 3: MessengerStage3}
IDS = (*(f"messenger-s{stage}-{split}" for stage in STAGES for split in SPLITS), "messenger-s2-test-se")


def make(env_id: str, *, num_envs: int, device: torch.device, seed: int, **options: Any) -> MessengerGame[Any]:
    """Build one of ``IDS``. Raises EnvError for an unknown option or a value that makes no sense."""
    _, stage_name, split = env_id.split("-", 2)
    stage = int(stage_name[1:])
    chosen = OPTIONS[stage].checked(env_id, options)
    human_dir = chosen.data_dir if chosen.wording == HUMAN else None
    words = tokenizer(chosen.tokenizer, chosen.tokenizer_files, chosen.vocabulary, stage, human_dir)
    return STAGES[stage](env_id, split, chosen, words, num_envs, device, seed)


def tokenizer(
    name: str, files: str | None = None, vocabulary: str = "stage", stage: int = 1, human_dir: str | None = None
) -> Tokenizer:
    """By the options ``tokenizer``, ``tokenizer_files`` and ``vocabulary``; equal requests get the same object.

    human_dir: where the original's sentences lie, if they are the wording; their words are those of all stages.
    """
    if name != "words":
        return _word_pieces(files)
    return _words(stage if vocabulary == "stage" and human_dir is None else None, human_dir)


@cache
def _word_pieces(files: str | None) -> Tokenizer:
    return BertTokenizer(files)


@cache
def _words(stage: int | None, human_dir: str | None) -> Tokenizer:
    """The words of a stage, or of all of them."""
    if human_dir is not None:
        return WordTokenizer(human.training_sentences(human_dir), family="messenger")
    return WordTokenizer(all_sentences() if stage is None else stage_sentences(stage), family="messenger")
