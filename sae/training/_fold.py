"""Rewriting an SAE's weights without changing what it computes."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.linalg import vector_norm

from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build

_OF_A_FEATURE = {"b_enc", "b_gate", "b_mag", "threshold"}  # what has the unit of an activation (r_mag is a ratio)
_ROUNDING = 1e-6  # how far the norm of a normalised float32 row may be from 1


@torch.no_grad()
def fold_input_scale(model: SAE, scale: float, *, target_scale: float | None = None) -> SAE:
    """Turn an SAE that was trained on ``scale * x`` into one that takes ``x``.

    Features and reconstructions come out divided by the scale of what is reconstructed, so decoder rows keep their
    norms: only biases and thresholds change, and, where the two scales differ, the encoder.

    Args:
        model: Takes scaled inputs; it is not changed.
        scale: What inputs were multiplied with, above 0.
        target_scale: What the targets of its reconstructions were multiplied with; by default they are the inputs.

    Returns:
        A new SAE with ``new.encode(x) = model.encode(scale * x) / target_scale`` and the same for reconstructions. A
        tied one comes out as ``standard`` where the scales differ.

    Raises:
        SAEError: A scale is not above 0; the SAE normalises its inputs, so that none can be folded; or it reads
            ``x - b_dec``, so that inputs and targets have one scale, and two were given.
    """
    target_scale = scale if target_scale is None else target_scale
    for one in (scale, target_scale):
        if not 0 < one < math.inf:
            raise SAEError(f"scale must be above 0 and finite, found {one}")
    if model.cfg.normalize_activations != "none":
        raise SAEError(f"this SAE normalises its inputs ({model.cfg.normalize_activations}): their scale has no effect")
    if scale != target_scale:
        if model.cfg.apply_b_dec_to_input:
            raise SAEError(f"an SAE that reads x - b_dec has one scale, found {scale} and {target_scale}")
        model = model.plain() if model.cfg.architecture == "tied" else model
    scaled = _OF_A_FEATURE | {"b_dec"}
    tensors = {n: t / target_scale if n in scaled else t.clone() for n, t in model.tensors().items()}
    tensors["W_enc"] *= scale / target_scale
    return build(model.cfg, tensors)


@torch.no_grad()
def fold_decoder_norm(model: SAE) -> SAE:
    """Scale decoder rows to norm 1, and features by the norms they had.

    Args:
        model: Any SAE; it is not changed. A zero row, which has no direction, stays zero.

    Returns:
        A new SAE with the same reconstructions. Where encoder and decoder or all thresholds were one they can't stay
        so (see ``SAE.plain``); but an SAE whose rows have norm 1 already comes back as it is.

    Raises:
        SAEError: A TopK SAE with rows of other norms: its features compete, and would compete with other sizes.
    """
    plain = model.plain()
    norms = vector_norm(plain.W_dec, dim=1)  # [d_sae]
    norms = norms.where(norms > 0, 1.0)
    if bool(((norms - 1).abs() < _ROUNDING).all()):
        return build(model.cfg, {name: t.clone() for name, t in model.tensors().items()})
    if model.cfg.architecture == "topk":
        raise SAEError("decoder norms can't be folded into a TopK SAE: it would choose other features")
    folded = {name: t * norms if name in _OF_A_FEATURE else t.clone() for name, t in plain.tensors().items()}
    folded["W_enc"] = plain.W_enc * norms
    folded["W_dec"] = plain.W_dec / norms[:, None]
    return build(plain.cfg, folded)


def average_norm_scale(x: Tensor, what: str = "inputs") -> float:
    """Give the factor that brings the mean norm of vectors [n, d_in] to sqrt(d_in).

    Args:
        x: The vectors.
        what: They are, for people.

    Raises:
        SAEError: All of them are zero.
    """
    mean_norm = float(vector_norm(x, dim=1).mean())
    if mean_norm == 0:
        raise SAEError(f"all of the first {what} are zero: there is nothing to train on")
    return float(x.shape[1] ** 0.5 / mean_norm)
