"""Numbers from a confusion table: tp, fn, tn, fp count contexts."""

from __future__ import annotations

import math

from autointerp.stats._proportions import Interval, wilson


def balanced_accuracy(tp: int, fn: int, tn: int, fp: int) -> float | None:
    """Mean of the true positive and the true negative rate; None where either class is empty."""
    if tp + fn == 0 or tn + fp == 0:
        return None
    return (tp / (tp + fn) + tn / (tn + fp)) / 2


def mcc(tp: int, fn: int, tn: int, fp: int) -> float | None:
    """Matthews correlation; None where either true class is empty.

    A judge that gives every context the same answer gets 0, the limit of the formula (Chicco & Jurman 2020).
    """
    if tp + fn == 0 or tn + fp == 0:
        return None
    scale = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / scale if scale else 0.0


def f1(tp: int, fn: int, tn: int, fp: int) -> float | None:
    """Harmonic mean of precision and recall; None where there is no true positive class to recall."""
    del tn
    return None if tp + fn == 0 else 2 * tp / (2 * tp + fp + fn)


def balanced_accuracy_interval(tp: int, fn: int, tn: int, fp: int, confidence: float = 0.95) -> Interval:
    """Interval of the balanced accuracy, by MOVER from the Wilson intervals of its two rates (Zou & Donner 2008).

    Args:
        tp: Positives found.
        fn: Positives missed.
        tn: Negatives left alone.
        fp: Negatives called positive.
        confidence: Two-sided level.

    Returns:
        The interval; [0, 1] where either class is empty.
    """
    accuracy = balanced_accuracy(tp, fn, tn, fp)
    if accuracy is None:
        return Interval(0.0, 1.0)
    tpr, tnr = tp / (tp + fn), tn / (tn + fp)
    first, second = wilson(tp, tp + fn, confidence), wilson(tn, tn + fp, confidence)
    low = accuracy - math.hypot(tpr - first.low, tnr - second.low) / 2
    high = accuracy + math.hypot(first.high - tpr, second.high - tnr) / 2
    return Interval(max(low, 0.0), min(high, 1.0))
