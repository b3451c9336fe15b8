"""The network ``emma``: entities attend to the sentences that describe them (methods.md 1.4; Hanjie et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.base import Features, Memory, Network
from agents.networks.distinct import distinct
from agents.networks.emma_memory import Manuals, SentenceMemory, SentenceTables
from agents.networks.errors import NetworkError
from agents.networks.sentences import sentence_encoder
from envs.base import Layout, Observation

SPRITES = 25
"""Entries of the entity embedding in the original; Messenger's ids end at 16."""
KERNEL = 2
HISTORIES = ("permute", "reshape")
OUTSIDE = 2**40
"""A position beyond the maps of every batch."""


class Emma(Network):
    """Entity-conditioned policy network over a short history of frames.

    Equal numbers to the equations of methods.md 1.4, in another order of computation: nearly all cells are empty and
    the network is linear from values to the map, so a sentence is encoded, projected and convolved once per distinct
    sentence, and each occupied cell adds the weighted result to the outputs that its kernel reaches.

    width: of embeddings, keys and values (paper 256). filters: channels of the map (64). hidden: of the heads (128).
    encoder: learned, minilm or bert-base-uncased (paper); encoder_files: folder of a frozen encoder's files; demb,
    drnn: sizes of the learned one. Initial weights are Xavier's, the learned encoder's PyTorch's.
    history: "permute" puts frame t into the t-th block of channels; "reshape" is the original's mixture of time and
    space (quirk M8). mask_padding: false lets padding be read (quirk M7). The representation is the map, cell by cell.
    Raises NetworkError for a layout without frames and sentences, or an encoder that is not there.
    """

    _block: Tensor
    _reached: Tensor

    def __init__(
        self,
        layout: Layout,
        *,
        width: int,
        filters: int,
        hidden: int,
        encoder: str,
        encoder_files: str | None,
        demb: int,
        drnn: int,
        history: str,
        mask_padding: bool,
    ) -> None:
        super().__init__()
        shape = layout.observation[layout.grid].shape
        if layout.history == 1 or len(shape) != 4 or layout.grid_vocab is None or layout.grid_vocab > SPRITES:
            raise NetworkError(
                f"network 'emma' needs a history of frames of at most {SPRITES} entities, but {layout.grid!r} is not "
                "one: set env.options.view=emma"
            )
        if history not in HISTORIES:
            raise NetworkError(f"network.history is {history!r}, expected one of {', '.join(HISTORIES)}")
        self.layout = layout
        self._frames, height, board_width, _ = shape
        self.map_shape = (filters, height - KERNEL + 1, board_width - KERNEL + 1)
        self._area = self.map_shape[1] * self.map_shape[2]
        self.sentences = sentence_encoder(
            encoder, layout, files=encoder_files, demb=demb, drnn=drnn, mask_padding=mask_padding
        )
        self.sprite_emb = nn.Embedding(SPRITES, width, padding_idx=0)
        self.key_scorer, self.key = nn.Linear(self.sentences.width, 1), nn.Linear(self.sentences.width, width)
        self.value_scorer, self.value = nn.Linear(self.sentences.width, 1), nn.Linear(self.sentences.width, width)
        self.conv = nn.Conv2d(self._frames * width, filters, KERNEL)
        self.rep_size = filters * self._area
        shared = nn.Linear(hidden, hidden)
        self.policy_head = _head(self.rep_size, shared, layout.num_actions)
        self.baseline_head = _head(self.rep_size, shared, 1)
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1 and not name.startswith("sentences."):
                nn.init.xavier_uniform_(parameter)
        nn.init.zeros_(self.sprite_emb.weight[0])
        cell, block = _history(self._frames, height * board_width, history)
        self.register_buffer("_block", block, persistent=False)
        self.register_buffer("_reached", _reached(height, board_width)[cell], persistent=False)

    def features(self, obs: Observation, memory: Memory | None = None) -> Features:
        if memory is not None:
            assert isinstance(memory, SentenceMemory), "a memory of this network's own"
            manuals = memory.read(self._sentence_rows(obs))
        else:
            rows = self._sentence_rows(obs)
            first, which = distinct(rows.flatten(0, 1))
            tables = self._tables(rows.flatten(0, 1)[first])
            manuals = Manuals(which.view(rows.shape[:2]), tables, self._avatars())
        return self._look(obs[self.layout.grid], manuals)

    def text_memory(self, num_envs: int) -> SentenceMemory:
        return SentenceMemory(self._tables, self._avatars, num_envs)

    def facts(self) -> dict[str, str]:
        return {"encoder": self.sentences.identity}

    def _sentence_rows(self, obs: Observation) -> Tensor:
        """The sentences, each as its token ids and its length: int64 [B, S, W + 1]."""
        texts = self.layout.texts
        return torch.stack([torch.cat([obs[text], obs[f"{text}_len"]], 1) for text in texts], 1).long()

    def _sprites(self) -> Tensor:
        """The entity embeddings [SPRITES, width]; row 0, the empty cell, is zero and has no gradient."""
        return F.pad(self.sprite_emb.weight[1:], (0, 0, 1, 0))

    def _tables(self, texts: Tensor) -> SentenceTables:
        """What the network makes of sentences int64 [U, W + 1], once for all cells.

        Tokens are pooled before they are projected: Σ α (W h + b) = W Σ α h + b.
        """
        documents = self.sentences(texts)
        states = documents.states.to(self.key.weight.dtype)
        weight = torch.cat([self.key_scorer.weight, self.value_scorer.weight])
        bias = torch.cat([self.key_scorer.bias, self.value_scorer.bias])
        scores = F.linear(states, weight, bias) + documents.penalty.to(states.dtype)[:, :, None]
        pooled = torch.bmm(scores.softmax(1).transpose(1, 2), states)
        keys, values = self.key(pooled[:, 0]), self.value(pooled[:, 1])
        share = 1 / (2 * len(self.layout.texts))  # a cell is half avatar and half mean over sentences
        scores = keys @ self._sprites().T / keys.shape[1] ** 0.5
        return SentenceTables(scores, self._convolved(values * share))

    def _avatars(self) -> Tensor:
        return self._convolved(self._sprites() / 2)

    def _convolved(self, vectors: Tensor) -> Tensor:
        """What vectors [N, width], each alone in a cell, add to the map: [N, frames, KERNEL² · channels]."""
        blocks = self.conv.weight.unflatten(1, (self._frames, -1))  # [channels, frames, width, KERNEL, KERNEL]
        by_width = blocks.permute(2, 1, 3, 4, 0).flatten(1)
        return (vectors @ by_width).unflatten(1, (self._frames, -1))

    def _look(self, grid: Tensor, manuals: Manuals) -> Features:
        """The attention of all occupied cells, and the map that they add up to."""
        batch, channels = len(grid), self.conv.out_channels
        cells = grid.reshape(-1, grid.shape[4])
        entities, avatars = cells[:, :-1], cells[:, -1]

        occupied = entities.any(1).nonzero().squeeze(1)
        observation, block, reached = self._place(occupied, batch)
        ids = entities.index_select(0, occupied).long()
        sentences = manuals.which.index_select(0, observation)
        weights = _attention(manuals.tables.scores, sentences, ids)
        table, rows = manuals.tables.values.flatten(0, 1), sentences * self._frames + block[:, None]
        from_entities = F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")

        standing = avatars.nonzero().squeeze(1)
        _, block, reached_by_avatars = self._place(standing, batch)
        rows = avatars.index_select(0, standing).long() * self._frames + block
        from_avatars = manuals.avatars.flatten(0, 1).index_select(0, rows)

        assert self.conv.bias is not None
        start = self.conv.bias.expand(batch * self._area + 1, -1)  # the last row takes what falls outside of the map
        summed = start.index_add(0, reached, from_entities.view(-1, channels))
        summed.index_add_(0, reached_by_avatars, from_avatars.view(-1, channels))
        conv = F.leaky_relu(summed[:-1]).view(batch, *self.map_shape[1:], channels)
        return Features(conv.flatten(1), conv.permute(0, 3, 1, 2))

    def _place(self, cells: Tensor, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Cells [N], numbered through a batch: their observation, block of channels, and what the kernel makes of them.

        The third, [N · KERNEL²], numbers the positions of all maps; outside of the map it is one beyond the last.
        """
        observation = cells // len(self._block)
        place = cells - observation * len(self._block)
        reached = self._reached.index_select(0, place) + observation[:, None] * self._area
        return observation, self._block.index_select(0, place), reached.clamp(max=batch * self._area).flatten()


def _head(rep_size: int, shared: nn.Linear, out: int) -> nn.Sequential:
    """Actor and critic have the middle layer in common (quirk M9)."""
    hidden = shared.in_features
    return nn.Sequential(nn.Linear(rep_size, hidden), nn.LeakyReLU(), shared, nn.LeakyReLU(), nn.Linear(hidden, out))


def _history(frames: int, cells: int, history: str) -> tuple[Tensor, Tensor]:
    """Where the convolution sees each cell of a history: the cell and the block of channels, int64 [frames · cells]."""
    place = torch.arange(frames * cells)
    return (place % cells, place // cells) if history == "permute" else (place // frames, place % frames)


def _reached(height: int, width: int) -> Tensor:
    """Positions of the map that each cell adds to, one per entry of the kernel: int64 [H · W, KERNEL²]."""
    row, column = torch.arange(height)[:, None, None, None], torch.arange(width)[:, None, None]
    row, column = row - torch.arange(KERNEL)[:, None], column - torch.arange(KERNEL)
    inside = (row >= 0) & (row < height - 1) & (column >= 0) & (column < width - 1)
    return torch.where(inside, row * (width - 1) + column, OUTSIDE).flatten(2).flatten(0, 1)


def _attention(table: Tensor, sentences: Tensor, ids: Tensor) -> Tensor:
    """Weights [N, S] of sentences [N, S] for cells with ids [N, E], by the table of scores [U, SPRITES].

    A cell's query is the mean of its entities' embeddings, so its score is the mean of theirs. A score of exactly zero
    gives no weight.
    """
    entries = sentences[:, :, None] * SPRITES + ids[:, None]
    scores = table.flatten().index_select(0, entries.flatten()).view(entries.shape).sum(2)
    scores = scores / (ids > 0).sum(1, keepdim=True)
    return scores.softmax(1) * (scores != 0)
