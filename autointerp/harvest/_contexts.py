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
from autointerp.harvest._contexts_file import PassedOver, write_table
from autointerp.harvest._meta import HarvestMeta
from autointerp.harvest._negatives import propose_negatives
from autointerp.harvest._pass import load_sketch
from autointerp.harvest._pools import Pools
from autointerp.harvest._positives import propose_positives
from autointerp.harvest._proposals import Picked, Proposals, pick
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
    off, has fewer contexts; so has one whose weak activations always have a stronger one near (``load_passed_over``
    counts those).

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
    positives: list[Proposals] = []
    negatives: list[Proposals] = []
    for split, sketch in sketches.items():
        here = propose_positives(
            chosen, sketch, split=split, maximum=maximum, config=config, n_bos=int(windows.prepend_bos)
        )
        pools = Pools(windows, split, seed=config.seed, d_vocab=subject.d_vocab, config=recorded.config)
        density = sketch.n_active / max(sketch.n_tokens, 1)
        positives += here
        negatives += propose_negatives(
            here, chosen, density, split=split, pools=pools, subject=subject, windows=windows, config=config
        )

    proposals = [*positives, *negatives]  # positives choose first
    slices = _slices(proposals, windows, config)
    activations = read_activations(
        slices,
        model=model,
        subject=subject,
        windows=windows,
        batch_windows=recorded.config.batch_windows,
        progress=progress,
    )
    _put_recorded(positives, slices, activations, maximum)
    fits = _fits(proposals, slices, activations)
    rows = _pick(proposals, fits, config, windows.context_length)
    rows.sort(key=lambda row: (row[0].feature, SPLITS.index(row[0].split), STRATA.index(row[0].stratum), row[0].rank))
    passed_over = _passed_over(positives, fits)
    write_table(run.contexts, rows, slices, activations, subject=subject, windows=windows, passed_over=passed_over)


def _checked(features: Sequence[int], d_sae: int) -> list[int]:
    chosen = sorted({int(feature) for feature in features})
    if chosen and not (chosen[0] >= 0 and chosen[-1] < d_sae):
        wrong = chosen[0] if chosen[0] < 0 else chosen[-1]
        raise UsageError(f"Feature {wrong} does not exist: this SAE has features 0 to {d_sae - 1}.")
    return chosen


def _slices(proposals: Sequence[Proposals], windows: Windows, config: ContextConfig) -> Slices:
    """A slice for each place of each proposal."""
    feature = [np.full(len(some.place), some.feature) for some in proposals]
    place = [some.place for some in proposals]
    nothing = np.zeros(0, np.int64)
    return Slices.around(
        np.concatenate([nothing, *feature]), np.concatenate([nothing, *place]), windows=windows, config=config
    )


def _put_recorded(
    positives: Sequence[Proposals], slices: Slices, activations: NDArray[np.float32], maximum: NDArray[np.float32]
) -> None:
    """Compare each positive's activation with the recorded one, then put the recorded one in its place.

    Args:
        positives: The first of the slices are theirs.
        slices: What was read.
        activations: On each slice, [number of slices, longest slice]; changed in place.
        maximum: Largest activation of every feature over both splits, [F].
    """
    recorded = np.concatenate([np.zeros(0, np.float32), *(some.recorded for some in positives)])
    n = np.arange(len(recorded))
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


def _fits(proposals: Sequence[Proposals], slices: Slices, activations: NDArray[np.float32]) -> list[NDArray[np.bool_]]:
    """Which places of each proposal may become contexts."""
    ends = np.cumsum([len(some.place) for some in proposals])
    parts = [slice(end - len(some.place), end) for some, end in zip(proposals, ends, strict=True)]
    return [some.fit(activations[mine], slices.peak[mine]) for some, mine in zip(proposals, parts, strict=True)]


def _pick(
    proposals: Sequence[Proposals], fits: Sequence[NDArray[np.bool_]], config: ContextConfig, context_length: int
) -> list[tuple[Picked, int]]:
    """What becomes a context, each with the number of its slice."""
    used: dict[tuple[int, str], set[int]] = defaultdict(set)
    rows = []
    at = 0
    for some, fit in zip(proposals, fits, strict=True):
        n = config.counts(some.split).get(some.stratum, 0)
        picked = pick(some, fit, n, used=used[some.feature, some.split], context_length=context_length)
        rows += [(one, at + one.number) for one in picked]
        at += len(some.place)
    return rows


def _passed_over(positives: Sequence[Proposals], fits: Sequence[NDArray[np.bool_]]) -> PassedOver:
    found: PassedOver = {split: {} for split in SPLITS}
    for some, fit in zip(positives, fits, strict=False):  # positives come first
        passed, proposed = found[some.split].get(some.stratum, (0, 0))
        found[some.split][some.stratum] = passed + int((~fit).sum()), proposed + len(fit)
    return found
