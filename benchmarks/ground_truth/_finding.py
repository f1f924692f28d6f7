"""What the pipeline said of one planted feature, beside what is true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autointerp.label import POLYSEMANTIC, Rule, load_label_rows
from autointerp.run import RunDirectory
from autointerp.score import load_score_rows
from benchmarks.ground_truth._agreement import CORRECT_F1, f1, rule_mask
from benchmarks.ground_truth._judged import Judged, judged_contexts
from benchmarks.ground_truth._known import Known
from benchmarks.ground_truth._known_labels import holds
from benchmarks.ground_truth._text import Vocabulary
from benchmarks.ground_truth._truth import Planted, Truth


@dataclass(frozen=True)
class Finding:
    """One feature; what was not answered is None."""

    planted: Planted
    is_inside: bool
    """Whether the rules labeler's grammar can express all of its meanings."""
    label: str
    is_polysemantic: bool | None
    """The verdict."""
    f1: float | None
    """Of the label's rule against the meanings, over all held-out tokens; for ``bottom`` against the first meaning. Of
    a label in words, of the judge's answers against the meanings, over the held-out contexts. None without a meaning,
    a label or a judge."""
    verified: bool | None
    robust: bool | None
    bottom_failed: bool | None
    """Whether the bottom-10 % check was made, and failed."""

    @property
    def is_right(self) -> bool | None:
        """Whether the verdict is the true one."""
        return None if self.is_polysemantic is None else self.is_polysemantic == self.planted.is_polysemantic

    @property
    def is_correct(self) -> bool | None:
        """Whether there is a label, and it holds where the meaning does; None where that can't be computed."""
        if self.is_polysemantic:
            return False
        return None if self.f1 is None else self.f1 >= CORRECT_F1

    @property
    def is_caught(self) -> bool | None:
        """Whether a second meaning was noticed: POLYSEMANTIC, or a bottom-10 % check that failed."""
        return None if self.is_polysemantic is None else self.is_polysemantic or bool(self.bottom_failed)


def find(run: RunDirectory, truth: Truth, known: Known, words: Vocabulary) -> list[Finding]:
    """Read a run's labels and scores.

    Args:
        run: Labelled; scored or not.
        truth: What was planted.
        known: The run's text.
        words: What its tokens spell.

    Returns:
        A finding a labelled feature.
    """
    labels = {row.feature: row for row in load_label_rows(run)}
    scores = {row.feature: row for row in load_score_rows(run)} if run.scores.exists() else {}
    judged = judged_contexts(run, labels, seed=truth.seed)
    found = []
    for planted in truth.features:
        label, score = labels.get(planted.feature), scores.get(planted.feature)
        if label is None:
            continue
        found.append(
            Finding(
                planted,
                is_inside=all(known.meanings[part.name].is_inside for part in planted.parts),
                label=label.label,
                is_polysemantic=None if label.verdict is None else label.verdict == POLYSEMANTIC,
                f1=_f1(label.rule, judged.get(planted.feature), planted, known, words),
                verified=score.verified if score else None,
                robust=score.robust if score else None,
                bottom_failed=score.bottom_verdict == "fail" if score and score.bottom_verdict else None,
            )
        )
    return found


def _f1(rule: str | None, judged: Judged | None, planted: Planted, known: Known, words: Vocabulary) -> float | None:
    names = [part.name for part in (planted.parts[:1] if planted.sort == "bottom" else planted.parts)]
    if not names:
        return None
    if rule is None:
        if judged is None:
            return None
        true_contexts = [bool(holds(names, known.masks, context).any()) for context in judged.trial.contexts]
        return f1(np.array(judged.fires), np.array(true_contexts))
    true = np.any([known.masks[name] for name in names], axis=0)
    says = rule_mask(Rule.from_json(rule), known.text, words)
    return f1(says[known.held_out], true[known.held_out])
