"""One SAE in place of a stack, where that is the same function."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from sae._config import SAEConfig
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.stack._stack import StackedSAE

_ELEMENTWISE = ("standard", "jumprelu")  # what each feature does depends on its own pre-activation alone


@torch.no_grad()
def concatenate(stack: StackedSAE) -> SAE:
    """Write a stack as one SAE, whose features come in the same order.

    That is exact (up to the rounding of one product in the place of several) where all encoders read x and no feature
    depends on another: for standard, tied, batchtopk, matryoshka and jumprelu stages. Encoders that subtract their
    b_dec have it folded into b_enc, because the sum of all b_dec takes its place.

    Args:
        stack: The stack; it is not changed.

    Returns:
        A standard SAE, or a jumprelu one where a stage has thresholds. It has the metadata of stage 1.

    Raises:
        SAEError: A stage reads the residual, selects its k largest features, or is gated.
    """
    plain = [stage.plain() for stage in stack.stages]
    for number, (stage, reads) in enumerate(zip(plain, stack.reads, strict=True), start=1):
        if reads == "residual" and number > 1:
            raise SAEError(f"stage {number} reads the residual, so this stack is no single SAE: keep the StackedSAE")
        if stage.cfg.architecture not in _ELEMENTWISE:
            raise SAEError(f"stage {number} is {stage.cfg.architecture}, which can't be written beside other features")
    thresholds = [_threshold(stage) for stage in plain]
    jumps = any(stage.cfg.architecture == "jumprelu" for stage in plain)
    first = stack.stages[0].cfg
    tensors = {
        "W_enc": torch.cat([stage.W_enc for stage in plain], dim=1),
        "b_enc": torch.cat([_bias(stage) for stage in plain]),
        "W_dec": torch.cat([stage.W_dec for stage in plain]),
        "b_dec": torch.stack([stage.b_dec for stage in plain]).sum(dim=0),
        **({"threshold": torch.cat(thresholds)} if jumps else {}),
    }
    extra = {**first.metadata.extra, "stack_widths": stack.widths}
    cfg = SAEConfig(
        architecture="jumprelu" if jumps else "standard",
        d_in=stack.d_in,
        d_sae=stack.d_sae,
        dtype=first.dtype,
        apply_b_dec_to_input=False,
        metadata=dataclasses.replace(first.metadata, n_dead_train=None, dead_train=None, extra=extra),
    )
    return build(cfg, tensors)


def _bias(stage: SAE) -> Tensor:
    """Give the bias of an encoder that reads x: [d_sae]."""
    return stage.b_enc - stage.b_dec @ stage.W_enc if stage.cfg.apply_b_dec_to_input else stage.b_enc


def _threshold(stage: SAE) -> Tensor:
    """Give the threshold of each feature, 0 where it has none: [d_sae]."""
    threshold = stage.tensors().get("threshold")
    return torch.zeros_like(stage.b_enc) if threshold is None else threshold
