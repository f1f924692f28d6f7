"""Derivatives of a step, by a rectangle around it (Rajamanoharan et al. 2024, arXiv:2407.14435, section 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Jump(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None]:
        (g,) = gradients
        pre, threshold = ctx.saved_tensors
        window = (pre - threshold).abs() < ctx.bandwidth / 2
        return g * (pre > threshold), -(threshold / ctx.bandwidth) * (g * window).sum(dim=0), None


class _CountAbove(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).sum().to(pre.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[None, Tensor, None]:
        (g,) = gradients
        pre, threshold = ctx.saved_tensors
        window = (pre - threshold).abs() < ctx.bandwidth / 2
        return None, -g * window.sum(dim=0) / ctx.bandwidth, None


def jump(pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
    """Keep what is above the threshold.

    Args:
        pre: [n, d_sae].
        threshold: [d_sae]; its derivative is ``-threshold / bandwidth`` within half a bandwidth.
        bandwidth: Width of the rectangle.

    Returns:
        [n, d_sae]: ``pre`` or 0.
    """
    return _Jump.apply(pre, threshold, bandwidth)  # type: ignore[no-any-return, no-untyped-call]


def count_above(pre: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
    """Count what is above the threshold; only the threshold gets a derivative, ``-1 / bandwidth`` each.

    Args:
        pre: [n, d_sae].
        threshold: [d_sae].
        bandwidth: Width of the rectangle.

    Returns:
        A scalar.
    """
    return _CountAbove.apply(pre, threshold, bandwidth)  # type: ignore[no-any-return, no-untyped-call]
