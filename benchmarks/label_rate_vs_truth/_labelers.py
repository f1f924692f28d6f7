"""Labelers that see less than the rules do, for what a label rate alone can say of them."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

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
    label_by_rules,
    load_groups,
    write_labels,
)
from autointerp.run import LLMInput, Manifest, RunDirectory
from autointerp.score import score_features

STRONGEST, ALWAYS = "strongest", "always"


def strongest(feature: int, contexts: Sequence[Context]) -> LabelRow:
    """The rules labeler, shown the strongest contexts alone, as the seed study's prompt is.

    Contexts from random places in which the feature is silent stay, since without any every rule would hold.

    Args:
        feature: Its id.
        contexts: Of the explain split.
    """
    return label_by_rules(feature, [one for one in contexts if one.stratum in {"top", "negative_random"}])


def always(feature: int, contexts: Sequence[Context]) -> LabelRow:
    """Name the token at which most of the strongest contexts peak; never say POLYSEMANTIC.

    Args:
        feature: Its id.
        contexts: Of the explain split.

    Returns:
        The row; outcome ``error`` where the feature fires in too few contexts for any labeler.
    """
    if sum(one.is_positive for one in contexts) < MIN_CONTEXTS:
        return LabelRow(feature, "error", RULES, ALWAYS, reason="too few contexts")
    peaks = Counter(one.tokens[one.peak] for one in contexts if one.stratum == "top" and one.tokens[one.peak])
    token = min(peaks, key=lambda token: (-peaks[token], token))
    rule = Rule((Atom("here", "token", (token,)),))
    return LabelRow(
        feature,
        "ok",
        RULES,
        ALWAYS,
        label=describe(rule),
        verdict=MONOSEMANTIC,
        confidence=1,
        reasoning=f"{peaks[token]} of {peaks.total()} of the strongest contexts peak there.",
        rule=rule.to_json(),
    )


FURTHER: Mapping[str, Callable[[int, Sequence[Context]], LabelRow]] = {STRONGEST: strongest, ALWAYS: always}
"""Besides ``rules``, which labels every run itself."""
LABELERS = (RULES, *FURTHER)


def labelled_by(labeler: str, run: RunDirectory) -> RunDirectory:
    """Where a run's labels and scores by one labeler lie: its own, or those in a folder of the labeler's name."""
    return run if labeler == RULES else RunDirectory(run.path / labeler)


def label_further(labeler: str, run: RunDirectory) -> None:
    """Label the same features from the same contexts once more, and judge these labels like any others.

    Args:
        labeler: Of ``FURTHER``.
        run: With contexts and groups; it is not changed, but for a folder of the labeler's name.
    """
    started = time.monotonic()
    copy = labelled_by(labeler, run)
    copy.path.mkdir(exist_ok=True)
    for file in (run.features, run.contexts, run.manifest_file):
        shutil.copyfile(file, copy.path / file.name)

    def begin(manifest: Manifest) -> None:
        manifest.labeler = LLMInput(provider=RULES, prompt=labeler)
        for stage in ("labels", "scores"):
            manifest.stages.pop(stage, None)

    copy.update(begin)
    explain = explain_contexts(copy, load_groups(copy))
    rows = [FURTHER[labeler](feature, contexts) for feature, contexts in explain.items()]
    write_labels(copy, [replace(row, prompt=labeler) for row in rows])
    copy.finish("labels", time.monotonic() - started)
    score_features(copy, llm=RULES)
