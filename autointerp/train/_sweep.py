"""Many SAEs trained in one pass: the model runs once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import sae
from autointerp.errors import MismatchError, UsageError
from autointerp.run import Progress, Silence, exclusive, write_text
from autointerp.subject import load_subject
from autointerp.train._folder import EVALUATION_FILE, remove_unfinished
from autointerp.train._inputs import FREE, TrainingInputs
from autointerp.train._metrics import write_metrics
from autointerp.train._notes import schedule_notes
from autointerp.train._sweep_config import SweepConfig
from autointerp.train._text import Text, open_text
from autointerp.train._train import (
    activation_buffer,
    count_training,
    describe_inputs,
    write_evaluation,
)

if TYPE_CHECKING:
    from autointerp.subject import Subject
    from autointerp.train._config import TrainingConfig

INPUTS_FILE = "sweep.json"


def train_sweep(
    config: SweepConfig, out: Path, progress: Progress | None = None, *, resume: bool = False
) -> dict[str, Path]:
    """Train every SAE of a grid on the same stream of activations; each becomes what it would have become alone.

    Args:
        config: What is shared, and the grid.
        out: Folder of the sweep; each SAE gets a folder of its own in it, as ``train_sae`` writes it.
        progress: Listener.
        resume: Go on with the sweep in this folder, from its last checkpoint; start it if there is none.

    Returns:
        Name -> folder, in the order of the grid.

    Raises:
        UsageError: The model, hook point or corpus can't be used, or the folder holds a sweep and ``resume`` is false.
        MismatchError: The sweep there has another config, or the model changed.
        SAEError: k or widths of one do not fit the model's width.
    """
    progress, variants = progress or Silence(), config.variants()
    folders = {name: out / name for name in variants}
    _claim(out, config, resume=resume)
    with exclusive(out):
        write_text(out / INPUTS_FILE, config.model_dump_json(indent=2) + "\n")
        missing = [name for name, folder in folders.items() if not _is_finished(folder, variants[name].n_eval)]
        if not missing:
            return folders
        first = next(iter(variants.values()))
        subject = load_subject(
            first.model, hook_point=first.hook_point, weight_processing=first.weight_processing, device=first.device
        )
        for variant in variants.values():
            variant.sae_config(variant.batch_size).check_sizes(subject.d_model)
        _check_model(out / "unfinished" / "inputs.json", first, subject.fingerprint)
        text = open_text(first, subject, out / "windows", progress)
        if not all((folder / "cfg.json").exists() for folder in folders.values()):
            _train(config, folders, out / "unfinished" / "checkpoint.pt", subject=subject, text=text, progress=progress)
        for name in missing:
            model = sae.load(folders[name], device=first.device)
            write_evaluation(folders[name], variants[name], subject=subject, text=text, model=model, progress=progress)
        remove_unfinished(out / "unfinished", *folders.values())
    return folders


def _claim(out: Path, config: SweepConfig, *, resume: bool) -> None:
    file = out / INPUTS_FILE
    if not file.exists():
        return
    if not resume:
        raise UsageError(f"{out}: a sweep is already there. Give --resume to go on with it, or choose another --out.")
    before, now = json.loads(file.read_text(encoding="utf-8")), config.model_dump(mode="json")
    for section in ("train", "grid"):
        there, asked = before[section], now[section]
        differing = [name for name in {**there, **asked} if there.get(name) != asked.get(name) and name not in FREE]
        if differing:
            name = differing[0]
            what, values = f"{name} in [{section}] of this sweep", (there.get(name), asked.get(name))
        elif section == "grid" and list(there) != list(asked):
            what, values = "the order of [grid] in this sweep, by which its SAEs are named", (list(there), list(asked))
        else:
            continue
        hint = "Resume with the config it was started with, or choose another --out."
        raise MismatchError(f"{out}: {what}", expected=values[0], found=values[1], hint=hint)


def _check_model(file: Path, first: TrainingConfig, fingerprint: str) -> None:
    """Note which weights the sweep reads, or refuse to go on with others."""
    if file.exists():
        TrainingInputs.read(file).check(first, fingerprint, where=file.parent)
    else:
        TrainingInputs.of(first, fingerprint).write(file)


def _is_finished(folder: Path, n_eval: int) -> bool:
    return (folder / "cfg.json").exists() and (not n_eval or (folder / EVALUATION_FILE).exists())


def _train(
    config: SweepConfig, folders: dict[str, Path], checkpoint: Path, *, subject: Subject, text: Text, progress: Progress
) -> None:
    variants = config.variants()
    first = next(iter(variants.values()))
    n_train = count_training(text, first)
    notes = [note for variant in variants.values() for note in schedule_notes(variant.sae_config(n_train))]
    for note in dict.fromkeys(notes):
        progress.say(note)
    with progress.stage("training", "activations") as tick:

        def report(number: int, step: sae.TrainStep) -> None:
            if number == len(variants) - 1:
                tick(step.n_tokens, n_train, f"{len(variants)} SAEs; the last: FVU {step.fvu:.3f}, L0 {step.l0:.1f}")

        results = sae.train_many(
            activation_buffer(first, subject, text, n_train, progress),
            [variant.sae_config(n_train) for variant in variants.values()],
            metadata=[describe_inputs(variant, subject) for variant in variants.values()],
            progress=report,
            checkpoint=checkpoint,
            checkpoint_every=first.checkpoint_every,
        )
    for folder, result in zip(folders.values(), results, strict=True):
        write_metrics(folder, result.history)
        sae.save(result.sae, folder)
