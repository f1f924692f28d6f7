"""SAEs trained as the real one was, with one thing not real."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

import sae
from autointerp.corpus import Windows
from autointerp.run import Tick
from autointerp.subject import Subject
from autointerp.train import TrainingConfig, stream_activations

MAX_VECTORS = 1_000_000
"""Activations that a null's SAE is trained on at most."""
_BUFFER = 65_536


def null_recipe(model: sae.SAE, *, l0: float, n_vectors: int, device: str, seed: int) -> sae.TrainConfig:
    """How a null's SAE is trained: as the real one was, where its file says how, on no more than a million activations.

    Of an SAE that was trained elsewhere only the width and the L0 are taken over: the null is then a top-k SAE.

    Args:
        model: The real SAE.
        l0: Features that fire on a token, on average.
        n_vectors: Activations there are.
        device: Where to train.
        seed: Of the weights.
    """
    recorded = model.cfg.metadata.extra.get("training")
    try:
        config = TrainingConfig.model_validate(recorded)
    except ValidationError:
        k = min(model.cfg.d_sae, max(1, round(l0)))
        n_tokens = min(n_vectors, MAX_VECTORS)
        return sae.TrainConfig(
            n_tokens=n_tokens, architecture="topk", k=k, d_sae=model.cfg.d_sae, device=device, seed=seed,
            batch_size=min(1024, n_tokens),
        )  # fmt: skip
    wanted = min(config.n_train or n_vectors, MAX_VECTORS)
    return replace(config.sae_config(max(wanted, config.batch_size)), device=device, seed=seed)


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
        frozen_decoder: Train the encoder alone, without resampling, and untied.
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
    free = "standard" if recipe.architecture == "tied" else recipe.architecture
    fixed = replace(recipe, architecture=free, resample_every=None, resample_mode="default")
    return sae.train_frozen_decoder(buffer, fixed, metadata=described, progress=report).sae
