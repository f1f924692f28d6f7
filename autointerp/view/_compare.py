"""``compare.json``: two runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autointerp.errors import AutointerpError
from autointerp.gate import RATES, compare, load_decoder, snapshot
from autointerp.view._opened import Opened
from autointerp.view._run_page import SCHEMA_VERSION

_COMPARED = ("label", "verdict", "outcome", "verified", "robust", "balanced_accuracy")
_CHANGES = ("label", "verdict", "outcome", "verified", "robust")
"""What counts as a change; scores move with every context."""


def comparison(a: Opened, b: Opened) -> dict[str, Any]:
    """A run beside another.

    Args:
        a: The run.
        b: The one it is held against.

    Returns:
        Rates of both; what the gate says to ``a`` with ``b`` as its baseline; and, where both have the same SAE, every
        feature labelled in both, with what changed from ``b`` to ``a``.
    """
    same_sae = a.manifest.sae is not None and b.manifest.sae is not None and _sha(a) == _sha(b)
    both = sorted(a.labels.keys() & b.labels.keys()) if same_sae else []
    return {
        "schema": SCHEMA_VERSION,
        "a": _side(a),
        "b": _side(b),
        "same_sae": same_sae,
        "only_a": len(a.labels) - len(both) if same_sae else None,
        "only_b": len(b.labels) - len(both) if same_sae else None,
        "gate": _gate(a, b, same_sae=same_sae),
        "rates": _rates(a.summary.get("groups", {}), b.summary.get("groups", {})),
        "features": [_pair(feature, _answers(a, feature), _answers(b, feature)) for feature in both],
    }


def _sha(opened: Opened) -> str | None:
    return opened.manifest.sae.sha256 if opened.manifest.sae else None


def _side(opened: Opened) -> dict[str, Any]:
    manifest = opened.manifest
    return {
        "title": opened.title,
        "created": manifest.created,
        "sae": manifest.sae and manifest.sae.path,
        "model": manifest.model and manifest.model.name,
        "labeler": manifest.labeler and manifest.labeler.provider,
        "judge": manifest.judge and manifest.judge.provider,
        "n_features": len(opened.features),
        "n_labelled": len(opened.labels),
    }


def _answers(opened: Opened, feature: int) -> dict[str, Any]:
    label, score = opened.labels[feature], opened.scores.get(feature)
    return {name: getattr(label, name, None) if hasattr(label, name) else getattr(score, name, None)
            for name in _COMPARED}  # fmt: skip


def _pair(feature: int, a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    sides = {f"{name}_{side}": answers[name] for name in _COMPARED for side, answers in (("a", a), ("b", b))}
    return {"feature": feature, **sides, "changed": [name for name in _CHANGES if a[name] != b[name]]}


def _rates(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"group": group, "rate": rate, **{
            side: found.get(group, {}).get("rates", {}).get(rate) for side, found in (("a", a), ("b", b))
        }}
        for group in [*a, *(name for name in b if name not in a)]
        for rate in RATES
    ]  # fmt: skip


def _gate(a: Opened, b: Opened, *, same_sae: bool) -> dict[str, Any]:
    """The gate's verdict, or why there is none."""
    try:
        baseline = snapshot(b.run, None if same_sae else load_decoder(b.run))
        result = compare(a.run, baseline, rate="verified" if a.scores and b.scores else "label")
    except AutointerpError as error:
        return {"verdict": "not comparable", "sentence": str(error)}
    numbers = json.loads(result.to_json())
    return {"verdict": result.status, "sentence": result.verdict_line(), "numbers": numbers}
