"""The network ``nethack`` written straight from methods.md 1.5, frame by frame and gate by gate: the oracle of ours.

Only the parameters are taken from the network under test.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from agents.networks import Features
from agents.networks.nethack import NetHack
from envs.base import Observation


def reference_sequence(net: NetHack, obs: Observation, starts: Tensor, state: Tensor) -> tuple[Features, Tensor]:
    """The equations for T frames of B copies."""
    width = net.rep_size
    outputs, maps = [], []
    h, c = [state[:, :width]], [state[:, width:]]
    for t in range(len(starts)):
        frame = {name: field[t] for name, field in obs.items()}
        vector, seen = _encoded(net, frame)
        now = [
            _cell(net, vector[b], *(x * (0 if starts[t, b] else 1) for x in (h[-1][b], c[-1][b])))
            for b in range(len(vector))
        ]
        h.append(torch.stack([hidden for hidden, _ in now]))
        c.append(torch.stack([cell for _, cell in now]))
        outputs.append(h[-1])
        maps.append(seen)
    return Features(torch.cat(outputs), torch.cat(maps)), torch.cat([h[-1], c[-1]], 1)


def _encoded(net: NetHack, frame: Observation) -> tuple[Tensor, Tensor]:
    """[screen; message; bottom] and the map of the third convolution."""
    encoder, w = net.encoder, dict(net.encoder.named_parameters())
    image = net.layout.image
    assert image is not None
    x = image.render(frame).double() / 255
    for number, stride in enumerate((4, 2, 2)):
        x = F.elu(F.conv2d(x, w[f"convolutions.{number}.weight"], w[f"convolutions.{number}.bias"], stride=stride))
    seen = x
    screen = F.elu(F.linear(x.reshape(len(x), -1), w["picture.weight"], w["picture.bias"]))

    top = (frame["tty_chars"][:, 0].double() - 32) / 96
    for number in (0, 2):
        top = F.elu(F.linear(top, w[f"message.{number}.weight"], w[f"message.{number}.bias"]))

    codes = torch.cat([frame["tty_chars"][:, 22], frame["tty_chars"][:, 23]], 1).double()
    digit = ((codes >= 45) & (codes <= 57)) * (codes - 47) / 10
    bottom = torch.stack([(codes - 32) / 96, digit], 1)
    for number, stride in ((0, 4), (2, 1)):
        bottom = F.elu(F.conv1d(bottom, w[f"status.{number}.weight"], w[f"status.{number}.bias"], stride=stride))
    bottom = bottom.reshape(len(bottom), -1)
    for number in (5, 7):
        bottom = F.elu(F.linear(bottom, w[f"status.{number}.weight"], w[f"status.{number}.bias"]))
    assert encoder.size == screen.shape[1] + top.shape[1] + bottom.shape[1]
    return torch.cat([screen, top, bottom], 1), seen


def _cell(net: NetHack, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of one LSTM: input, forget, cell and output gates, in PyTorch's order."""
    w = dict(net.core.lstm.named_parameters())
    gates = w["weight_ih_l0"] @ x + w["bias_ih_l0"] + w["weight_hh_l0"] @ h + w["bias_hh_l0"]
    i, f, g, o = gates.chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
