"""One feature with everything that is known about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from autointerp.harvest import Context
from autointerp.label import CLASSES
from autointerp.view._contexts import Pieces, contexts_of
from autointerp.view._judged import judged
from autointerp.view._opened import Opened
from autointerp.view._scores import deciles_of, scores_of
from autointerp.view._sketches import Sketches

_QUANTILES = ("q01", "q10", "q25", "q50", "q75", "q90", "q99")
_STATISTICS = (
    "n_active", "n_active_explain", "n_active_score", "density", "mean_activation", "max_activation", "std_activation",
    "selectivity", "rank", "duplicate_of",
)  # fmt: skip
_N_TOP_TOKENS = 20


def feature_page(
    opened: Opened,
    feature: int,
    contexts: Sequence[Context],
    *,
    sketches: Sketches | None,
    pieces: Pieces | None,
    sections: Mapping[str, Any],
    sent: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything about one feature.

    Args:
        opened: The run.
        feature: Its id.
        contexts: Of the feature.
        sketches: What the harvest counted; None where that is gone.
        pieces: How tokens are spelt; None where the model can't be loaded.
        sections: ``logits``, ``nearest`` and the like, as computed with the model, and under ``missing`` why not.
        sent: What was sent about it.
    """
    label, score = opened.labels.get(feature), opened.scores.get(feature)
    verdicts = judged(opened, feature, contexts)
    missing = dict(sections["missing"])
    if isinstance(verdicts, str):
        missing["judged"] = verdicts
    return {
        "feature": feature,
        "groups": [number for number, ids in enumerate(opened.groups.values()) if feature in ids],
        **_label(asdict(label) if label else {}),
        "statistics": _statistics(opened, feature),
        "histogram": sketches.histogram_of(feature) if sketches else None,
        "positions": sketches.positions_of(feature) if sketches else None,
        "contexts": contexts_of(opened, contexts, {} if isinstance(verdicts, str) else verdicts, pieces),
        "deciles": deciles_of(score) if score else None,
        "scores": scores_of(score, _floor(opened)) if score else [],
        **_tokens(opened, feature, sketches, pieces),
        "logits": sections.get("logits"),
        "nearest": {"decoder": sections.get("decoder") or [], "coactive": sections.get("coactive") or []},
        "exchanges": sent,
        "missing": missing,
    }


def _label(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("label", "verdict", "outcome", "reason", "confidence", "reasoning", "rule", "llm", "prompt", "cost_usd")
    return {**{name: row.get(name) for name in names}, "evidence": row.get("evidence") or []}


def _statistics(opened: Opened, feature: int) -> dict[str, Any]:
    row = opened.statistics(feature)
    return {
        **{name: row[name] for name in _STATISTICS},
        "quantiles": {name: row[name] for name in _QUANTILES},
        "dead": {kind: row[f"dead_{kind}"] for kind in ("never", "threshold", "topk", "train")},
    }


def _floor(opened: Opened) -> float | None:
    floor: float | None = opened.summary.get("nulls", {}).get("shuffled", {}).get("floor")
    return floor


def _tokens(opened: Opened, feature: int, sketches: Sketches | None, pieces: Pieces | None) -> dict[str, Any]:
    """The tokens that it peaks on, with counts where they can be spelt, and their classes."""
    if sketches is None or pieces is None:
        texts = opened.statistics(feature)["top_tokens"]
        named = [{"token": text, "count": None, "class": token_class(text)} for text in texts]
        return {"top_tokens": named, "token_classes": {}}
    counted = [(pieces.get(token, "\ufffd"), count) for token, count in sketches.top_tokens_of(feature)]
    shares: Counter[str] = Counter()
    for text, count in counted:
        shares[token_class(text)] += count
    total = sum(shares.values())
    return {
        "top_tokens": [
            {"token": text, "count": count, "class": token_class(text)} for text, count in counted[:_N_TOP_TOKENS]
        ],
        "token_classes": {name: count / total for name, count in shares.most_common()},
    }


def token_class(text: str) -> str:
    """What kind of token this is: the first class that holds it, ``word``, or ``other``."""
    for name, holds in CLASSES.items():
        if holds(text):
            return name
    return "word" if text.strip().isalpha() else "other"
