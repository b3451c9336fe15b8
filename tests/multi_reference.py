"""The network ``multi`` written straight from methods.md 1.1, slow and plain: the oracle of the fast one.

Every frame encodes its own texts, every cell its own ids, and each equation is one line. Only the parameters are
taken from the network under test; its fused layers are cut into the equations' own (Conv | Gamma | Beta and
gamma | beta | v).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from agents.networks import Features
from agents.networks.film import DoubleFiLM
from agents.networks.multi import Multi


def reference_features(net: Multi, obs: dict[str, Tensor]) -> Features:
    """Steps 1-8 for a flat batch of observations."""
    dtype = net.emb.weight.dtype
    wiki_field, *other_fields = net.layout.texts

    # 1. cells
    cells = net.name_emb(obs[net.layout.grid].long()).sum((3, 4))  # [B, H, W, demb]

    # 2. texts
    states, mask = _text(net, obs, wiki_field)

    # 3. the other fields, pooled and read against the wiki
    if other_fields:
        pooled = [_self_attention(*_text(net, obs, field), net.text.scorers[field]) for field in other_fields]
        attended = [_dot_attention(states, mask, vector) for vector in pooled]
        n = _mixture(torch.stack(pooled, 1), net.text.nonwiki_scorer)
        w = _mixture(torch.stack(attended, 1), net.text.wiki_attn_scorer)
    else:
        n = _self_attention(states, mask, net.text.nonwiki_scorer)
        w = _dot_attention(states, mask, n)

    # 5. positions; space is (W, H)
    position = obs["rel_pos"].to(dtype).permute(0, 3, 2, 1)
    c = [cells.permute(0, 3, 2, 1)]

    # 6. the FiLM stack
    s = net.c0_trans(_over_space(torch.cat([c[0], position], 1)))
    for i, film in enumerate(net.films, start=1):
        previous = c[4] + c[3] if i == 5 else c[i - 1]
        text = torch.cat([_dot_attention(states, mask, s), n, w], 1)
        out, s = _double_film(film, torch.cat([previous, position], 1), text)
        c.append(out)

    # 8. the representation
    rep = torch.tanh(net.fc(_over_space(c[-1])))
    return Features(rep, c[-1].transpose(2, 3))


def _text(net: Multi, obs: dict[str, Tensor], field: str) -> tuple[Tensor, Tensor]:
    tokens, lengths = obs[field].long(), obs[f"{field}_len"].long().squeeze(1)
    packed = pack_padded_sequence(net.emb(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
    states = pad_packed_sequence(net.text.text_rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])[0]
    return states, torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]


def _self_attention(states: Tensor, mask: Tensor, scorer: torch.nn.Linear) -> Tensor:
    alpha = (scorer(states).squeeze(2) - (~mask) * 1e20).softmax(1)
    return (alpha[:, :, None] * states).sum(1)


def _dot_attention(states: Tensor, mask: Tensor, query: Tensor) -> Tensor:
    alpha = ((states * query[:, None]).sum(2) - (~mask) * 1e20).softmax(1)
    return (alpha[:, :, None] * states).sum(1)


def _mixture(vectors: Tensor, scorer: torch.nn.Linear) -> Tensor:
    return (scorer(vectors).softmax(1) * vectors).sum(1)


def _double_film(film: DoubleFiLM, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    conv, gamma_conv, beta_conv = zip(film.conv.weight.chunk(3), film.conv.bias.chunk(3), strict=True)
    gamma, beta, value = (
        F.linear(t, weight, bias)[:, :, None, None]
        for weight, bias in zip(film.text.weight.chunk(3), film.text.bias.chunk(3), strict=True)
    )
    u = ((1 + gamma) * F.conv2d(x, *conv, padding=1) + beta).relu()
    m = ((1 + F.conv2d(x, *gamma_conv, padding=1)) * value + F.conv2d(x, *beta_conv, padding=1)).relu()
    return u + m, film.summary(_over_space(u + m))


def _over_space(planes: Tensor) -> Tensor:
    return planes.flatten(2).amax(2)
