"""``contexts.parquet``: what a label is made from, and what it is tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import MismatchError, UsageError
from autointerp.harvest._batches import SPLITS
from autointerp.harvest._config import ContextConfig
from autointerp.harvest._context import STRATA
from autointerp.harvest._contexts_file import write_table
from autointerp.harvest._meta import HarvestMeta
from autointerp.harvest._negatives import Proposals, pick_negatives, propose_negatives
from autointerp.harvest._pass import load_sketch
from autointerp.harvest._pools import Pools
from autointerp.harvest._positives import Picked, pick_positives
from autointerp.harvest._slices import Slices, read_activations
from autointerp.run import RunDirectory

if TYPE_CHECKING:
    import sae
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

PEAK_TOLERANCE = 1e-3
"""Relative difference allowed between a recorded activation and the same one computed again."""
_FLOOR_TOLERANCE = 1e-4
"""Of the feature's maximum, and absolute: rounding is as large for small activations as for large ones."""


def write_contexts(
    run: RunDirectory,
    features: Sequence[int],
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
    config: ContextConfig,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``contexts.parquet`` for some features, from a finished harvest.

    A feature's contexts do not depend on which other features are chosen. A feature with too few activations, or never
    off, has fewer contexts.

    Args:
        run: Harvested; where to write.
        features: Feature ids; repeated ones count once.
        model: The harvest's SAE.
        subject: The harvest's language model.
        windows: The harvest's windows.
        config: Which contexts.
        progress: Called with windows read again and windows to read in all.

    Raises:
        MismatchError: The inputs are not those of the harvest, or an activation comes out differently.
        UsageError: A feature doesn't exist, or the run isn't harvested.
    """
    recorded = HarvestMeta.read(run.harvest / "meta.json")
    now = HarvestMeta.of(model=model, subject=subject, windows=windows, config=recorded.config)
    now.compare(recorded, where=str(run.harvest))
    chosen = _checked(features, model.cfg.d_sae)

    sketches = {split: load_sketch(run, split) for split in SPLITS}
    maximum = np.maximum(sketches["explain"].max(), sketches["score"].max())
    positives: list[Picked] = []
    proposals: list[Proposals] = []
    for split, sketch in sketches.items():
        picked = pick_positives(
            chosen, sketch, split=split, maximum=maximum, config=config, n_bos=int(windows.prepend_bos)
        )
        pools = Pools(windows, split, seed=config.seed, d_vocab=subject.d_vocab, config=recorded.config)
        density = sketch.n_active / max(sketch.n_tokens, 1)
        positives += picked
        proposals += propose_negatives(
            picked, chosen, density, split=split, pools=pools, subject=subject, windows=windows, config=config
        )

    slices = _slices(positives, proposals, windows, config)
    activations = read_activations(
        slices,
        model=model,
        subject=subject,
        windows=windows,
        batch_windows=recorded.config.batch_windows,
        progress=progress,
    )
    _check_peaks(positives, slices, activations, maximum)
    rows = [(one, i) for i, one in enumerate(positives)]
    rows += _confirmed(positives, proposals, activations, config, windows.context_length)
    rows.sort(key=lambda row: (row[0].feature, SPLITS.index(row[0].split), STRATA.index(row[0].stratum), row[0].rank))
    write_table(run.contexts, rows, slices, activations, subject=subject, windows=windows)


def _checked(features: Sequence[int], d_sae: int) -> list[int]:
    chosen = sorted({int(feature) for feature in features})
    if chosen and not (chosen[0] >= 0 and chosen[-1] < d_sae):
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise UsageError(f"Feature {wrong} does not exist: this SAE has features 0 to {d_sae - 1}.")
    return chosen


def _slices(
    positives: Sequence[Picked], proposals: Sequence[Proposals], windows: Windows, config: ContextConfig
) -> Slices:
    """A slice for each positive, then for each place of each proposal."""
    feature = [np.array([one.feature for one in positives], np.int64)]
    feature += [np.full(len(some.place), some.feature) for some in proposals]
    place = [np.array([one.place for one in positives], np.int64), *(some.place for some in proposals)]
    return Slices.around(np.concatenate(feature), np.concatenate(place), windows=windows, config=config)


def _check_peaks(
    positives: Sequence[Picked], slices: Slices, activations: NDArray[np.float32], maximum: NDArray[np.float32]
) -> None:
    """Compare each positive's activation with the recorded one, then put the recorded one in its place."""
    n = np.arange(len(positives))
    recorded = np.array([one.recorded for one in positives], np.float32)
    found = activations[n, slices.peak[n]]
    allowed = PEAK_TOLERANCE * recorded + _FLOOR_TOLERANCE * (1 + maximum[slices.feature[n]])
    if (wrong := np.flatnonzero(~(np.abs(found - recorded) <= allowed))).size:
        i = int(wrong[0])
        raise MismatchError(
            f"Activation of feature {slices.feature[i]} at window {slices.window[i]}, position {slices.position[i]}",
            expected=float(recorded[i]),
            found=float(found[i]),
            hint="The model does not compute what it did in the harvest. Harvest again on this machine.",
        )
    activations[n, slices.peak[n]] = recorded


def _confirmed(
    positives: Sequence[Picked],
    proposals: Sequence[Proposals],
    activations: NDArray[np.float32],
    config: ContextConfig,
    context_length: int,
) -> list[tuple[Picked, int]]:
    """The negatives chosen where the model says that the feature is off, each with the number of its slice."""
    used: dict[tuple[int, str], set[int]] = defaultdict(set)
    for one in positives:
        used[one.feature, one.split].add(one.place)
    rows = []
    at = len(positives)
    for some in proposals:
        is_off = np.all(activations[at : at + len(some.place)] == 0, axis=1)
        picked = pick_negatives(
            some,
            is_off,
            config.counts(some.split).get(some.stratum, 0),
            used=used[some.feature, some.split],
            context_length=context_length,
        )
        number = {place: at + i for i, place in enumerate(some.place.tolist())}
        rows += [(one, number[one.place]) for one in picked]
        at += len(some.place)
    return rows
