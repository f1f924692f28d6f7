"""Labels from rules: no LLM, no key, no network."""

from __future__ import annotations

from collections.abc import Sequence

from autointerp.harvest import Context
from autointerp.label._reply import MONOSEMANTIC, POLYSEMANTIC
from autointerp.label._row import LabelRow
from autointerp.label._rules import Fit, describe, search, second_meaning

RULES = "rules"
RULES_VERSION = "rules@3"
"""Recorded where an LLM's prompt would be; changes whenever the same contexts could get another label."""
MIN_CONTEXTS = 5
"""Contexts that the feature fires in (and, for rules, that it is silent in) below which nothing can be told."""

_CONFIDENCE = (0.98, 0.95, 0.92, 0.88)
"""F1 from which confidence is 5, 4, 3, 2."""
_POLYSEMANTIC_CONFIDENCE = 3
"""That no short rule fits does not say that nothing does."""


def label_by_rules(feature: int, contexts: Sequence[Context]) -> LabelRow:
    """Label one feature.

    Args:
        feature: Its id.
        contexts: Of the explain split.

    Returns:
        The row; outcome ``error`` where there are too few contexts.
    """
    positives = [context for context in contexts if context.is_positive]
    negatives = [context for context in contexts if not context.is_positive]
    if min(len(positives), len(negatives)) < MIN_CONTEXTS:
        counts = f"fires in {len(positives)}, silent in {len(negatives)}"
        reason = f"too few contexts: {counts}, needs {MIN_CONTEXTS} of each"
        return LabelRow(feature, "error", RULES, RULES_VERSION, reason=reason)
    fit = search(positives, negatives)
    if fit is None or not fit.reaches_the_bar:
        best = f"; the best is {_counts(fit, len(negatives))}" if fit else ""
        return _polysemantic(feature, f"No rule covers it{best}.")
    second = second_meaning(fit, positives, negatives)
    if second is not None:
        others = f"{describe(second.rule)} at {second.n_hits} of the {second.n_missed} others"
        return _polysemantic(feature, f"{_counts(fit, len(negatives))}; {others}.")
    numbers = [number for number, context in enumerate(contexts, 1) if context.is_positive]
    return LabelRow(
        feature,
        "ok",
        RULES,
        RULES_VERSION,
        label=describe(fit.rule),
        verdict=MONOSEMANTIC,
        confidence=1 + sum(fit.f1 >= bound for bound in _CONFIDENCE),
        reasoning=f"{_counts(fit, len(negatives))}.",
        evidence=[number for number, hit in zip(numbers, fit.hits, strict=True) if hit],
        rule=fit.rule.to_json(),
    )


def _polysemantic(feature: int, reasoning: str) -> LabelRow:
    return LabelRow(
        feature,
        "ok",
        RULES,
        RULES_VERSION,
        label=POLYSEMANTIC,
        verdict=POLYSEMANTIC,
        confidence=_POLYSEMANTIC_CONFIDENCE,
        reasoning=reasoning,
    )


def _counts(fit: Fit, n_negatives: int) -> str:
    n_hits, n_positives = sum(fit.hits), len(fit.hits)
    share = f"{100 * fit.recall:.0f} % of the energy"
    counts = f"holds at {n_hits} of {n_positives} peaks ({share}), at {fit.n_false} of {n_negatives} negatives"
    return f"{describe(fit.rule)}: {counts} (F1 {fit.f1:.2f})"
