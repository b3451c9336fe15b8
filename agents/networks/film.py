"""Bidirectional feature-wise modulation: text modulates vision and vision modulates text (methods.md 1.1, step 7)."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class DoubleFiLM(nn.Module):
    """One FiLM² layer of txt2π (Zhong et al. 2020), its two directions computed side by side.

    The equations' layers that read the same input are one layer here: ``conv`` is [Conv | Γ | Β] over the cells and
    ``text`` is [γ | β | v] over the text condition, each with three times ``channels`` outputs. PyTorch's default
    initialisation depends on a layer's inputs only, so the fused layers start distributed as the separate ones.
    """

    def __init__(self, inputs: int, channels: int, d2: int) -> None:
        """inputs: channels of the layer below, positions not counted. d2: width of a text vector."""
        super().__init__()
        self.width = 3 * channels
        self.d2 = d2
        self.conv = nn.Conv2d(inputs + 2, 3 * channels, 3, padding=1)
        self.text = nn.Linear(3 * d2, 3 * channels)
        self.summary = nn.Linear(channels, d2)
        self.one_plus: Tensor  # row 0: the 1 of (1 + γ), row 1: of (1 + Γ); they belong to the biases
        self.register_buffer("one_plus", torch.eye(2, 3).repeat_interleave(channels, 1), persistent=False)

    def condition(self, context: Tensor) -> Tensor:
        """The part of [1 + γ | β | v] that the text condition [n; w] [E, 2 d2] alone decides: [E, 3 channels]."""
        return F.linear(context, self.text.weight[:, self.d2 :], self.text.bias + self.one_plus[0])

    def forward(
        self, below: Tensor, position: Tensor, weight: Tensor, attended: Tensor, condition: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The map c = U + M [B, channels, W, H] and its maximum over space [B, channels].

        below: [B, C, W, H], the layer below. position: [B, 2, W, H], without gradient. weight: [3 channels, C + 2,
        3, 3], of ``conv`` or what the layer below makes of it. attended: [B, d2], the document as read for this
        layer. condition: [B, 3 channels], of ``condition``.
        """
        modulation = torch.addmm(condition, attended, self.text.weight[:, : self.d2].t())
        bias = cast(Tensor, self.conv.bias) + self.one_plus[1]
        return cast(tuple[Tensor, Tensor], _Modulate.apply(below, position, weight, bias, modulation))


class _Modulate(torch.autograd.Function):
    """Convolution, modulation and maximum over space, with the gradient written out.

    With maps = [F | Γ' | Β] = Conv([below; position]) and modulation = [γ' | β | v], where γ' = 1 + γ and Γ' = 1 + Γ:

        U = relu(γ' F + β),   M = relu(Γ' v + Β),   c = U + M,   pooled = max over space of c.

    Left to autograd, the gradients of F, Γ' and Β would each be made apart and then be copied side by side, the
    gradient of the maximum would be a plane of zeros, and positions would get a gradient that nobody wants.
    """

    @staticmethod
    def forward(
        ctx: Any, below: Tensor, position: Tensor, weight: Tensor, bias: Tensor, modulation: Tensor
    ) -> tuple[Tensor, Tensor]:
        planes = torch.cat([below, position], 1)
        maps = F.conv2d(planes, weight, bias, padding=1)
        features, text_scale, text_shift = maps.chunk(3, 1)
        scale, shift, text = modulation[:, :, None, None].chunk(3, 1)
        vision = torch.addcmul(shift, scale, features).relu_()
        language = torch.addcmul(text_shift, text_scale, text).relu_()
        out = vision + language
        pooled, where = F.max_pool2d(out, out.shape[2:], return_indices=True)
        ctx.save_for_backward(planes, weight, modulation, maps, vision, language, where.flatten(2))
        ctx.set_materialize_grads(False)
        return out, pooled.flatten(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor | None, grad_pooled: Tensor | None) -> tuple[Tensor | None, ...]:
        planes, weight, modulation, maps, vision, language, where = ctx.saved_tensors
        features, text_scale, _ = maps.chunk(3, 1)
        scale, _, text = modulation[:, :, None, None].chunk(3, 1)

        grad_maps = torch.empty_like(maps)
        grad_features, grad_text_scale, grad_language = grad_maps.chunk(3, 1)  # dM is the gradient of Β
        if grad_out is None:
            grad_vision = torch.zeros_like(vision)
            grad_language.zero_()
        else:
            grad_vision = torch.ops.aten.threshold_backward(grad_out, vision, 0)
            torch.ops.aten.threshold_backward.grad_input(grad_out, language, 0, grad_input=grad_language)
        if grad_pooled is not None:
            for branch, grad in ((vision, grad_vision), (language, grad_language)):
                grad_at_maximum = grad_pooled[:, :, None] * (_over_space(branch).gather(2, where) > 0)
                _over_space(grad).scatter_add_(2, where, grad_at_maximum)

        torch.mul(grad_vision, scale, out=grad_features)
        torch.mul(grad_language, text, out=grad_text_scale)
        grad_shift = grad_vision.sum((2, 3))
        grad_scale = grad_vision.mul_(features).sum((2, 3))
        grad_text = torch.mul(grad_language, text_scale, out=grad_vision).sum((2, 3))

        grad_below = None
        if ctx.needs_input_grad[0]:
            below = planes[:, :-2]
            grad_below = _convolution_backward(grad_maps, below, weight[:, :-2], (True, False, False))[0]
        _, grad_weight, grad_bias = _convolution_backward(grad_maps, planes, weight, (False, True, True))
        return grad_below, None, grad_weight, grad_bias, torch.cat([grad_scale, grad_shift, grad_text], 1)


def _over_space(planes: Tensor) -> Tensor:
    """[B, C, W, H] as the view [B, C, W H], whatever the order of dimensions in memory."""
    return planes.view(*planes.shape[:2], -1)


def _convolution_backward(
    grad: Tensor, planes: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of a 3 x 3 convolution's (input, weight, bias), where wanted."""
    ones = [1, 1]
    return torch.ops.aten.convolution_backward(
        grad, planes, weight, [weight.shape[0]], ones, ones, ones, False, [0, 0], 1, wanted
    )
