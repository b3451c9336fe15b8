"""Sentence encoders: a state per token, learned with the network or of a frozen BERT (methods.md 1.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks import frozen
from agents.networks.attention import Documents
from agents.networks.errors import NetworkError
from agents.networks.text import TokenReader
from envs.base import Layout

ENCODERS = ("learned", "minilm", "bert-base-uncased")
PADDED = 36
"""Tokens to which the original pads every sentence."""


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
        self.folder = frozen.folder(name, files)
        self.width, self.identity = frozen.width(name, self.folder), f"{name}/{frozen.digest(name, self.folder)}"

    @torch.no_grad()
    def forward(self, texts: Tensor) -> Documents:
        tokens, reach = self.reach(texts)
        return frozen.library(self.folder, texts.device).read(tokens, texts[:, -1].clamp(min=1), reach)


def sentence_encoder(
    name: str, layout: Layout, *, files: str | None, demb: int, drnn: int, mask_padding: bool
) -> SentenceEncoder:
    """The encoder called ``name``, one of ENCODERS. Raises NetworkError."""
    if name not in ENCODERS:
        raise NetworkError(f"network.encoder is {name!r}, expected one of {', '.join(ENCODERS)}")
    if name == "learned":
        return LearnedEncoder(layout, demb, drnn, mask_padding)
    return FrozenEncoder(name, files, layout, mask_padding)
