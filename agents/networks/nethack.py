"""The network ``nethack``: a picture of the hero's surroundings, two lines of text, and a memory (methods.md 1.5)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agents.networks.base import Features, Memory, Network
from agents.networks.errors import NetworkError
from envs.base import Layout, Observation

SPACE, CODES = 32, 96
"""Character codes are read as (code − SPACE) / CODES."""
STATUS_LINES = 2
KERNELS, STRIDES = (8, 4, 3), (4, 2, 2)
"""Of the three convolutions of the picture."""
STATUS_CHANNELS, STATUS_KERNELS, STATUS_STRIDES = (32, 64), (8, 4), (4, 1)
"""Of the two convolutions along the status lines."""


class ScreenEncoder(nn.Module):
    """What a terminal shows in one frame, as the vector [picture; message; status] of ``size`` = screen + 2 text.

    The order is this one everywhere; the original's differs between policy and dynamics model (quirk N3).
    channels: of the three convolutions of the picture around the cursor, which is drawn here, by ``layout.image``.
    screen: width of what is made of the picture. text: width of what is made of the message, the terminal's first line,
    and of the status, its last two.
    Raises NetworkError for a layout without such a picture or screen, and for another number of channels.
    """

    def __init__(self, layout: Layout, *, channels: Sequence[int], screen: int, text: int) -> None:
        super().__init__()
        shape = layout.observation[layout.grid].shape
        if layout.image is None or len(shape) != 2:
            raise NetworkError(
                f"network 'nethack' needs a screen of characters with a picture of it, but {layout.grid!r} is not one; "
                "use it with NetHack"
            )
        if len(channels) != len(KERNELS):
            raise NetworkError(
                f"network 'nethack' has {len(KERNELS)} convolutions of the picture, but channels is {list(channels)}; "
                f"give {len(KERNELS)} numbers"
            )
        self._grid, self._image = layout.grid, layout.image
        columns = shape[1]
        depth, *picture = layout.image.shape
        for kernel, stride in zip(KERNELS, STRIDES, strict=True):
            picture = [(extent - kernel) // stride + 1 for extent in picture]
        if min(picture) < 1:
            raise NetworkError(f"network 'nethack' cannot look at a picture of {layout.image.shape}: it is too small")
        self.map_shape = (channels[-1], picture[0], picture[1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, kernel, stride)
            for before, after, kernel, stride in zip([depth, *channels], channels, KERNELS, STRIDES, strict=False)
        )
        self.picture = nn.Linear(channels[-1] * picture[0] * picture[1], screen)
        self.message = nn.Sequential(nn.Linear(columns, text), nn.ELU(), nn.Linear(text, text), nn.ELU())
        length = STATUS_LINES * columns
        along: list[nn.Module] = []
        for before, after, kernel, stride in zip(
            [2, *STATUS_CHANNELS], STATUS_CHANNELS, STATUS_KERNELS, STATUS_STRIDES, strict=False
        ):
            along += [nn.Conv1d(before, after, kernel, stride), nn.ELU()]
            length = (length - kernel) // stride + 1
        read = nn.Linear(STATUS_CHANNELS[-1] * length, text)
        self.status = nn.Sequential(*along, nn.Flatten(), read, nn.ELU(), nn.Linear(text, text), nn.ELU())
        self.size = screen + 2 * text

    def forward(self, obs: Observation) -> Tensor:
        """The vectors [N, size] of observations with one leading dimension N."""
        return self.look(obs)[0]

    def look(self, obs: Observation) -> tuple[Tensor, Tensor]:
        """The vectors [N, size], and the last feature maps of the pictures [N, *map_shape]."""
        dtype = self.picture.weight.dtype
        seen = self._image.render(obs).to(dtype) / 255
        for convolution in self.convolutions:
            seen = F.elu(convolution(seen))
        screen = obs[self._grid]
        vectors = [
            F.elu(self.picture(seen.flatten(1))),
            self.message(scaled(screen[:, 0].to(dtype))),
            self.status(status_planes(screen[:, -STATUS_LINES:].flatten(1).to(dtype))),
        ]
        return torch.cat(vectors, 1), seen


def scaled(codes: Tensor) -> Tensor:
    """Character codes, a printable one between 0 and 1."""
    return (codes - SPACE) / CODES


def status_planes(codes: Tensor) -> Tensor:
    """Character codes [N, L] as two planes [N, 2, L]: the scaled codes, and the values of digits.

    A digit d is (d + 1) / 10; anything else is 0, but for "-" and "." just before the digits, −0.2 and −0.1.
    """
    digit = torch.where((codes >= ord("-")) & (codes <= ord("9")), (codes - ord("/")) / 10, 0)
    return torch.stack([scaled(codes), digit], 1)


class Core(nn.Module):
    """An LSTM along frames, which forgets where an episode begins.

    inputs: width of a frame's vector. width: of the output, and of each half of the state, [output; cell].
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.state_size = 2 * width
        self.lstm = nn.LSTM(inputs, width)

    def forward(self, vectors: Tensor, starts: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [T, B, width] and the state after the last frame, by vectors [T, B, inputs].

        starts: bool [T, B], which frames begin an episode: their row of the state is zeroed before them. state: [B,
        state_size], before the first frame. The frames between two starts of any copy are computed in one go.
        """
        cuts = [t for t, start in enumerate(starts.any(1).tolist()) if start or t == 0]
        outputs = []
        for first, end in zip(cuts, [*cuts[1:], len(vectors)], strict=True):
            kept = torch.where(starts[first][:, None], 0, state)
            hidden, cell = (half[None].contiguous() for half in kept.chunk(2, 1))
            output, (hidden, cell) = self.lstm(vectors[first:end], (hidden, cell))
            outputs.append(output)
            state = torch.cat([hidden[0], cell[0]], 1)
        return torch.cat(outputs), state


class NothingToRemember:
    """The memory of a network that remembers no texts."""

    def clear(self) -> None:
        return


class NetHack(Network):
    """Recurrent policy network of terminal screens: encoder, LSTM, and linear heads on the LSTM's output.

    channels, screen, text: of ``ScreenEncoder``. core: width of the LSTM, whose output is the representation. Initial
    weights are PyTorch's. It has no previous action or reward as input.
    """

    def __init__(self, layout: Layout, *, channels: Sequence[int], screen: int, text: int, core: int) -> None:
        super().__init__()
        self.layout = layout
        self.encoder = ScreenEncoder(layout, channels=channels, screen=screen, text=text)
        self.core = Core(self.encoder.size, core)
        self.rep_size, self.state_size, self.map_shape = core, self.core.state_size, self.encoder.map_shape
        self.policy_head = nn.Linear(core, layout.num_actions)
        self.baseline_head = nn.Linear(core, 1)

    def features(self, obs: Observation, memory: Memory | None = None) -> Features:
        frames = len(obs[self.layout.grid])
        alone = {name: field[None] for name, field in obs.items()}
        starts = torch.ones(1, frames, dtype=torch.bool, device=obs[self.layout.grid].device)
        return self.sequence(alone, starts, self.initial_state(frames))[0]

    def sequence(
        self, obs: Observation, starts: Tensor, state: Tensor, memory: Memory | None = None
    ) -> tuple[Features, Tensor]:
        vectors, maps = self.encoder.look({name: field.flatten(0, 1) for name, field in obs.items()})
        outputs, state = self.core(vectors.unflatten(0, starts.shape), starts, state)
        return Features(outputs.flatten(0, 1), maps), state

    def text_memory(self, num_envs: int) -> NothingToRemember:
        return NothingToRemember()
