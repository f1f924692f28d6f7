"""A labeler that always answers, for what a label rate alone can say of it."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Sequence

from autointerp.harvest import Context
from autointerp.label import (
    MIN_CONTEXTS,
    MONOSEMANTIC,
    RULES,
    Atom,
    LabelRow,
    Rule,
    describe,
    explain_contexts,
    load_groups,
    write_labels,
)
from autointerp.run import LLMInput, Manifest, RunDirectory
from autointerp.score import score_features

FOLDER = "always"
"""In a run directory: the same features and contexts, with this labeler's labels."""
VERSION = "always@1"
"""Recorded where an LLM's prompt would be."""


def label_always(run: RunDirectory) -> RunDirectory:
    """Give every feature a label that says what its strongest contexts say, and judge these labels like any others.

    Args:
        run: With contexts and groups; it is not changed.

    Returns:
        The run in ``always/``, labelled and scored.
    """
    started = time.monotonic()
    copy = RunDirectory(run.path / FOLDER)
    copy.path.mkdir(exist_ok=True)
    for file in (run.features, run.contexts, run.manifest_file):
        shutil.copyfile(file, copy.path / file.name)

    def begin(manifest: Manifest) -> None:
        manifest.labeler = LLMInput(provider=RULES, prompt=VERSION)
        for stage in ("labels", "scores"):
            manifest.stages.pop(stage, None)

    copy.update(begin)
    explain = explain_contexts(copy, load_groups(copy))
    write_labels(copy, [always(feature, contexts) for feature, contexts in explain.items()])
    copy.finish("labels", time.monotonic() - started)
    score_features(copy, llm=RULES)
    return copy


def always(feature: int, contexts: Sequence[Context]) -> LabelRow:
    """Name the token at which most of the strongest contexts peak; never say POLYSEMANTIC.

    Like the seed study's prompt it sees only the strongest contexts and none in which the feature is silent.

    Args:
        feature: Its id.
        contexts: Of the explain split.

    Returns:
        The row; outcome ``error`` where the feature fires in too few contexts for any labeler.
    """
    if sum(one.is_positive for one in contexts) < MIN_CONTEXTS:
        return LabelRow(feature, "error", RULES, VERSION, reason="too few contexts")
    peaks = Counter(one.tokens[one.peak] for one in contexts if one.stratum == "top" and one.tokens[one.peak])
    token = min(peaks, key=lambda token: (-peaks[token], token))
    rule = Rule((Atom("here", "token", (token,)),))
    return LabelRow(
        feature,
        "ok",
        RULES,
        VERSION,
        label=describe(rule),
        verdict=MONOSEMANTIC,
        confidence=1,
        reasoning=f"{peaks[token]} of {peaks.total()} of the strongest contexts peak there.",
        rule=rule.to_json(),
    )
