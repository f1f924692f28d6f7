"""One SAE in place of a stack, where that is the same function."""

from __future__ import annotations

import torch
from torch import Tensor

from sae._config import SAEConfig
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build
from sae.stack._stack import StackedSAE

_ELEMENTWISE = ("standard", "jumprelu", "gated")
"""Architectures in which each feature depends on its own pre-activation alone; each can be written as the next."""


@torch.no_grad()
def concatenate(stack: StackedSAE) -> SAE:
    """Write a stack as one SAE, whose features come in the same order.

    That is exact (up to the rounding of one product in the place of several) where all encoders read x and no feature
    depends on another: for all stages but TopK ones. Encoders that subtract their b_dec have it folded into their
    biases, because the sum of all b_dec takes its place.

    Args:
        stack: The stack; it is not changed.

    Returns:
        A standard SAE; a jumprelu one where a stage has thresholds, a gated one where a stage has gates. It has the
        metadata of the stack.

    Raises:
        SAEError: A stage reads the residual, or selects the k largest features of each input.
    """
    plain = [stage.plain() for stage in stack.stages]
    for number, (stage, reads) in enumerate(zip(plain, stack.reads, strict=True), start=1):
        if reads == "residual" and number > 1:
            raise SAEError(f"stage {number} reads the residual, so this stack is no single SAE: keep the StackedSAE")
        if stage.cfg.architecture not in _ELEMENTWISE:
            raise SAEError(f"stage {number} is {stage.cfg.architecture}, which can't be written beside other features")
    architecture = max((stage.cfg.architecture for stage in plain), key=_ELEMENTWISE.index)
    parts = [_written_as(architecture, stage) for stage in plain]
    tensors = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    tensors |= {
        "W_enc": torch.cat([stage.W_enc for stage in plain], dim=1),
        "W_dec": torch.cat([stage.W_dec for stage in plain]),
        "b_dec": torch.stack([stage.b_dec for stage in plain]).sum(dim=0),
    }
    cfg = SAEConfig(
        architecture=architecture,
        d_in=stack.d_in,
        d_sae=stack.d_sae,
        dtype=stack.cfg.dtype,
        apply_b_dec_to_input=False,
        metadata=stack.cfg.metadata,
    )
    return build(cfg, tensors)


def _written_as(architecture: str, stage: SAE) -> dict[str, Tensor]:
    """Give what a stage's features would have in an SAE that reads x: each tensor [d_sae].

    Args:
        architecture: Of that SAE; none that comes before the stage's own in ``_ELEMENTWISE``.
        stage: The stage.
    """
    own = stage.tensors()
    moved = stage.b_dec @ stage.W_enc * float(stage.cfg.apply_b_dec_to_input)  # [d_sae]
    if stage.cfg.architecture == "gated":
        r_mag = own["r_mag"]
        return {"b_gate": own["b_gate"] - moved, "r_mag": r_mag, "b_mag": own["b_mag"] - r_mag.exp() * moved}
    bias = stage.b_enc - moved
    threshold = own.get("threshold", torch.zeros_like(bias)).clamp_min(0)
    if architecture == "gated":  # its gate opens where the feature is above its threshold
        return {"b_gate": bias - threshold, "r_mag": torch.zeros_like(bias), "b_mag": bias}
    return {"b_enc": bias, **({"threshold": threshold} if architecture == "jumprelu" else {})}
