"""Training a stack, one stage after the other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from sae._config import SAEMetadata
from sae._errors import SAEError
from sae._model import SAE
from sae.stack._files import STACK_FILE, StageRecord, add_stage, load_stage, read_records
from sae.stack._stack import Reads, StackedSAE
from sae.training import TrainConfig, TrainStep, train


@dataclass(frozen=True)
class Stage:
    """How one stage is trained."""

    config: TrainConfig
    """Its width, penalty, steps and the rest."""
    reads: Reads = "x"
    """What its encoder takes; its target is the residual either way. ``x`` allows ``concatenate`` where no feature
    depends on another. To the first stage both are the same."""


def train_stack(
    batches: Callable[[int], Iterable[Tensor]],
    stages: Sequence[Stage],
    *,
    first: SAE | None = None,
    out: Path | None = None,
    metadata: SAEMetadata | None = None,
    progress: Callable[[int, TrainStep], None] | None = None,
) -> StackedSAE:
    """Train stage after stage, each on what the frozen ones before it leave of a stream, computed on the fly.

    With a folder, each finished stage is written there; called again with the same arguments, or with more stages, the
    training goes on after the last one that was finished.

    Args:
        batches: Gives the stream of shuffled activations [n, d_in] for a stage, by its number from 1: a fresh part of
            the data, or the same again.
        stages: What to train, in order; with ``first`` they start at stage 2.
        first: A stage 1 that exists already; a copy of it is frozen.
        out: Folder for the stages, see ``load_stack``.
        metadata: Where the activations came from.
        progress: Called with the stage's number at every logged step.

    Returns:
        The stack, on the device of the first config.

    Raises:
        SAEError: There is no stage, a training fails, or the folder holds stages that other arguments made.
    """
    if not stages:
        raise SAEError("there is no stage to train: give at least one")
    planned: list[Stage | SAE] = [*([] if first is None else [first]), *stages]
    recipes = [_recipe(stage, number) for number, stage in enumerate(planned, start=1)]
    records = [] if out is None else _finished(out, recipes)
    n_finished, device = len(records), stages[0].config.device
    stack: StackedSAE | None = None
    for number, (stage, recipe) in enumerate(zip(planned, recipes, strict=True), start=1):
        reads: Reads = "x" if isinstance(stage, SAE) or number == 1 else stage.reads
        if out is not None and number <= n_finished:
            model = load_stage(out, number, records[number - 1])
        elif isinstance(stage, SAE):
            model = copy.deepcopy(stage)
        else:
            report = None if progress is None else partial(progress, number)
            model = _train(stack, batches(number), stage, _described(metadata, number, reads), report)
        if out is not None and number > n_finished:
            model = add_stage(out, records, model, reads, recipe=recipe)
        model = model.to(device).requires_grad_(requires_grad=False)
        stack = StackedSAE([model], [reads]) if stack is None else stack.followed_by(model, reads)
    assert stack is not None  # there is at least one stage
    return stack


def _train(
    stack: StackedSAE | None,
    batches: Iterable[Tensor],
    stage: Stage,
    metadata: SAEMetadata,
    progress: Callable[[TrainStep], None] | None,
) -> SAE:
    """Train one stage on what the stack before it leaves."""
    if stack is None:
        return train(batches, stage.config, metadata=metadata, progress=progress).sae
    if stage.reads == "x":
        return train(batches, stage.config, target=stack.residual, metadata=metadata, progress=progress).sae
    residuals = (stack.residual(x) for x in batches)
    return train(residuals, stage.config, metadata=metadata, progress=progress).sae


def _described(metadata: SAEMetadata | None, number: int, reads: Reads) -> SAEMetadata:
    """Note in a stage's metadata that it is one: a later stage alone is no SAE of the activations."""
    metadata = metadata or SAEMetadata()
    return replace(metadata, extra={**metadata.extra, "stack_stage": number, "stack_reads": reads})


def _recipe(stage: Stage | SAE, number: int) -> dict[str, Any]:
    """Say what a stage is made from, as JSON reads it back."""
    if isinstance(stage, SAE):
        return {"given": stage.fingerprint()}
    reads = stage.reads if number > 1 else "x"
    recipe: dict[str, Any] = json.loads(json.dumps({"config": asdict(stage.config), "reads": reads}))
    return recipe


def _finished(out: Path, recipes: list[dict[str, Any]]) -> list[StageRecord]:
    """Find the stages that a folder already holds, made in the same way."""
    out.mkdir(parents=True, exist_ok=True)
    records = read_records(out) if (out / STACK_FILE).exists() else []
    if len(records) > len(recipes):
        raise SAEError(
            f"{out} holds {len(records)} stages, more than the {len(recipes)} asked for: choose another folder"
        )
    for number, (record, recipe) in enumerate(zip(records, recipes, strict=False), start=1):
        if record.recipe != recipe:
            before, now = _flat(record.recipe), _flat(recipe)
            changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
            raise SAEError(
                f"stage {number} in {out} was made in another way (different: {', '.join(changed)}): "
                "use the same settings to go on, or another folder"
            )
    return records


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    return {**recipe.get("config", {}), **{name: value for name, value in recipe.items() if name != "config"}}
