"""Opening what a training works with, when it starts and when it goes on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from autointerp.run import Progress
from autointerp.subject import BridgeSubject, load_subject
from autointerp.train._config import TrainingConfig
from autointerp.train._folder import TrainingFolder
from autointerp.train._inputs import TrainingInputs
from autointerp.train._stack_config import StackConfig
from autointerp.train._text import Text, open_text
from autointerp.train._wandb import WandbLog


@dataclass(frozen=True)
class Begun:
    """A training under way."""

    folder: TrainingFolder
    subject: BridgeSubject
    text: Text
    log: WandbLog | None
    """Where metrics are sent to, if somebody asked for it."""
    progress: Progress


def begin(folder: TrainingFolder, config: TrainingConfig | StackConfig, progress: Progress, *, resume: bool) -> Begun:
    """Load the model and the text, and note what the training begins with, or check that it goes on with the same.

    Args:
        folder: Its files; claimed and locked.
        config: What to train on and how.
        progress: Listener.
        resume: Go on with what is there.

    Raises:
        UsageError: The model, hook point or corpus can't be used.
        MismatchError: The training there has another config, or the model changed.
        SAEError: k or widths do not fit the model's width.
    """
    trainings = config.stages if isinstance(config, StackConfig) else [config]
    shared = trainings[0]
    subject = load_subject(
        shared.model, hook_point=shared.hook_point, weight_processing=shared.weight_processing, device=shared.device
    )
    for one in trainings:
        one.sae_config(one.batch_size).check_sizes(subject.d_model)
    inputs = _inputs(folder, config, subject.fingerprint, resume=resume)
    log = None
    if shared.wandb_project is not None:
        name = folder.path.resolve().name
        log = WandbLog(shared.wandb_project, name=name, run_id=inputs.log_id, config=inputs.config)
    return Begun(folder, subject, open_text(shared, subject, folder.windows, progress), log, progress)


def _inputs(
    folder: TrainingFolder, config: TrainingConfig | StackConfig, model_fingerprint: str, *, resume: bool
) -> TrainingInputs:
    """What the training was begun with, if it goes on, and else a note of what it begins with."""
    if resume and folder.inputs.exists():
        inputs = TrainingInputs.read(folder.inputs)
        inputs.check(config, model_fingerprint, where=folder.path)
        return inputs
    for left in (folder.windows, folder.unfinished):  # of another training, if they are there
        shutil.rmtree(left, ignore_errors=True)
    folder.evaluation.unlink(missing_ok=True)
    inputs = TrainingInputs.of(config, model_fingerprint)
    inputs.write(folder.inputs)
    return inputs
