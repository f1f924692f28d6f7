"""Runs as the viewer's pages read them: all that a page can show, said by strings that want to be more than text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parents[2] / "autointerp" / "view" / "assets"

HOSTILE = (
    "</script><script>window.executed=1</script>",
    "<!--<script>window.executed=1",
    '" onmouseover="window.executed=1" x="',
    "' onfocus='window.executed=1' autofocus='",
    "<img src=x onerror=window.executed=1>",
    "<svg onload=window.executed=1>",
    "javascript:window.executed=1",
    "${window.executed=1}{{window.executed=1}}",
    "]]><b>bold</b>&lt;i&gt;&amp;",
    "line\u2028separator\u2029ends",
    "right\u202eto left\u202c\u2066",
    "bell\u0007escape\u001b[31mnull\u0000",
    "lone\ud800surrogate",
    "__proto__",
)

WORDS = ("def", "import", "return", "self", "value")
N_DETAILED = len(HOSTILE) + 6
N_FEATURES = 60
SHARD_SIZE = 4
GROUPS = ("top25", "random:20")


def label_of(feature: int) -> str | None:
    """The hostile strings first, then words, then a failure, then nothing."""
    if feature < len(HOSTILE):
        return HOSTILE[feature]
    if feature < N_DETAILED - 1:
        return f"word {WORDS[feature - len(HOSTILE)]}"
    return None


def documents() -> dict[str, Any]:
    """The small run's documents by name."""
    found = {
        "run": run_of(N_FEATURES, N_DETAILED),
        "listing": listing_of(N_FEATURES, N_DETAILED),
        "compare": comparison(),
    }
    for first in range(0, N_DETAILED, SHARD_SIZE):
        features = range(first, min(first + SHARD_SIZE, N_DETAILED))
        shard = {str(feature): feature_of(feature) for feature in features}
        found[f"features/{first // SHARD_SIZE}"] = {"schema": 1, "features": shard}
    return found


def large_documents(n: int = 25_000) -> dict[str, Any]:
    """The documents of a run of many features, of which 400 are labelled; no details."""
    return {"run": {**run_of(n, 0), "compare": False, "can_fire": False}, "listing": listing_of(n, 400)}


def bare_documents() -> dict[str, Any]:
    """The documents of a run that is harvested and no more."""
    none = {
        "groups": [],
        "nulls": [],
        "failures": [],
        "labeler": None,
        "judge": None,
        "cost_usd": None,
        "seconds": None,
    }
    listing = listing_of(N_FEATURES, 0)
    statistics = ("feature", "n_active", "density", "max_activation", "selectivity", "rank", "top_token")
    notes = ["No features are labelled yet."]
    return {
        "run": {**run_of(N_FEATURES, 0), **none, "notes": notes, "compare": False, "can_fire": False},
        "listing": {**listing, "columns": {name: listing["columns"][name] for name in statistics}},
    }


def write_documents(found: dict[str, Any], folder: Path) -> None:
    """Documents as files under ``folder/data``."""
    for name, document in found.items():
        file = folder / "data" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document), encoding="ascii")  # lone surrogates are escaped


def rate(k: int, n: int) -> dict[str, Any]:
    """A rate with an interval that is wide enough to see."""
    share = k / n
    low, high = max(0.0, share - 0.15), min(1.0, share + 0.15)
    return {"k": k, "n": n, "rate": share, "low": low, "high": high, "worst_low": share - 0.02, "worst_high": share}


def run_of(n_features: int, n_detailed: int) -> dict[str, Any]:
    """The document ``run``."""
    rates = {"label": rate(16, 20), "verified": rate(12, 20), "robust": rate(4, 20)}
    detection = {"mean": 0.78, "low": 0.7, "high": 0.84, "n": 16, "floor": 0.51}
    bottom = {"pass_rate": 0.25, "k": 4, "n": 16, "low": 0.1, "high": 0.5}
    group = {"n": 20, "n_ok": 19, "n_failed": 1, "rates": rates, "detection": detection, "bottom_decile": bottom}
    null = {"rates": {"verified": rate(1, 20)}, "detection": {**detection, "mean": 0.5}}
    return {
        "schema": 1,
        "title": f"run {HOSTILE[4]}",
        "created": "2026-01-02T03:04:05+00:00",
        "sae": {"path": HOSTILE[0], "architecture": "standard", "d_in": 8, "d_sae": n_features},
        "model": {"name": HOSTILE[2]},
        "hook_point": "blocks.1.hook_resid_post",
        "n_tokens": 40_000,
        "corpus": HOSTILE[10],
        "context_length": 128,
        "n_features": n_features,
        "n_alive": n_features - 3,
        "dead": {"never": 3},
        "labeler": "openai:model",
        "judge": "openai:model",
        "cost_usd": 0.0123,
        "seconds": 61.5,
        "groups": [{"name": name, **group} for name in GROUPS],
        "nulls": [{"name": "shuffled", **null, "groups": {GROUPS[0]: null}}],
        "failures": [
            {"stage": "label", "outcome": "refused", "n": 1, "reason": HOSTILE[5], "features": [N_DETAILED - 1]}
        ],
        "shard_size": SHARD_SIZE,
        "detailed": list(range(n_detailed)),
        "can_fire": True,
        "compare": True,
        "notes": [HOSTILE[1]],
        "definitions": {"verified": HOSTILE[2]},
    }


