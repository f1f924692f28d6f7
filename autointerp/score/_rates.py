"""Rates and means of a group, as the summary gives them."""

from __future__ import annotations

from collections.abc import Sequence

from autointerp.stats import paired_bootstrap, wilson

Numbers = dict[str, float | int | None]


def rate(verdicts: Sequence[bool | None]) -> Numbers:
    """Count yes verdicts: a rate with its 95 % Wilson interval, and how far missing answers could move it.

    Args:
        verdicts: One a feature; None where there is no answer.

    Returns:
        ``k``, ``n`` (answers), ``rate``, ``low``, ``high``, and ``worst_low`` and ``worst_high``: the rate if every
        missing answer were a no, or a yes. Without answers ``rate`` is None.
    """
    answers = [verdict for verdict in verdicts if verdict is not None]
    k, n, n_all = sum(answers), len(answers), len(verdicts)
    interval = wilson(k, n)
    return {
        "k": k,
        "n": n,
        "rate": k / n if n else None,
        "low": interval.low,
        "high": interval.high,
        "worst_low": k / n_all if n_all else 0.0,
        "worst_high": (k + n_all - n) / n_all if n_all else 1.0,
    }


def share(k: int, n: int) -> Numbers:
    """A share of things counted, with its 95 % Wilson interval; None for the share of nothing."""
    interval = wilson(k, n)
    return {"k": k, "n": n, "rate": k / n if n else None, "low": interval.low, "high": interval.high}


def mean(values: Sequence[float | None]) -> Numbers:
    """Mean over features with a 95 % bootstrap interval; None where nothing was measured."""
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "low": None, "high": None, "n": 0}
    interval = paired_bootstrap(known)
    return {"mean": sum(known) / len(known), "low": interval.low, "high": interval.high, "n": len(known)}
