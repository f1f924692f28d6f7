"""What the page shows, gathered from the run directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from autointerp.errors import UsageError
from autointerp.harvest import Context, load_contexts
from autointerp.label import load_groups
from autointerp.report._nulls import NullView, null_views
from autointerp.report._scorers import ScorerView, scorer_views
from autointerp.report._strength import StrengthView, strength_views
from autointerp.report._summary import DetectionView, RateView, detection_views, rate_views
from autointerp.report._tokens import ContextView, pick_contexts, view_context, visible_text, visible_token
from autointerp.run import Manifest, RunDirectory, read_table
from autointerp.score import load_summary

MAX_WITH_CONTEXTS = 500
"""Features whose contexts are on the page: more make a page of tens of megabytes."""


@dataclass(frozen=True)
class FeatureView:
    """One feature's row."""

    feature: int
    groups: tuple[str, ...]
    label: str
    verdict: str
    outcome: str
    confidence: int | None
    reasoning: str
    top_tokens: tuple[str, ...]
    score: Mapping[str, Any]
    """Its row of the scores; empty before scoring."""
    contexts: tuple[ContextView, ...]


@dataclass(frozen=True)
class Failure:
    """One way labelling failed."""

    outcome: str
    count: int
    example: str
    """The reason of the first feature it happened to."""


@dataclass(frozen=True)
class Page:
    """Everything the template needs."""

    title: str
    facts: tuple[tuple[str, str], ...]
    rates: tuple[RateView, ...]
    """Every rate of every group."""
    detections: tuple[DetectionView, ...]
    """Every group's detection scores."""
    nulls: tuple[NullView, ...]
    """What features that mean nothing reach."""
    scorers: tuple[ScorerView, ...]
    """Every group's scores by scorer, beside their floors."""
    strengths: tuple[StrengthView, ...]
    """Every group's recall by strength of activation."""
    failures: tuple[Failure, ...]
    features: tuple[FeatureView, ...]
    n_without_contexts: int
    """Features beyond ``MAX_WITH_CONTEXTS``."""


def gather(run: RunDirectory) -> Page:
    """Read a run for its page.

    Args:
        run: A labelled run; scores and contexts are shown where they are.

    Raises:
        UsageError: The run has no labels, or one of its files is broken.
    """
    if not run.labels.exists():
        raise UsageError(f"{run.path}: no labels yet. Finish 'autointerp label --out {run.path} --resume' first.")
    manifest = run.read_manifest()
    members = _members(run)
    labels = _rows(run.labels, members)
    scores = _rows(run.scores, members)
    statistics = _rows(run.features, members, ("feature", "max_activation", "top_tokens"))
    summary = load_summary(run)
    contexts = load_contexts(run) if run.contexts.exists() else {}
    features = [
        _feature(
            feature,
            groups,
            label=labels.get(feature, {}),
            score=scores.get(feature, {}),
            statistics=statistics.get(feature, {}),
            contexts=contexts.get(feature, []) if number < MAX_WITH_CONTEXTS else [],
        )
        for number, (feature, groups) in enumerate(members.items())
    ]
    return Page(
        title=visible_text(run.path.resolve().name),
        facts=tuple((name, visible_text(text)) for name, text in _facts(manifest)),
        rates=tuple(rate_views(summary)),
        detections=tuple(detection_views(summary)),
        nulls=tuple(null_views(summary)),
        scorers=tuple(scorer_views(summary)),
        strengths=tuple(strength_views(summary)),
        failures=_failures(labels.values()),
        features=tuple(features),
        n_without_contexts=max(0, len(features) - MAX_WITH_CONTEXTS),
    )


def _members(run: RunDirectory) -> dict[int, list[str]]:
    """Feature -> its groups, in the order of their selection."""
    members: dict[int, list[str]] = {}
    for name, features in load_groups(run).items():
        for feature in features:
            members.setdefault(feature, []).append(name)
    return members


def _rows(path: Path, wanted: Iterable[int], columns: Sequence[str] | None = None) -> dict[int, dict[str, Any]]:
    if not path.exists():
        return {}
    table = read_table(path, columns=columns, filters=pc.field("feature").isin(sorted(wanted)))
    return {row["feature"]: row for row in table.to_pylist()}


def _feature(
    feature: int,
    groups: Iterable[str],
    *,
    label: Mapping[str, Any],
    score: Mapping[str, Any],
    statistics: Mapping[str, Any],
    contexts: Iterable[Context],
) -> FeatureView:
    picked = pick_contexts(contexts)
    maximum = max([statistics.get("max_activation") or 0.0, *(a for c in picked for a in c.activations)])
    return FeatureView(
        feature=feature,
        groups=tuple(groups),
        label=visible_text(label.get("label") or ""),
        verdict=label.get("verdict") or "",
        outcome=label.get("outcome") or "not asked",
        confidence=label.get("confidence"),
        reasoning=visible_text(label.get("reasoning") or ""),
        top_tokens=tuple(map(visible_token, statistics.get("top_tokens") or ())),
        score=score,
        contexts=tuple(view_context(context, maximum) for context in picked),
    )


def _failures(labels: Iterable[Mapping[str, Any]]) -> tuple[Failure, ...]:
    counts: dict[str, list[str]] = {}
    for row in labels:
        if row["outcome"] != "ok":
            counts.setdefault(row["outcome"], []).append(row.get("reason") or "")
    return tuple(
        Failure(outcome, len(reasons), visible_text(reasons[0])) for outcome, reasons in sorted(counts.items())
    )


def _facts(manifest: Manifest) -> list[tuple[str, str]]:
    facts = [("started", manifest.created)]
    if manifest.sae:
        facts.append(
            ("SAE", f"{manifest.sae.path} ({manifest.sae.d_in} to {manifest.sae.d_sae}, {manifest.sae.sha256[:12]})")
        )
    if manifest.model:
        facts.append(("model", f"{manifest.model.name} at {manifest.model.hook_point}"))
    if manifest.corpus:
        facts.append(("text", f"{manifest.corpus.name}, {manifest.corpus.n_tokens:,} tokens"))
    if manifest.labeler:
        facts.append(("labels by", f"{manifest.labeler.provider}, {manifest.labeler.prompt}"))
    if manifest.judge:
        facts.append(("judged by", f"{manifest.judge.provider}, {manifest.judge.prompt}"))
    return facts
