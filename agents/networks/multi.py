"""The network ``multi``: txt2pi with bidirectional FiLM over the grid (methods.md 1.1; Zhong et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from agents.networks.attention import Readers
from agents.networks.base import Features, Memory, Network
from agents.networks.cells import encode_cells
from agents.networks.distinct import distinct
from agents.networks.errors import NetworkError
from agents.networks.film import DoubleFiLM
from agents.networks.memory import TextMemory
from agents.networks.reading import Reading, TextRows
from agents.networks.text import TextEncoder
from envs.base import Layout, Observation

RESIDUAL = 5
"""The layer that receives the sum of the two maps below it; shallower networks have none."""


class Multi(Network):
    """Text-conditioned policy network over a grid of words or entities.

    Equal numbers to the equations of methods.md 1.1, steps 1-8 and 10, in another order of computation: a text is
    encoded once per distinct text, a frame seen once per distinct frame, and cells are convolved as planes. Spatial
    tensors are (channels, W, H) inside.

    demb, drnn, drep: widths of the embeddings, of each LSTM direction, of the representation (paper 100, 200, 400).
    channels: output channels of the FiLM layers (paper 16, 32, 64, 64, 64); a fifth layer also sees the third's output.
    Raises NetworkError for a layout without the fields that it reads, or channels that cannot be added.
    """

    def __init__(self, layout: Layout, *, demb: int, drnn: int, drep: int, channels: Sequence[int]) -> None:
        super().__init__()
        needed = [layout.grid, "rel_pos", *layout.texts, *(f"{text}_len" for text in layout.texts)]
        for field in needed:
            if field not in layout.observation:
                raise NetworkError(f"network 'multi' needs the field {field!r}, which is not in the observation")
        if len(channels) >= RESIDUAL and channels[RESIDUAL - 2] != channels[RESIDUAL - 3]:
            raise NetworkError(f"channels {list(channels)}: layers 3 and 4 are added up, so they must be equally wide")
        self.layout, self.rep_size = layout, drep
        self.map_shape = (channels[-1], *layout.board)
        d2 = 2 * drnn
        self.emb = nn.Embedding(layout.vocabulary, demb, padding_idx=layout.pad)
        self.name_emb = self.emb if layout.grid_vocab is None else nn.Embedding(layout.grid_vocab, demb)
        self.text = TextEncoder(layout.texts, demb, drnn)
        self.c0_trans = nn.Linear(demb + 2, d2)
        inputs = [demb, *channels]
        self.films = nn.ModuleList(DoubleFiLM(inputs[i], out, d2) for i, out in enumerate(channels))
        self.fc = nn.Linear(channels[-1], drep)
        self.policy_head = nn.Linear(drep, layout.num_actions)
        self.baseline_head = nn.Linear(drep, 1)
        self._rows = TextRows(layout.texts, [layout.observation[field].shape[0] for field in layout.texts])

    def features(self, obs: Observation, memory: Memory | None = None) -> Features:
        if memory is not None:
            assert isinstance(memory, TextMemory), "a memory of this network's own"
            readers, conditions = memory.read(obs)
            rep, last = self._see(obs[self.layout.grid], obs["rel_pos"], readers, conditions)
            return Features(rep, last.transpose(2, 3))
        reading = Reading(self.text, self.emb, self._rows, obs)
        frame = distinct(self._frame_rows(obs, reading.situation))
        situation = reading.situation[frame.first]
        conditions = self._condition(reading.context).index_select(0, situation)
        grid, rel_pos = obs[self.layout.grid][frame.first], obs["rel_pos"][frame.first]
        rep, last = self._see(grid, rel_pos, reading.readers(situation), conditions)
        last = last.permute(0, 2, 3, 1).index_select(0, frame.inverse)
        return Features(rep.index_select(0, frame.inverse), last.permute(0, 3, 2, 1))

    def text_memory(self, num_envs: int) -> TextMemory:
        return TextMemory(self.text, self.emb, self._rows, self._condition, num_envs)

    @property
    def _layers(self) -> list[DoubleFiLM]:
        return cast(list[DoubleFiLM], list(self.films))

    def _condition(self, context: Tensor) -> Tensor:
        """What the text condition [n; w] alone decides of every layer's modulation, side by side."""
        return torch.cat([film.condition(context) for film in self._layers], 1)

    def _frame_rows(self, obs: Observation, situation: Tensor) -> Tensor:
        """Everything that a frame's features depend on, as integers: a player who waits sees the same frame again."""
        cells, position = obs[self.layout.grid].long().flatten(1), obs["rel_pos"].double().flatten(1)
        return torch.cat([situation[:, None], cells, position.view(torch.int64)], 1)

    def _see(self, grid: Tensor, rel_pos: Tensor, readers: Readers, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """The FiLM layers: what is seen below asks the document, and its answer modulates the layer's map.

        Returns the representation [B, drep] and the last map [B, channels, W, H].
        """
        ids = grid.long().flatten(3).transpose(1, 2)
        cells = encode_cells(self.name_emb, ids, entities=self.layout.grid_vocab is not None)
        position = rel_pos.to(self.emb.weight.dtype).permute(0, 3, 2, 1)
        position = position.contiguous(memory_format=torch.channels_last)  # as all planes here: the fast convolution

        films = self._layers
        summaries = [self.c0_trans, *(film.summary for film in films[:-1])]
        weights = [cells.weight(films[0].conv.weight), *(film.conv.weight for film in films[1:])]
        modulations = torch.split(conditions, [film.width for film in films], 1)
        maps = [cells.planes.permute(0, 3, 1, 2)]
        seen = torch.cat([cells.maximum(), position.amax((2, 3))], 1)
        for film, summary, weight, condition in zip(films, summaries, weights, modulations, strict=True):
            below = maps[-1] + maps[-2] if len(maps) == RESIDUAL else maps[-1]
            out, seen = film(below, position, weight, readers(summary(seen)), condition)
            maps.append(out)
        return torch.tanh(self.fc(seen)), maps[-1]
