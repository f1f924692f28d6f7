"""What a stack's stages together say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from sae._config import SAEConfig, SAEMetadata

OF_ONE_STAGE = {"stack_stage", "stack_reads", "training", "train_config"}
"""Entries of ``metadata.extra`` that are true of a stage and not of the stack."""


def joint_metadata(stages: Sequence[SAEConfig]) -> SAEMetadata:
    """Give the metadata of a stack: where stage 1 read, and the dead features of all stages, by their numbers in it.

    Args:
        stages: First to last, at least one.

    Returns:
        Dead features are known where every stage knows its own; ``extra`` has the stages' widths as ``stack_widths``.
    """
    first, widths = stages[0].metadata, [cfg.d_sae for cfg in stages]
    counts = [cfg.metadata.n_dead_train for cfg in stages]
    dead = [cfg.metadata.dead_train for cfg in stages]
    starts = accumulate(widths[:-1], initial=0)
    known = [(start, ids) for start, ids in zip(starts, dead, strict=True) if ids is not None]
    extra = {name: value for name, value in first.extra.items() if name not in OF_ONE_STAGE}
    return replace(
        first,
        n_dead_train=None if None in counts else sum(filter(None, counts)),
        dead_train=None if None in dead else tuple(start + i for start, ids in known for i in ids),
        extra={**extra, "stack_widths": widths},
    )
