"""The gate: has the rate become worse?

With labels from an LLM a rate moves by itself; with few features it moves a lot. So a drop has to be both larger
than a margin and beyond chance before a build fails, and too few answers are no verdict at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.gate._answers import Answers, answers
from autointerp.gate._baseline import RATES, Baseline, Rate
from autointerp.gate._change import Change, paired_change, unpaired_change
from autointerp.gate._comparable import check_comparable, choose_group
from autointerp.gate._floor import MIN_COVERAGE, Floor
from autointerp.gate._pairing import Pairing, pair
from autointerp.gate._result import Flip, GateResult, Status, percent, points
from autointerp.gate._snapshot import load_decoder, snapshot
from autointerp.run import RunDirectory
from autointerp.stats import required_n


def compare(
    run: RunDirectory,
    baseline: Baseline,
    *,
    rate: str = "verified",
    group: str | None = None,
    margin: float = 0.05,
    min_rate: float | None = None,
    confidence: float = 0.95,
    decoder: NDArray[np.floating] | None = None,
) -> GateResult:
    """Hold a run against a baseline.

    Features are compared one by one where at least 80 % of the baseline's group are found again over the same text
    (exact McNemar test, paired bootstrap), otherwise the groups as wholes (Fisher's exact test, Newcombe interval).
    The gate fails when the one-sided upper bound of the change is below zero, the estimate is below ``-margin``, and
    at least 95 % of the group have an answer on both sides. With fewer answers it is incomplete. With ``min_rate`` it
    also fails when the run's own rate is below that, and so is the one-sided upper bound of its Wilson interval.

    Args:
        run: A run that is labelled, and for other rates than ``label`` scored.
        baseline: What it is held against.
        rate: ``label``, ``verified`` or ``robust``.
        group: Which features (default: the baseline's first ``random:N``).
        margin: How far the rate may fall, as a share.
        min_rate: What the rate of the run must reach in any case, as a share.
        confidence: Of the intervals and of the one-sided bound.
        decoder: The run's decoder [d_sae, d_in] (default: loaded from where the run's SAE is, when it is needed).

    Returns:
        The verdict with its numbers.

    Raises:
        UsageError: A value is out of range, the run lacks labels or scores, or its SAE has moved.
        NotComparableError: Model, hook point, labeler, judge, prompts or groups differ.
    """
    chosen = _rate(run, rate)
    if not 0 <= margin < 1 or not 0.5 < confidence < 1:
        raise UsageError(f"margin must be in [0, 1) and confidence in (0.5, 1); they are {margin} and {confidence}.")
    if min_rate is not None and not 0 <= min_rate <= 1:
        raise UsageError(f"the lowest rate must be in [0, 1], it is {min_rate}.")
    new = snapshot(run, None)
    check_comparable(baseline, new)
    name = choose_group(baseline, new, group)
    if new.sae.sha256 != baseline.sae.sha256 and new.corpus.fingerprint == baseline.corpus.fingerprint:
        new = snapshot(run, load_decoder(run) if decoder is None else decoder)
    pairing = pair(baseline, new, name)
    before, now = answers(baseline, name, chosen), answers(new, name, chosen)
    flips = [] if pairing.obstacle else _flips(pairing, before, now, baseline, new)
    n_old, k_old, n_new, k_new, change = _measure(pairing, before, now, confidence)
    status, reason = _verdict(before, now, change, margin)
    floor = Floor(now, min_rate or 0.0, confidence)
    if status == "pass" and floor.is_missed:
        status, reason = "fail", f"the rate is below {percent(floor.min_rate)}, and by more than chance explains"
    needed = _required_n(change, k_old, n_old, margin, confidence)
    warnings = (*_warnings(pairing, before, now, change, margin), *_power(change, margin, needed), *floor.warnings())
    return GateResult(
        status=status,
        reason=reason,
        rate=chosen,
        group=name,
        paired=not pairing.obstacle,
        n_old=n_old,
        k_old=k_old,
        n=n_new,
        k_new=k_new,
        delta=change.delta if change else None,
        low=change.low if change else None,
        high=change.high if change else None,
        upper_one_sided=change.upper_one_sided if change else None,
        p_value=change.p_value if change else None,
        minimum_detectable_effect=change.minimum_detectable_effect if change else None,
        required_n=needed,
        margin=margin,
        min_rate=min_rate,
        confidence=confidence,
        coverage_old=before.coverage,
        coverage_new=now.coverage,
        corresponding=pairing.share,
        untestable_old=before.untestable,
        untestable_new=now.untestable,
        lost=tuple(flip for flip in flips if before.given[flip.feature]),
        gained=tuple(flip for flip in flips if now.given[flip.feature]),
        noise=baseline.noise,
        warnings=warnings,
    )


def _rate(run: RunDirectory, rate: str) -> Rate:
    for known in RATES:
        if rate == known:
            if known != "label" and not run.scores.exists():
                raise UsageError(f"{run.path}: no scores yet. Run 'autointerp score {run.path}' first.")
            return known
    raise UsageError(f"--rate {rate}: unknown; there are {', '.join(RATES)}.")


def _flips(pairing: Pairing, before: Answers, now: Answers, old: Baseline, new: Baseline) -> list[Flip]:
    return [
        Flip(i, old.features[i].label, new.features[i].label)
        for i in pairing.features
        if i in before.given and i in now.given and before.given[i] != now.given[i]
    ]


def _measure(
    pairing: Pairing, before: Answers, now: Answers, confidence: float
) -> tuple[int, int, int, int, Change | None]:
    """``(n_old, k_old, n_new, k_new, change)``; no change where a side is empty."""
    if pairing.obstacle:
        n_old, n_new = len(before.given), len(now.given)
        change = unpaired_change(before.n_yes, n_old, now.n_yes, n_new, confidence) if n_old and n_new else None
        return n_old, before.n_yes, n_new, now.n_yes, change
    both = [i for i in pairing.features if i in before.given and i in now.given]
    was, is_now = [before.given[i] for i in both], [now.given[i] for i in both]
    return len(both), sum(was), len(both), sum(is_now), paired_change(was, is_now, confidence) if both else None


def _verdict(before: Answers, now: Answers, change: Change | None, margin: float) -> tuple[Status, str]:
    for side, found in (("the baseline", before), ("the run", now)):
        if found.missing and found.coverage < MIN_COVERAGE:
            share = f"{percent(found.coverage)} of the features have an answer in {side}"
            return "incomplete", f"{share}, {percent(MIN_COVERAGE)} are needed"
    if change is None:
        return "incomplete", "no feature has an answer on both sides"
    if change.is_drop(margin):
        return "fail", "the rate fell by more than the margin, and by more than chance explains"
    if change.delta < -margin:
        return "pass", "the rate fell by more than the margin, but chance explains it"
    return "pass", "no drop beyond the margin"


def _required_n(change: Change | None, k_old: int, n_old: int, margin: float, confidence: float) -> int | None:
    """Features needed to see a drop of the margin, where there are too few now."""
    if change is None or not 0 < margin <= k_old / n_old:
        return None
    effect = change.minimum_detectable_effect
    if effect is not None and effect <= margin:
        return None
    return required_n(k_old / n_old, margin, discordant=change.discordant, alpha=1 - confidence)


def _warnings(pairing: Pairing, before: Answers, now: Answers, change: Change | None, margin: float) -> Iterator[str]:
    if pairing.obstacle:
        yield f"Not paired: {pairing.obstacle}. Two groups as wholes show only large changes."
    if before.untestable or now.untestable:
        yield f"Left out as untestable: {before.untestable} features in the baseline, {now.untestable} in the run."
    if change and change.delta < -margin and change.upper_one_sided >= 0:
        yield f"The estimate of {points(change.delta)} points is beyond the margin. Label more features to know."


def _power(change: Change | None, margin: float, needed: int | None) -> Iterator[str]:
    if change is None:
        return
    effect, enough = change.minimum_detectable_effect, f" It takes {needed} to see one of the margin." if needed else ""
    if effect is None:
        yield f"With so few features no drop can be told from chance.{enough}"
    elif effect > margin:
        yield f"With so many features, drops under {effect * 100:.1f} points are mostly missed.{enough}"