def listing_of(n: int, n_labelled: int) -> dict[str, Any]:
    """The document ``listing``: full columns of statistics, sparse columns of what follows from labels."""
    labels = [label_of(i % N_DETAILED) for i in range(n_labelled)]
    index = list(range(n_labelled))

    def sparse(values: list[Any]) -> dict[str, Any]:
        return {"index": index, "value": values}

    poly = [i % 5 == 4 for i in index]
    columns = {
        "feature": "range",
        "density": {"column": "n_active", "times": 1 / 40_000},
        "selectivity": [None if i % 50 == 49 else round(20 - 0.0007 * i, 2) for i in range(n)],
        "n_active": [4 * (1 + i % 97) for i in range(n)],
        "max_activation": [round(1 + (i * 7919 % 1000) / 10, 1) for i in range(n)],
        "rank": [None if i % 50 == 49 else i + 1 for i in range(n)],
        "top_token": {
            "codes": [i % len(HOSTILE) if i < N_DETAILED else len(HOSTILE) + i % 5 for i in range(n)],
            "values": [*HOSTILE, *(f" {word}" for word in WORDS)],
        },
        "duplicate_of": {"index": [5, n - 2], "value": [3, 1]},
        "label": sparse(labels),
        "verdict": sparse(
            [
                None if lab is None else "POLYSEMANTIC" if p else "MONOSEMANTIC"
                for lab, p in zip(labels, poly, strict=True)
            ]
        ),
        "outcome": sparse(["refused" if label is None else "ok" for label in labels]),
        "groups": sparse([[0, 1] if i % 2 else [0] for i in index]),
        "balanced_accuracy": sparse(
            [None if p else round(0.5 + 0.49 * i / n_labelled, 3) for i, p in zip(index, poly, strict=True)]
        ),
        "verified": sparse([None if p else i % 3 > 0 for i, p in zip(index, poly, strict=True)]),
        "robust": sparse([None if p else i % 6 == 1 for i, p in zip(index, poly, strict=True)]),
        "bottom_verdict": sparse([None if p else "fail" for p in poly]),
        "fuzzing_ba": sparse([0.6 for _ in index]),
    }
    return {"schema": 1, "n": n, "columns": columns}


def feature_of(feature: int) -> dict[str, Any]:
    """One feature of a shard, with all that the contract knows."""
    label = label_of(feature)
    said = label or "nothing"
    return {
        "feature": feature,
        "label": label,
        "verdict": None if label is None else "MONOSEMANTIC",
        "outcome": "ok" if label else "refused",
        "reason": "" if label else HOSTILE[4],
        "confidence": 4,
        "reasoning": f"Fires on {said}\nand hardly elsewhere.",
        "evidence": [1, 3],
        "rule": f'[{{"values": ["{said}"]}}]',
        "llm": "openai:model",
        "prompt": "label@1",
        "statistics": {
            "n_active": 480,
            "density": 0.012,
            "mean_activation": 2.5,
            "max_activation": 10.0,
            "std_activation": 1.5,
            "quantiles": {"q01": 0.1, "q50": 2.0, "q99": 9.5},
            "selectivity": 12.5,
            "rank": 3,
            "duplicate_of": 3,
            "dead": {"never": False, "topk": True},
        },
        "histogram": {
            "edges": [0.1, 0.3, 1.0, 3.0, 10.0],
            "counts": [5, 40, 300, 135],
            "deciles": [0.4, 0.8, 1.1, 1.6, 2.0, 2.6, 3.4, 4.5, 6.0],
        },
        "positions": {"share_active": [None, 0.01, 0.02, 0.015], "n": [0, 90, 90, 90], "width": 1},
        "contexts": contexts_of(feature),
        "deciles": {
            "hits": [1, 1, 0, 1, 2, 2, 2, 2, 2, 2],
            "n": [6, 2, 2, 2, 2, 2, 2, 2, 2, 2],
            "low": [0.1] * 10,
            "high": [0.9] * 10,
            "false_alarms": {"random": [0, 8], "hard": [2, 8]},
        },
        "scores": [
            {
                "name": "detection",
                "measure": "balanced accuracy",
                "value": 0.75,
                "low": 0.61,
                "high": 0.85,
                "floor": 0.51,
                "outcome": "ok",
                "note": HOSTILE[0],
                "floors": {"token identity": 0.7},
                "counts": {"tp": 10, "fn": 10, "tn": 16, "fp": 0},
                "bottom": {"verdict": "fail", "p_value": 0.4, "lowest_decile": [1, 6], "below_10pct_of_max": [0, 2]},
            },
            {
                "name": "fuzzing",
                "value": None,
                "low": None,
                "high": None,
                "floor": None,
                "outcome": "skipped_budget",
                "note": "budget",
            },
        ],
        "top_tokens": [
            {"token": said, "count": 64, "class": "word"},
            {"token": "\n", "count": None, "class": "line feed"},
        ],
        "token_classes": {"word": 0.9, "__proto__": 0.1},
        "logits": {"promoted": [[said, 3.25], [" the", 1.5]], "suppressed": [["\t", -2.0]]},
        "nearest": {"decoder": [[feature + 1, 0.91]], "coactive": [[N_FEATURES - 1, 0.4]]},
        "exchanges": [
            {
                "purpose": "label",
                "request": [{"role": "system", "content": said}, {"role": "user", "content": HOSTILE[0]}],
                "reply": f'{{"label": "{said}"}}',
                "outcome": "ok",
                "cost_usd": 0.00012,
                "seconds": 1.5,
                "is_reask": False,
            },
        ],
        "missing": {},
    }


