"""By how much a rate changed, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autointerp.stats import (
    fisher_greater,
    mcnemar_exact,
    minimum_detectable_effect,
    newcombe_difference,
    paired_bootstrap,
)


@dataclass(frozen=True)
class Change:
    """New rate minus old rate, with its uncertainty."""

    delta: float
    """The estimate."""
    low: float
    """Lower end of the two-sided interval."""
    high: float
    """Upper end of the two-sided interval."""
    upper_one_sided: float
    """Bound from above, on one side."""
    p_value: float
    """One-sided, of no drop."""
    minimum_detectable_effect: float | None
    """Smallest drop told from chance in 80 % of cases; None where no drop would be."""
    discordant: float | None = None
    """Share of pairs whose answers differ; None where nothing is paired."""

    def is_drop(self, margin: float) -> bool:
        """Whether the rate fell by more than the margin, and by more than chance explains."""
        return self.delta < -margin and self.upper_one_sided < 0


def paired_change(old: Sequence[bool], new: Sequence[bool], confidence: float) -> Change:
    """The change over the same features.

    A bootstrap of few changed features is too sure of itself: three features lost and none gained would "exclude" no
    change, though a fair coin does so one time in eight. So interval and bound reach to zero unless the exact McNemar
    test agrees with them.

    Args:
        old: Answers before, one a feature, at least one.
        new: Answers now, in the same order.
        confidence: Of the interval (two-sided) and the bound (one-sided).
    """
    differences = [now - before for before, now in zip(old, new, strict=True)]
    lost, gained = differences.count(-1), differences.count(1)
    two_sided = paired_bootstrap(differences, confidence=confidence)
    one_sided = paired_bootstrap(differences, confidence=2 * confidence - 1)
    drop_p = mcnemar_exact(lost, gained, alternative="greater")
    low, high, upper = two_sided.low, two_sided.high, one_sided.high
    if mcnemar_exact(lost, gained) >= 1 - confidence:
        low, high = min(low, 0.0), max(high, 0.0)
    if drop_p >= 1 - confidence:
        upper = max(upper, 0.0)
    discordant = (lost + gained) / len(old)
    effect = minimum_detectable_effect(sum(old) / len(old), len(old), discordant=discordant, alpha=1 - confidence)
    return Change((gained - lost) / len(old), low, high, upper, drop_p, effect, discordant)


def unpaired_change(k_old: int, n_old: int, k_new: int, n_new: int, confidence: float) -> Change:
    """The change between two groups as wholes.

    Args:
        k_old: Features with the answer yes before.
        n_old: Features with an answer before, at least one.
        k_new: Features with the answer yes now.
        n_new: Features with an answer now, at least one.
        confidence: Of the interval (two-sided) and the bound (one-sided).
    """
    two_sided = newcombe_difference(k_new, n_new, k_old, n_old, confidence=confidence)
    one_sided = newcombe_difference(k_new, n_new, k_old, n_old, confidence=2 * confidence - 1)
    return Change(
        delta=(k_new * n_old - k_old * n_new) / (n_old * n_new),  # exact counts: a drop of just the margin is no more
        low=two_sided.low,
        high=two_sided.high,
        upper_one_sided=one_sided.high,
        p_value=fisher_greater(k_old, n_old, k_new, n_new),
        minimum_detectable_effect=minimum_detectable_effect(k_old / n_old, n_old, n_other=n_new, alpha=1 - confidence),
    )
