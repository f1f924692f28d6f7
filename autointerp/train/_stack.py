"""From a config with stages to a stack on disk, in one go or in several."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.run import Progress, Silence, exclusive
from autointerp.train._begin import Begun, begin
from autointerp.train._folder import TrainingFolder, remove_unfinished
from autointerp.train._inputs import check_number_of_stages, check_same_stages
from autointerp.train._metrics import write_metrics
from autointerp.train._notes import schedule_notes
from autointerp.train._stack_config import StackConfig, StageConfig
from autointerp.train._train import (
    activation_buffer,
    count_training,
    describe_inputs,
    describe_step,
    write_evaluation,
)
from sae.stack import Reads, StackedSAE, load_stages, record_stages, stage_folder


def train_stack(
    config: StackConfig, out: Path, progress: Progress | None = None, *, resume: bool = False
) -> StackedSAE:
    """Train stage after stage, each on what the frozen ones before it leave, save the stack, and evaluate it.

    Args:
        config: What to train on and how.
        out: Folder for the stack: ``stack.json``, ``evaluation.json`` and a folder for each stage, in SAELens's format
            and with its metrics.
        progress: Listener.
        resume: Go on with the training in this folder; start it if there is none. Stages that are finished are kept,
            and there may be more of them in the config than before; the one that was stopped goes on from its last
            checkpoint. The weights are those of a training that was never stopped.

    Returns:
        The stack.

    Raises:
        UsageError: The model, hook point or corpus can't be used, or the folder holds an SAE, or a training that was
            stopped, and ``resume`` is false.
        MismatchError: The training there has another config, or the model changed.
    """
    progress, folder = progress or Silence(), TrainingFolder(out, is_stack=True)
    folder.claim(resume=resume)
    first, reads = config.stages[0], config.reads
    with exclusive(out):
        stack = _trained_so_far(folder, config)
        if stack is not None and len(stack.stages) == len(reads) and folder.is_done(evaluated=first.n_eval > 0):
            return stack
        begun = begin(folder, config, progress, resume=resume)
        _check_model(stack, begun)
        for number in range(1 if stack is None else len(stack.stages) + 1, len(reads) + 1):
            _train_stage(begun, config, number, stack)
            stack = load_stages(out, reads[:number]).to(first.device)
        assert stack is not None  # a config has at least one stage
        record_stages(out, stack, recipes=[_recipe(stage) for stage in stack.stages])
        evaluation = write_evaluation(
            out, first, subject=begun.subject, text=begun.text, model=stack, progress=progress
        )
        if begun.log is not None:
            begun.log.finish(evaluation)
        stages = [stage_folder(out, number) for number in range(1, len(reads) + 1)]
        remove_unfinished(folder.unfinished, out, *stages)
    return stack


def _trained_so_far(folder: TrainingFolder, config: StackConfig) -> StackedSAE | None:
    """The stages that are there, if this config made them; None when there is none."""
    n = 0
    while (stage_folder(folder.path, n + 1) / "cfg.json").exists():
        n += 1
    check_number_of_stages(n, config, where=folder.path)
    if n == 0:
        return None
    stack = load_stages(folder.path, config.reads[:n])
    recorded = [stage.cfg.metadata.extra.get("training") for stage in stack.stages]
    if not all(isinstance(one, dict) for one in recorded):
        raise UsageError(f"{folder.path}: the stages there were not trained by autointerp. Choose another --out.")
    check_same_stages([dict(one) for one in recorded if one], config, where=folder.path)
    return stack.to(config.stages[0].device)


def _check_model(stack: StackedSAE | None, begun: Begun) -> None:
    """Refuse to put a stage on others that were trained on another model."""
    before = begun.subject.fingerprint if stack is None else stack.cfg.metadata.extra.get("model_fingerprint")
    if before != begun.subject.fingerprint:
        raise MismatchError(
            f"{begun.folder.path}: fingerprint of the model that the stages there were trained on",
            expected=before,
            found=begun.subject.fingerprint,
            hint="The model changed since: train in another folder.",
        )


def _train_stage(begun: Begun, config: StackConfig, number: int, stack: StackedSAE | None) -> None:
    """Train one stage on what the ones before it leave, and write it with its metrics."""
    stage, folder = config.stages[number - 1], stage_folder(begun.folder.path, number)
    n_train, n_before = count_training(begun.text, stage), _n_steps_before(begun, config, number)
    for note in schedule_notes(stage.sae_config(n_train)):
        begun.progress.say(f"Stage {number}: {note}")
    with begun.progress.stage(f"stage {number} of {len(config.stages)}", "activations") as tick:

        def report(step: sae.TrainStep) -> None:
            tick(step.n_tokens, n_train, describe_step(step))
            if begun.log is not None:
                row = {f"stage_{number}/{name}": value for name, value in vars(step).items()}
                begun.log.step({**row, "step": n_before + step.step})

        reads = config.reads[number - 1]
        left_by = stack if reads == "residual" else None
        result = sae.train(
            activation_buffer(stage, begun.subject, begun.text, n_train, begun.progress, left_by=left_by),
            stage.sae_config(n_train),
            target=stack.residual if stack is not None and reads == "x" else None,
            metadata=_describe(stage, begun, number=number, reads=reads),
            progress=report,
            checkpoint=begun.folder.stage_checkpoint(number),
            checkpoint_every=stage.checkpoint_every,
        )
    write_metrics(folder, result.history)
    sae.save(result.sae, folder)
    begun.folder.stage_checkpoint(number).unlink(missing_ok=True)


def _describe(stage: StageConfig, begun: Begun, *, number: int, reads: Reads) -> sae.SAEMetadata:
    """What the stage's file says of its activations; and that it is a stage, which alone is no SAE of them."""
    described = describe_inputs(stage, begun.subject)
    extra = {**described.extra, "stack_stage": number, "stack_reads": reads}
    return dataclasses.replace(described, extra=extra)


def _n_steps_before(begun: Begun, config: StackConfig, number: int) -> int:
    """Steps of the stages before one."""
    return sum(count_training(begun.text, stage) // stage.batch_size for stage in config.stages[: number - 1])


def _recipe(stage: sae.SAE) -> dict[str, Any]:
    """What a stage was made from, as ``sae.stack.train_stack`` says it: so it can put more stages on these."""
    extra = stage.cfg.metadata.extra
    return {"config": extra["train_config"], "reads": extra["stack_reads"]}
