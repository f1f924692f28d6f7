"""From a training config to an SAE on disk, in one go or in several."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

import sae
from autointerp.errors import UsageError
from autointerp.run import Progress, Silence, exclusive, write_text
from autointerp.train._activations import stream_activations
from autointerp.train._begin import Begun, begin
from autointerp.train._cache import cache_activations
from autointerp.train._config import TrainingConfig
from autointerp.train._evaluation import evaluate_sae
from autointerp.train._folder import EVALUATION_FILE, TrainingFolder, remove_unfinished
from autointerp.train._inputs import check_same_config
from autointerp.train._metrics import write_metrics
from autointerp.train._notes import schedule_notes
from autointerp.train._order import count_kept
from autointerp.train._residuals import residuals
from autointerp.train._text import Text
from sae.stack import StackedSAE

if TYPE_CHECKING:
    from autointerp.subject import Subject


def train_sae(config: TrainingConfig, out: Path, progress: Progress | None = None, *, resume: bool = False) -> sae.SAE:
    """Train on the subject model's activations, save the SAE in SAELens's format, and evaluate it.

    Args:
        config: What to train on and how.
        out: Folder for the SAE. Beside the weights: the metrics (``training.jsonl``, ``metrics.csv`` and
            ``metrics.parquet``) and ``evaluation.json``.
        progress: Listener.
        resume: Go on with the training in this folder, from its last checkpoint; start it if there is none. The
            weights are those of a training that was never stopped.

    Returns:
        The trained SAE.

    Raises:
        UsageError: The model, hook point or corpus can't be used, or the folder holds an SAE, or a training that was
            stopped, and ``resume`` is false.
        MismatchError: The training there has another config, or the model changed.
        SAEError: k or widths do not fit the model's width.
    """
    progress, folder = progress or Silence(), TrainingFolder(out)
    folder.claim(resume=resume)
    with exclusive(out):
        model = _finished(folder, config) if folder.finished.exists() else None
        if model is not None and (not config.n_eval or folder.evaluation.exists()):
            remove_unfinished(folder.unfinished, folder.path)
            return model
        begun = begin(folder, config, progress, resume=resume)
        if model is None:
            model = _train(begun, config)
        evaluation = write_evaluation(
            out, config, subject=begun.subject, text=begun.text, model=model, progress=progress
        )
        if begun.log is not None:
            begun.log.finish(evaluation)
        remove_unfinished(folder.unfinished, folder.path)
    return model


def _finished(folder: TrainingFolder, config: TrainingConfig) -> sae.SAE:
    """The SAE that is there, if this config made it."""
    model = sae.load(folder.path, device=config.device)
    recorded = model.cfg.metadata.extra.get("training")
    if not isinstance(recorded, dict):
        raise UsageError(f"{folder.path}: the SAE there was not trained by autointerp. Choose another --out.")
    check_same_config(recorded, config, where=folder.path)
    return model


def _train(begun: Begun, config: TrainingConfig) -> sae.SAE:
    n_train = count_training(begun.text, config)
    for note in schedule_notes(config.sae_config(n_train)):
        begun.progress.say(note)
    buffer = activation_buffer(config, begun.subject, begun.text, n_train, begun.progress)
    with begun.progress.stage("training", "activations") as tick:

        def report(step: sae.TrainStep) -> None:
            tick(step.n_tokens, n_train, describe_step(step))
            if begun.log is not None:
                begun.log.step(vars(step))

        result = sae.train(
            buffer,
            config.sae_config(n_train),
            metadata=describe_inputs(config, begun.subject),
            progress=report,
            checkpoint=begun.folder.checkpoint,
            checkpoint_every=config.checkpoint_every,
        )
    write_metrics(begun.folder.path, result.history)
    sae.save(result.sae, begun.folder.path)
    return result.sae


def describe_step(step: sae.TrainStep) -> str:
    """What is worth seeing while a training runs."""
    return f"FVU {step.fvu:.3f}, L0 {step.l0:.1f}, {step.n_dead} dead"


def count_training(text: Text, config: TrainingConfig) -> int:
    """How many activations a training uses.

    Raises:
        UsageError: They don't fill a batch.
    """
    n_train = config.n_train or int(count_kept(text.training, drop_bos=config.drop_bos).sum())
    if n_train < config.batch_size:
        raise UsageError(
            f"There are {n_train:,} activations to train on, fewer than one batch (batch_size = {config.batch_size}). "
            "Raise n_tokens or n_train, give more text, or make batches smaller."
        )
    return n_train


def describe_inputs(config: TrainingConfig, subject: Subject) -> sae.SAEMetadata:
    """What the SAE's file says of its activations."""
    return sae.SAEMetadata(
        model_name=config.model,
        hook_name=config.hook_point,
        context_size=config.context_length,
        prepend_bos=config.prepend_bos,
        dataset_path=config.corpus,
        weight_processing=config.weight_processing,
        extra={"model_fingerprint": subject.fingerprint, "training": config.model_dump(mode="json")},
    )


def activation_buffer(
    config: TrainingConfig,
    subject: Subject,
    text: Text,
    n_train: int,
    progress: Progress,
    *,
    left_by: StackedSAE | None = None,
) -> sae.ActivationBuffer:
    """The shuffled stream of activations, or of what a stack leaves of them, resumable at any vector."""
    source = _source(config, subject, text, n_train, progress)
    return sae.ActivationBuffer(
        source if left_by is None else residuals(source, left_by),
        capacity=config.buffer_size,
        batch_size=config.batch_size,
        seed=config.seed,
    )


def _source(
    config: TrainingConfig, subject: Subject, text: Text, n_train: int, progress: Progress
) -> Callable[[int], Iterator[Tensor]]:
    """How activations are read, from any one on."""
    windows, drop_bos, seed = text.training, config.drop_bos, config.seed
    if config.cache is None:
        return lambda skip: stream_activations(
            subject, windows, drop_bos=drop_bos, n_vectors=n_train, seed=seed, skip=skip
        )
    cache = cache_activations(
        subject, windows, Path(config.cache), drop_bos=drop_bos, dtype=config.cache_dtype, progress=progress
    )
    return lambda skip: cache.stream(n_vectors=n_train, seed=seed, skip=skip)


def write_evaluation(
    out: Path, config: TrainingConfig, *, subject: Subject, text: Text, model: sae.SAE, progress: Progress
) -> dict[str, Any] | None:
    """Measure an SAE on the held-out text, or say that there is none, and write ``evaluation.json``.

    That of a stack has ``stages``, too: what the stages up to each one reach together.
    """
    if not config.n_eval:
        return None
    if text.held_out is None:
        progress.say(
            "The corpus has no text beside what was trained on: the evaluation is in-sample. Lower n_tokens, or give "
            "more text, to hold some out."
        )
    measured = partial(
        evaluate_sae,
        subject=subject,
        windows=text.held_out or text.training,
        drop_bos=config.drop_bos,
        n_tokens=config.n_eval,
        held_out=text.held_out is not None,
    )
    evaluation = measured(model)
    if isinstance(model, StackedSAE):
        evaluation["stages"] = [measured(model.up_to(n)) for n in range(1, len(model.stages))] + [dict(evaluation)]
    write_text(out / EVALUATION_FILE, json.dumps(evaluation, indent=2) + "\n")
    return evaluation
