"""From a training config to an SAE on disk."""

from __future__ import annotations

import json
from pathlib import Path

import sae
from autointerp.corpus import build_windows, open_corpus
from autointerp.run import Progress, Silence, write_text
from autointerp.subject import load_subject
from autointerp.train._activations import stream_activations
from autointerp.train._config import TrainingConfig


def train_sae(config: TrainingConfig, out: Path, progress: Progress | None = None) -> sae.SAE:
    """Train on the subject model's activations and save the SAE in SAELens's format.

    Args:
        config: What to train on and how.
        out: Folder for the SAE; ``training.jsonl`` beside the weights holds the metrics.
        progress: Listener.

    Returns:
        The trained SAE.

    Raises:
        UsageError: The model, hook point or corpus can't be used.
    """
    progress = progress or Silence()
    subject = load_subject(
        config.model, hook_point=config.hook_point, weight_processing=config.weight_processing, device=config.device
    )
    corpus = open_corpus(config.corpus, column=config.column)
    with progress.stage("windows", "tokens") as tick:
        windows = build_windows(
            corpus,
            subject,
            context_length=config.context_length,
            prepend_bos=config.prepend_bos,
            n_tokens=config.n_tokens,
            out=out / "windows",
            progress=tick,
        )
    skipped = (1 + int(config.prepend_bos)) if config.drop_bos else 0
    n_usable = int((windows.lengths - skipped).clip(min=0).sum())
    n_train = config.n_train or n_usable
    metadata = sae.SAEMetadata(
        model_name=config.model,
        hook_name=config.hook_point,
        context_size=config.context_length,
        prepend_bos=config.prepend_bos,
        dataset_path=config.corpus,
        weight_processing=config.weight_processing,
        extra={"model_fingerprint": subject.fingerprint, "training": config.model_dump(mode="json")},
    )
    activations = stream_activations(subject, windows, drop_bos=config.drop_bos, n_vectors=n_train, seed=config.seed)
    batches = sae.ActivationBuffer(
        activations, capacity=config.buffer_size, batch_size=config.batch_size, seed=config.seed
    )
    settings = sae.TrainConfig(
        expansion=config.expansion,
        l1_coefficient=config.l1_coefficient,
        l1_reduction=config.l1_reduction,
        lr=config.lr,
        batch_size=config.batch_size,
        n_tokens=n_train,
        resample_every=config.resample_every,
        resample_dead_window=config.resample_dead_window,
        l1_warmup_steps=config.l1_warmup_steps,
        normalise="expected_average",
        seed=config.seed,
        device=config.device,
    )
    with progress.stage("training", "activations") as tick:
        result = sae.train(
            batches,
            settings,
            metadata=metadata,
            progress=lambda step: tick(step.n_tokens, n_train, f"FVU {step.fvu:.3f}, L0 {step.l0:.1f}"),
        )
    sae.save(result.sae, out)
    write_text(out / "training.jsonl", "".join(json.dumps(row) + "\n" for row in result.history))
    return result.sae
