"""``run.json``: what the run is, its rates and nulls, what failed and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autointerp.view._opened import Opened

SCHEMA_VERSION = 1
_FAILED_SHOWN = 50


def run_page(opened: Opened, *, shard_size: int, can_fire: bool, has_compare: bool, notes: list[str]) -> dict[str, Any]:
    """The head of all pages.

    Args:
        opened: The run.
        shard_size: Features in one file of details.
        can_fire: Whether text can be sent to the model.
        has_compare: Whether there is another run beside this one.
        notes: What is missing and why, as sentences.
    """
    manifest, summary = opened.manifest, opened.summary
    corpus = manifest.corpus
    dead = {kind: _count(opened.features[f"dead_{kind}"]) for kind in ("never", "threshold", "topk", "train")}
    return {
        "schema": SCHEMA_VERSION,
        "title": opened.title,
        "created": manifest.created,
        "sae": manifest.sae and manifest.sae.model_dump(),
        "model": manifest.model and manifest.model.model_dump(),
        "hook_point": manifest.model and manifest.model.hook_point,
        "n_tokens": corpus and corpus.n_tokens,
        "corpus": corpus and corpus.name,
        "context_length": corpus and corpus.context_length,
        "n_features": len(opened.features),
        "n_alive": len(opened.features) - (dead["never"] or 0),
        "dead": dead,
        "labeler": manifest.labeler and manifest.labeler.provider,
        "judge": manifest.judge and manifest.judge.provider,
        "prompts": {"label": manifest.labeler and manifest.labeler.prompt, **_scorer_prompts(opened)},
        "cost_usd": summary.get("cost_usd"),
        "seconds": summary.get("seconds", round(sum(manifest.seconds.values()), 3)),
        "groups": [_group(opened, name, ids) for name, ids in opened.groups.items()],
        "nulls": _nulls(summary.get("nulls", {})),
        "definitions": summary.get("definitions", {}),
        "failures": _failures(opened),
        "shard_size": shard_size,
        "detailed": opened.detailed,
        "can_fire": can_fire,
        "compare": has_compare,
        "notes": notes,
    }


def _scorer_prompts(opened: Opened) -> Mapping[str, Any]:
    found = opened.manifest.config.get("scorers")
    return found if isinstance(found, dict) else {}


def _group(opened: Opened, name: str, ids: list[int]) -> dict[str, Any]:
    found = opened.summary.get("groups", {}).get(name, {})
    names = ("n_ok", "n_failed", "n_scored", "n_polysemantic", "n_untestable", "rates", "detection", "floors",
             "scorers", "deciles", "below_10pct_of_max", "specificity", "bottom_decile")  # fmt: skip
    return {"name": name, "n": len(ids), **{one: found.get(one) for one in names}}


def _nulls(nulls: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each null with what it says about all its features, and about each group where it does."""
    found = []
    for name, null in nulls.items():
        rates = null.get("rates") or {rate: null[rate] for rate in ("label", "verified", "robust") if rate in null}
        groups = {
            group: {"rates": {rate: one[rate] for rate in ("label", "verified", "robust") if rate in one},
                    "detection": one.get("detection")}
            for group, one in null.get("groups", {}).items()
        }  # fmt: skip
        found.append({"name": name, "replaces": null.get("replaces"), "rates": rates,
                      "detection": null.get("detection"), "floor": null.get("floor"), "groups": groups})  # fmt: skip
    return found


def _failures(opened: Opened) -> list[dict[str, Any]]:
    """Ways in which labels and scores failed, each with its reasons and features, the most frequent first."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for stage, rows in (("label", opened.labels), ("score", opened.scores)):
        for feature, row in rows.items():
            is_new = stage == "label" or feature not in opened.labels or opened.labels[feature].outcome == "ok"
            if row.outcome != "ok" and is_new:
                found.setdefault((stage, row.outcome, row.reason), []).append(feature)
    return [
        {"stage": stage, "outcome": outcome, "reason": reason, "n": len(ids), "features": ids[:_FAILED_SHOWN]}
        for (stage, outcome, reason), ids in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _count(flags: Any) -> int | None:
    known = [bool(flag) for flag in flags.dropna()]
    return sum(known) if known else None
