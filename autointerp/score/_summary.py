"""``summary.json``: a run in numbers, a pure function of its other files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from autointerp.errors import UsageError
from autointerp.harvest import load_features
from autointerp.label import POLYSEMANTIC, LabelRow, load_groups, load_label_rows
from autointerp.run import RunDirectory, write_text
from autointerp.score._bottom import LEVEL, MIN_D0
from autointerp.score._floors import shuffled_floor
from autointerp.score._rates import Numbers, mean, rate
from autointerp.score._row import ScoreRow, load_score_rows
from autointerp.score._scorer_summary import floors, further_scorers
from autointerp.score._strength import (
    below_10pct_check,
    effect_of_the_check,
    recall_below_10pct,
    recall_by_decile,
    specificity,
)
from autointerp.score.nulls import null_summaries

SCHEMA_VERSION = 1
DEFINITIONS = {
    "label": "Share of answered features whose verdict is not POLYSEMANTIC.",
    "verified": "Share of answered features whose label predicts held-out activity: the 95 % lower bound of its "
    "balanced accuracy is above 0.5 and above the mean of shuffled labels. POLYSEMANTIC counts as no.",
    "robust": "Verified, and the lowest decile of activations is told from hard negatives (one-sided Fisher "
    "test, p < 0.05), among features with at least 5 such contexts.",
    "beyond_token": "The lower bound is above what the feature's most frequent tokens alone reach.",
    "deciles, below_10pct_of_max": "Recall: share of held-out contexts of that strength in which the judge saw the "
    "feature; d0 is the lowest tenth of a feature's activations. A context is as strong as its strongest token: "
    "activations with a stronger one near them are not asked about.",
    "specificity": "Share of silent contexts left alone, from random places and from hard ones, which look alike.",
    "bottom_decile.applied": "Verified and robust over the same features, those with both verdicts; lost is the share "
    "of the verified that are not robust.",
    "scorers": "Further scorers: fuzzing (balanced accuracy), intruder (accuracy), simulation (Pearson correlation, "
    "and R2 against predicting 0), each beside chance and what the feature's usual tokens reach.",
    "nulls": "What features that mean nothing reach in the same pipeline. shuffled: the run's own contexts under other "
    "features' labels. The rest are runs in nulls/ in which one thing is not real, named as replaces. Those that "
    "are trained are batch top-k SAEs of the run's width and L0; so is the control, which replaces nothing.",
    "low, high": "95 % interval: Wilson for rates, bootstrap over features for means. Recall and specificity count "
    "contexts of all features together as if each stood alone.",
    "worst_low, worst_high": "The rate if every missing answer were a no, or a yes.",
}
"""What the numbers mean, written into the file."""

Json = dict[str, object]


def write_summary(run: RunDirectory) -> Json:
    """Write ``summary.json`` atomically.

    Args:
        run: Labelled; rates of what was not scored yet have ``n`` 0.

    Returns:
        What was written; it has no NaN, only nulls.

    Raises:
        UsageError: Nothing was labelled yet.
    """
    summary = summarise(run)
    write_text(run.summary, json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return summary


def load_summary(run: RunDirectory) -> Mapping[str, Any]:
    """``summary.json``; empty when there is none yet.

    Raises:
        UsageError: It can't be read.
    """
    if not run.summary.exists():
        return {}
    try:
        found: Mapping[str, Any] = json.loads(run.summary.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{run.summary}: can't be read ({error}). Score the run again.") from error
    return found


def summarise(run: RunDirectory) -> Json:
    """The content of ``summary.json`` (see ``write_summary``)."""
    manifest = run.read_manifest()
    labels = {row.feature: row for row in load_label_rows(run)}
    scores = {row.feature: row for row in load_score_rows(run)} if run.scores.exists() else {}
    groups = load_groups(run)
    features = load_features(run)
    dead = {kind: _count(features[f"dead_{kind}"].tolist()) for kind in ("never", "threshold", "topk", "train")}
    floor = shuffled_floor(row.shuffled_ba for row in scores.values())
    rows: list[LabelRow | ScoreRow] = [*labels.values(), *scores.values()]
    costs = [row.cost_usd for row in rows]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.path.absolute().name,
        "sae": manifest.sae.path if manifest.sae else None,
        "model": manifest.model.name if manifest.model else None,
        "hook_point": manifest.model.hook_point if manifest.model else None,
        "labeler": manifest.labeler.provider if manifest.labeler else None,
        "judge": manifest.judge.provider if manifest.judge else None,
        "n_tokens": manifest.corpus.n_tokens if manifest.corpus else None,
        "n_features": len(features),
        "n_alive": len(features) - (dead["never"] or 0),
        "dead": dead,
        "groups": {name: _group(ids, labels, scores, floor) for name, ids in groups.items()},
        "nulls": {"shuffled": _shuffled(groups, scores, floor), **null_summaries(run)} if scores else {},
        "cost_usd": None if None in costs else round(sum(cost for cost in costs if cost is not None), 8),
        "tokens_in": sum(row.tokens_in for row in rows),
        "tokens_out": sum(row.tokens_out for row in rows),
        "seconds": round(sum(manifest.seconds.values()), 3),
        "definitions": DEFINITIONS,
    }


def _group(ids: Sequence[int], labels: Mapping[int, LabelRow], scores: Mapping[int, ScoreRow], floor: float) -> Json:
    label_verdicts = [_label_verdict(labels.get(feature)) for feature in ids]
    rows = [scores.get(feature) for feature in ids]
    known = [row for row in rows if row is not None]
    untestable = {row.feature for row in known if row.d0_n < MIN_D0}
    ended = [scores[feature].outcome if feature in scores else _outcome(labels.get(feature)) for feature in ids]
    return {
        "n": len(ids),
        "n_ok": ended.count("ok"),
        "n_failed": len(ids) - ended.count("ok"),
        "n_scored": sum(row.scored for row in known),
        "n_polysemantic": label_verdicts.count(False),
        "n_untestable": len(untestable),
        "outcomes": {outcome: ended.count(outcome) for outcome in sorted(set(ended))},
        "rates": {
            "label": rate(label_verdicts),
            "verified": rate([row.verified if row else None for row in rows]),
            "robust": rate(
                [row.robust if row else None for row in rows if row is None or row.feature not in untestable]
            ),
            "beyond_token": rate([row.beyond_token if row else None for row in rows]),
        },
        "detection": {**mean([row.balanced_accuracy for row in known]), "floor": floor},
        "floors": floors(known),
        "scorers": further_scorers(known),
        "deciles": recall_by_decile(known),
        "below_10pct_of_max": recall_below_10pct(known),
        "specificity": specificity(known),
        "bottom_decile": {**_bottom(known), "applied": effect_of_the_check(known)},
        "bottom_below_10pct_of_max": below_10pct_check(known, level=LEVEL),
    }


def _bottom(rows: Sequence[ScoreRow]) -> Numbers:
    found = rate([row.bottom_verdict == "pass" for row in rows if row.bottom_verdict in ("pass", "fail")])
    return {"pass_rate": found["rate"], **{name: found[name] for name in ("k", "n", "low", "high")}}


def _shuffled(groups: Mapping[str, Sequence[int]], scores: Mapping[int, ScoreRow], floor: float) -> Json:
    return {
        "floor": floor,
        "groups": {name: _null([scores[one] for one in ids if one in scores]) for name, ids in groups.items()},
        **_null(list(scores.values())),
    }


def _null(rows: Sequence[ScoreRow]) -> Json:
    asked = [row for row in rows if row.shuffled_outcome is not None]
    return {
        "detection": mean([row.shuffled_ba for row in asked]),
        "verified": rate([row.shuffled_verified for row in asked]),
    }


def _label_verdict(row: LabelRow | None) -> bool | None:
    return None if row is None or row.verdict is None else row.verdict != POLYSEMANTIC


def _outcome(row: LabelRow | None) -> str:
    return "missing" if row is None else row.outcome


def _count(values: Sequence[object]) -> int | None:
    """How many are true; None where the definition does not apply to this SAE."""
    known = [value for value in values if value is True or value is False]
    return sum(map(bool, known)) if known else None