def contexts_of(feature: int) -> list[dict[str, Any]]:
    """Five tokens a context: blanks of every kind, and the feature's string at the peak."""
    peak = label_of(feature) or "word"

    def context(split: str, stratum: str, strength: float, number: int | None, says: bool | None) -> dict[str, Any]:
        fires = strength > 0
        return {
            "split": split,
            "stratum": stratum,
            "tokens": [" a", "\n", "\t", peak, " end"],
            "activations": [0, strength / 2, 0, strength, 0],
            "peak": 3,
            "document": HOSTILE[3],
            "window": 7,
            "position": 21,
            "fallback": "",
            "number": number,
            "shown": number is not None or says is not None,
            "judged": None if says is None else {"says": says, "right": says == fires},
            "more": {"before": [" earlier"], "after": [" later", peak]},
        }

    return [
        context("explain", "top", 10.0, 1, None),
        context("score", "top", 9.5, None, True),
        context("explain", "d9", 8.0, 2, None),
        context("explain", "d0", 0.5, 3, None),
        context("score", "d0", 0.4, None, False),
        context("score", "below_10pct_of_max", 0.3, None, True),
        context("explain", "negative_hard", 0, 4, None),
        context("score", "negative_hard", 0, None, True),
        context("score", "negative_random", 0, None, False),
    ]


def comparison() -> dict[str, Any]:
    """The document ``compare``: one of each kind of change, and a feature that stayed."""

    def row(feature: int, **now: Any) -> dict[str, Any]:
        before = {"label": label_of(feature), "verdict": "MONOSEMANTIC", "verified": True, "robust": None}
        after = {**before, **now}
        return {
            "feature": feature,
            **{f"{name}_a": value for name, value in after.items()},
            **{f"{name}_b": value for name, value in before.items()},
            "balanced_accuracy_a": 0.7,
            "balanced_accuracy_b": 0.75,
            "changed": [name for name in before if before[name] != after[name]],
        }

    poly = row(1, verdict="POLYSEMANTIC", label="POLYSEMANTIC")
    return {
        "schema": 1,
        "a": {"title": HOSTILE[4]},
        "b": {"title": "before"},
        "same_sae": True,
        "gate": {"verdict": "fail", "sentence": f"The rate fell by 8 points. {HOSTILE[5]}"},
        "rates": [{"rate": "verified", "group": GROUPS[0], "a": rate(10, 20), "b": rate(12, 20)}],
        "features": [row(0, label=HOSTILE[1]), poly, row(2, verified=False), row(3)],
        "only_a": [7],
        "only_b": [],
    }


def fired(text: str) -> dict[str, Any]:
    """What the server says of a text: a feature for each of its first words."""
    tokens = [word if i == 0 else f" {word}" for i, word in enumerate(text.split(" "))]
    features = [
        {
            "feature": i,
            "label": label_of(i),
            "max": 9.0 - i,
            "activations": [9.0 - i if at == i else 0 for at in range(len(tokens))],
        }
        for i in range(min(3, len(tokens)))
    ]
    return {"tokens": tokens, "features": features, "truncated": False}
