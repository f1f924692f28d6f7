"""SAEs as wide and as sparse as the real one, trained with one thing not real."""

from __future__ import annotations

from dataclasses import replace

import sae
from autointerp.corpus import Windows
from autointerp.run import Tick
from autointerp.subject import Subject
from autointerp.train import stream_activations

MAX_VECTORS = 1_000_000
"""Activations that a null's SAE is trained on at most."""
MAX_ROUNDS = 3
"""How often it sees the same text at most."""
_BUFFER = 65_536


def null_recipe(*, d_sae: int, l0: float, n_vectors: int, device: str, seed: int) -> sae.TrainConfig:
    """How a null's SAE is trained, whatever the real one's recipe: batch top-k at its width and its L0.

    The same L1 penalty would not do: around random directions it switches nearly every feature off, and what is left
    could not be compared. So width and sparsity are held, and the penalty is not: what that alone changes, the control
    shows.

    Args:
        d_sae: Features of the real SAE.
        l0: Features of it that fire on a token, on average.
        n_vectors: Activations there are; each is used three times, up to a million in all.
        device: Where to train.
        seed: Of the weights.
    """
    n_tokens = min(MAX_ROUNDS * n_vectors, MAX_VECTORS)
    return sae.TrainConfig(
        n_tokens=n_tokens,
        architecture="batchtopk",
        k=min(d_sae, max(1, round(l0))),
        d_sae=d_sae,
        lr=3e-3,
        batch_size=min(1024, n_tokens),
        device=device,
        seed=seed,
    )


def train_null(
    recipe: sae.TrainConfig,
    metadata: sae.SAEMetadata,
    *,
    subject: Subject,
    windows: Windows,
    drop_bos: bool,
    frozen_decoder: bool,
    progress: Tick | None = None,
) -> sae.SAE:
    """Train on a run's own text.

    Args:
        recipe: From ``null_recipe``.
        metadata: Where activations are read.
        subject: Gives them.
        windows: The text, both splits of it: labels are tested across splits, and not the SAE.
        drop_bos: Whether BOS and the first position of a window are left out.
        frozen_decoder: Train the encoder alone.
        progress: Told activations done of all, with fit and sparsity.
    """
    buffer = sae.ActivationBuffer(
        lambda skip: stream_activations(
            subject, windows, drop_bos=drop_bos, n_vectors=recipe.n_tokens, seed=recipe.seed, skip=skip
        ),
        capacity=max(_BUFFER, recipe.batch_size),
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )

    def report(step: sae.TrainStep) -> None:
        if progress is not None:
            progress(step.n_tokens, recipe.n_tokens, f"FVU {step.fvu:.3f}, L0 {step.l0:.1f}, {step.n_dead} dead")

    described = replace(metadata, n_dead_train=None, dead_train=None, extra={})
    if not frozen_decoder:
        return sae.train(buffer, recipe, metadata=described, progress=report).sae
    return sae.train_frozen_decoder(buffer, recipe, metadata=described, progress=report).sae
