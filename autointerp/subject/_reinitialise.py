"""A subject that has learned nothing."""

from __future__ import annotations

import torch

from autointerp.subject._bridge import BridgeSubject


@torch.no_grad()
def reinitialise(subject: BridgeSubject, *, seed: int) -> None:
    """Draw a model's weights anew, in place.

    Every weight matrix, token and position embeddings among them, becomes Gaussian noise with the matrix's own
    Frobenius norm, as in the re-randomised models of Heap et al. 2025 (embeddings included). Biases and layer-norm
    scales, the tensors of one dimension, stay.

    Args:
        subject: Changed; its fingerprint says so.
        seed: Of the noise; the same on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    matrices = [(weight, weight.norm()) for weight in subject.weights() if weight.ndim >= 2]
    # parts share memory with the whole (GPT-2's queries, keys and values): parts last, so that each keeps its own norm
    for weight, norm in sorted(matrices, key=lambda one: -one[0].numel()):
        noise = torch.randn(weight.shape, generator=generator).to(weight)
        weight.copy_(noise * (norm / noise.norm()))
    subject.fingerprint = f"{subject.fingerprint} reinitialised {seed}"
