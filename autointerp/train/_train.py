"""From a training config to an SAE on disk, in one go or in several."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

import sae
from autointerp.errors import UsageError
from autointerp.run import Progress, Silence, exclusive, write_text
from autointerp.subject import load_subject
from autointerp.train._activations import stream_activations
from autointerp.train._cache import cache_activations
from autointerp.train._config import TrainingConfig
from autointerp.train._evaluation import evaluate_sae
from autointerp.train._inputs import TrainingInputs, check_same_config
from autointerp.train._metrics import write_metrics
from autointerp.train._notes import schedule_notes
from autointerp.train._order import count_kept
from autointerp.train._text import Text, open_text
from autointerp.train._wandb import WandbLog

if TYPE_CHECKING:
    from autointerp.subject import Subject

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class _Folder:
    """The files of a training."""

    path: Path

    @property
    def sae(self) -> Path:
        return self.path / "cfg.json"

    @property
    def evaluation(self) -> Path:
        return self.path / EVALUATION_FILE

    @property
    def windows(self) -> Path:
        return self.path / "windows"

    @property
    def unfinished(self) -> Path:
        return self.path / "unfinished"

    @property
    def inputs(self) -> Path:
        return self.unfinished / "inputs.json"

    @property
    def checkpoint(self) -> Path:
        return self.unfinished / "checkpoint.pt"


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
    progress, folder = progress or Silence(), _Folder(out)
    _claim(folder, resume=resume)
    with exclusive(out):
        model = _finished(folder, config) if folder.sae.exists() else None
        if model is not None and (not config.n_eval or folder.evaluation.exists()):
            remove_unfinished(folder.unfinished, folder.path)
            return model
        subject = load_subject(
            config.model, hook_point=config.hook_point, weight_processing=config.weight_processing, device=config.device
        )
        config.sae_config(config.batch_size).check_sizes(subject.d_model)
        inputs = _inputs(folder, config, subject, resume=resume)
        log = _open_log(folder, config, inputs)
        text = open_text(config, subject, folder.windows, progress)
        if model is None:
            model = _train(folder, config, subject=subject, text=text, progress=progress, log=log)
        evaluation = write_evaluation(out, config, subject=subject, text=text, model=model, progress=progress)
        if log is not None:
            log.finish(evaluation)
        remove_unfinished(folder.unfinished, folder.path)
    return model


def remove_unfinished(unfinished: Path, *folders: Path) -> None:
    """Remove what a training that is done needs no longer, and what one that was killed left half-written.

    Args:
        unfinished: Its checkpoint and notes.
        folders: Its results.
    """
    shutil.rmtree(unfinished, ignore_errors=True)
    for folder in folders:
        for left in folder.glob(".*.tmp"):
            left.unlink()


def _claim(folder: _Folder, *, resume: bool) -> None:
    if resume:
        return
    if folder.sae.exists():
        raise UsageError(
            f"{folder.path}: an SAE is already there. Choose another --out, remove it, or give --resume if its "
            "training is to be finished."
        )
    if folder.checkpoint.exists():
        raise UsageError(
            f"{folder.path}: a training that was stopped is there. Give --resume to go on with it, choose another "
            "--out, or remove it."
        )


def _finished(folder: _Folder, config: TrainingConfig) -> sae.SAE:
    """The SAE that is there, if this config made it."""
    model = sae.load(folder.path, device=config.device)
    recorded = model.cfg.metadata.extra.get("training")
    if not isinstance(recorded, dict):
        raise UsageError(f"{folder.path}: the SAE there was not trained by autointerp. Choose another --out.")
    check_same_config(recorded, config, where=folder.path)
    return model


def _inputs(folder: _Folder, config: TrainingConfig, subject: Subject, *, resume: bool) -> TrainingInputs:
    """What the training was begun with, if it goes on, and else a note of what it begins with."""
    if resume and folder.inputs.exists():
        inputs = TrainingInputs.read(folder.inputs)
        inputs.check(config, subject.fingerprint, where=folder.path)
        return inputs
    for left in (folder.windows, folder.unfinished):  # of another training, if they are there
        shutil.rmtree(left, ignore_errors=True)
    folder.evaluation.unlink(missing_ok=True)
    inputs = TrainingInputs.of(config, subject.fingerprint)
    inputs.write(folder.inputs)
    return inputs


def _open_log(folder: _Folder, config: TrainingConfig, inputs: TrainingInputs) -> WandbLog | None:
    if config.wandb_project is None:
        return None
    return WandbLog(config.wandb_project, name=folder.path.resolve().name, run_id=inputs.log_id, config=inputs.config)


def _train(
    folder: _Folder, config: TrainingConfig, *, subject: Subject, text: Text, progress: Progress, log: WandbLog | None
) -> sae.SAE:
    n_train = count_training(text, config)
    for note in schedule_notes(config.sae_config(n_train)):
        progress.say(note)
    buffer = activation_buffer(config, subject, text, n_train, progress)
    with progress.stage("training", "activations") as tick:

        def report(step: sae.TrainStep) -> None:
            tick(step.n_tokens, n_train, f"FVU {step.fvu:.3f}, L0 {step.l0:.1f}, {step.n_dead} dead")
            if log is not None:
                log.step(vars(step))

        result = sae.train(
            buffer,
            config.sae_config(n_train),
            metadata=describe_inputs(config, subject),
            progress=report,
            checkpoint=folder.checkpoint,
            checkpoint_every=config.checkpoint_every,
        )
    write_metrics(folder.path, result.history)
    sae.save(result.sae, folder.path)
    return result.sae


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
    config: TrainingConfig, subject: Subject, text: Text, n_train: int, progress: Progress
) -> sae.ActivationBuffer:
    """The shuffled stream of activations, resumable at any vector."""
    return sae.ActivationBuffer(
        _source(config, subject, text, n_train, progress),
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
    """Measure an SAE on the held-out text, or say that there is none, and write ``evaluation.json``."""
    if not config.n_eval:
        return None
    if text.held_out is None:
        progress.say(
            "The corpus has no text beside what was trained on: the evaluation is in-sample. Lower n_tokens, or give "
            "more text, to hold some out."
        )
    evaluation = evaluate_sae(
        model,
        subject,
        text.held_out or text.training,
        drop_bos=config.drop_bos,
        n_tokens=config.n_eval,
        held_out=text.held_out is not None,
    )
    write_text(out / EVALUATION_FILE, json.dumps(evaluation, indent=2) + "\n")
    return evaluation
