"""How well each scorer tells right labels from wrong ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from autointerp.harvest import load_contexts
from autointerp.run import RunDirectory
from autointerp.score import make_trial
from benchmarks.ground_truth._noise import MODERATE
from benchmarks.ground_truth._scorers import SCORERS, Case
from benchmarks.ground_truth._subject import PlantedSubject
from benchmarks.ground_truth._text import Mask
from benchmarks.ground_truth._truth import Planted
from benchmarks.ground_truth._wrong_labels import EXTRA, KINDS, MISSING, NOISE, wrong_labels

if TYPE_CHECKING:
    from benchmarks.ground_truth._known import Known

DROP = 0.001
"""A metric has fallen when it falls by more."""
PASS_SHARE = 0.9
"""A metric passes a test when it falls for more than this share of the features, as in Oikarinen et al. 2025."""
RARE = 0.005
"""Features on fewer of the tokens are rare: added places seldom fall into the contexts that a judge sees."""
_BLOCK = 32

Scores = dict[str, dict[str, list[float | None]]]
"""Scorer -> kind of label (``right``, ``KINDS``, ``NOISE``) -> a score a feature; None where the kind doesn't apply."""


def rank_scorers(run: RunDirectory, known: Known, subject: PlantedSubject) -> dict[str, object]:
    """Score right and wrong labels of single meanings and unions at moderate noise, judged without mistakes.

    Args:
        run: With contexts.
        known: The run's text.
        subject: The run's planted features.

    Returns:
        ``n`` features, and by scorer: the area under the ROC curve against each kind of wrong label and against all of
        them (0.5: can't tell; 1: always), and against features of pure noise under another's label; both tests of
        Oikarinen et al. Scorers that need no label are compared on noise alone.
    """
    features = [one for one in subject.features if one.sort in {"single", "union"} and one.noise == MODERATE.name]
    noise = [one for one in subject.features if one.sort == "noise"]
    scores = _scores(run, known, subject, [*features, *noise])
    rare = [sum(known.meanings[name].density for name in _names(feature)) < RARE for feature in features]
    return {
        "n": len(features),
        "n_rare": sum(rare),
        "n_noise": len(noise),
        "scorers": {scorer.name: _figures(scores[scorer.name], rare, scorer.needs_label) for scorer in SCORERS},
    }


def auc(right: Sequence[float | None], wrong: Sequence[float | None]) -> float | None:
    """Chance that a right label scores above a wrong one, ties counting half; None without either."""
    above, below = ([value for value in some if value is not None] for some in (right, wrong))
    if not above or not below:
        return None
    ranks = rankdata([*above, *below])[: len(above)]
    return round(float((ranks.sum() - len(above) * (len(above) + 1) / 2) / (len(above) * len(below))), 4)


def _figures(
    by_kind: Mapping[str, Sequence[float | None]], rare: Sequence[bool], needs_label: bool
) -> dict[str, object]:
    right = by_kind["right"]
    wrong = [value for kind in KINDS for value in by_kind[kind]]
    falls = {kind: _falls(right, by_kind[kind]) for kind in (MISSING, EXTRA)}
    passes = all(share is not None and share > PASS_SHARE for share in falls.values())
    return {
        "auc": auc(right, wrong),
        **{f"auc, {kind}": auc(right, by_kind[kind]) for kind in (*KINDS, NOISE)},
        **{f"falls, {kind}": share for kind, share in falls.items()},
        f"falls, {EXTRA}, rare": _falls(list(compress(right, rare)), list(compress(by_kind[EXTRA], rare))),
        "passes": passes if needs_label else None,
    }


def _falls(right: Sequence[float | None], wrong: Sequence[float | None]) -> float | None:
    pairs = [(a, b) for a, b in zip(right, wrong, strict=True) if a is not None and b is not None]
    return round(sum(a - b > DROP for a, b in pairs) / len(pairs), 4) if pairs else None


def _scores(run: RunDirectory, known: Known, subject: PlantedSubject, features: Sequence[Planted]) -> Scores:
    contexts, donors = load_contexts(run), find_donors(features)
    scores: Scores = {scorer.name: defaultdict(list) for scorer in SCORERS}
    for feature, activation in _activations(known, subject, features):
        mine = tuple(contexts.get(feature.feature, ()))
        trial = make_trial(feature.feature, mine, seed=subject.seed)
        nowhere = np.zeros(known.counted.shape, np.bool_)
        means = np.any([known.masks[part.name] for part in feature.parts], axis=0) if feature.parts else nowhere
        labels = _labels(feature, donors[feature.feature], means, known)
        cases = {
            kind: Case(trial, mine, subject.seed, means, says, activation, known.held_out)
            for kind, says in labels.items()
        }
        for kind in ("right", *KINDS) if feature.parts else (NOISE,):
            for scorer in SCORERS:
                is_due = kind in cases and (scorer.needs_label or kind in {"right", NOISE})
                scores[scorer.name][kind].append(scorer.score(cases[kind]) if is_due else None)
    return scores


def _labels(feature: Planted, donor: Planted, means: Mask, known: Known) -> dict[str, Mask]:
    """Where each kind of label says that a feature fires, [b, t]."""
    other = _names(donor)
    if not feature.parts:
        return {NOISE: np.any([known.masks[name] for name in other], axis=0)}
    wrong = wrong_labels(_names(feature), other, known.masks, known.counted, seed=feature.feature)
    return {"right": means, **wrong}


def find_donors(features: Sequence[Planted]) -> dict[int, Planted]:
    """For each feature the next one that has a meaning, and none in common with it."""
    found = {}
    for i, feature in enumerate(features):
        own = set(_names(feature))
        later = [*features[i + 1 :], *features[:i]]
        found[feature.feature] = next(other for other in later if other.parts and own.isdisjoint(_names(other)))
    return found


def _names(feature: Planted) -> list[str]:
    return [part.name for part in feature.parts]


def _activations(
    known: Known, subject: PlantedSubject, features: Sequence[Planted]
) -> Iterator[tuple[Planted, np.ndarray]]:
    """Each feature's activations on the whole text, [b, t]."""
    for at in range(0, len(features), _BLOCK):
        block = features[at : at + _BLOCK]
        found = subject.only(block).activations(known.text.ids)
        for column, feature in enumerate(block):
            yield feature, found[..., column]
