"""How much of the variance each SAE leaves unexplained."""

from __future__ import annotations

import torch
from torch import Tensor

import sae
from autointerp.corpus import Windows
from autointerp.run import RunDirectory
from autointerp.subject import load_subject, reinitialise
from autointerp.train import stream_activations
from sae.metrics import Quality

N_VECTORS = 20_000
"""Activations that FVU is measured on."""


def activations(run: RunDirectory, *, reinitialised: bool) -> Tensor:
    """Activations on a run's own text, first positions left out.

    Args:
        run: The real one.
        reinitialised: Of the model that the null of this name has.

    Returns:
        float32 [n, d_in].
    """
    manifest = run.read_manifest()
    assert manifest.model is not None
    subject = load_subject(
        manifest.model.name, hook_point=manifest.model.hook_point, weight_processing=manifest.model.weight_processing
    )
    if reinitialised:
        reinitialise(subject, seed=manifest.seed)
    windows = Windows.open(run.windows)
    return torch.cat(list(stream_activations(subject, windows, n_vectors=N_VECTORS, seed=manifest.seed)))


@torch.no_grad()
def fvu(model: sae.SAE, x: Tensor) -> float:
    """Fraction of variance unexplained.

    Args:
        model: The SAE.
        x: [n, d_in].
    """
    features = model.encode(x)  # [n, d_sae]
    return Quality.of(x, model.decode(features), features).fvu
