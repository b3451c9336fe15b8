"""The network ``emma`` written straight from methods.md 1.4, dense and plain: the oracle of the sparse one.

Every observation encodes its own sentences, every cell of every frame asks them, and the convolution runs over the
whole board. Only the parameters are taken from the network under test.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from agents.networks import Features
from agents.networks.emma import Emma
from agents.networks.sentences import LearnedEncoder


def reference_features(net: Emma, obs: dict[str, Tensor], *, history: str, mask_padding: bool) -> Features:
    """The equations for a flat batch of observations, with the switches of the settings."""
    frames = obs[net.layout.grid].long()
    batch, _, height, width, _ = frames.shape

    # token states of each sentence, and which of them are attended
    temb, mask = zip(*(_tokens(net, obs, field, mask_padding) for field in net.layout.texts), strict=True)

    # keys and values
    keys = [_pooled(states, real, net.key_scorer, net.key) for states, real in zip(temb, mask, strict=True)]
    values = [_pooled(states, real, net.value_scorer, net.value) for states, real in zip(temb, mask, strict=True)]
    k, v = torch.stack(keys, 1), torch.stack(values, 1)  # [B, S, width]

    # queries, attention, mean over sentences
    query, avatar = _mean_of_present(net, frames[..., :-1]), _mean_of_present(net, frames[..., -1:])
    scores = torch.einsum("bthwd,bsd->bthws", query, k)
    weights = (scores / k.shape[2] ** 0.5).softmax(4).masked_fill(scores == 0, 0)
    x = (weights[..., None] * v[:, None, None, None]).mean(4)
    x = (x + avatar) / 2  # [B, 3, H, W, width]

    # history into channels, then the convolution
    x = x.reshape(batch, height, width, -1) if history == "reshape" else torch.cat(list(x.unbind(1)), 3)
    conv = F.leaky_relu(F.conv2d(x.permute(0, 3, 1, 2), net.conv.weight, net.conv.bias))
    return Features(conv.permute(0, 2, 3, 1).flatten(1), conv)


def _tokens(net: Emma, obs: dict[str, Tensor], field: str, mask_padding: bool) -> tuple[Tensor, Tensor]:
    tokens, lengths = obs[field].long(), obs[f"{field}_len"].long()[:, 0]
    if isinstance(net.sentences, LearnedEncoder):
        if not mask_padding:
            tokens = F.pad(tokens, (0, max(0, 36 - tokens.shape[1])))
            lengths = lengths.clamp(min=36)
        embedded = net.sentences.emb(tokens)
        packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states = pad_packed_sequence(net.sentences.reader.text_rnn(packed)[0], batch_first=True)[0]
        return states, torch.arange(states.shape[1], device=tokens.device) < lengths[:, None]
    documents = net.sentences(torch.cat([tokens, lengths[:, None]], 1))
    return documents.states.to(net.key.weight.dtype), documents.penalty == 0


def _pooled(states: Tensor, mask: Tensor, scorer: torch.nn.Linear, projection: torch.nn.Linear) -> Tensor:
    alpha = scorer(states).squeeze(2).masked_fill(~mask, float("-inf")).softmax(1)
    pooled: Tensor = (alpha[:, :, None] * projection(states)).sum(1)
    return pooled


def _mean_of_present(net: Emma, ids: Tensor) -> Tensor:
    """Mean over the layers of ids [..., L] that are not empty; zero where all are."""
    embedded: Tensor = net.sprite_emb(ids) * (ids > 0)[..., None]
    return embedded.sum(-2) / (ids > 0).sum(-1, keepdim=True).clamp(min=1)
