"""``reliability.json``: how often labeler and judge change their minds, and whether they treat twins alike."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from autointerp.errors import UsageError
from autointerp.label import MONOSEMANTIC, POLYSEMANTIC, LabelRow
from autointerp.run import LLMInput, RunDirectory, write_text
from autointerp.score._rates import Numbers, mean, rate
from autointerp.score._repeat import Repeats
from autointerp.score._row import ScoreRow
from autointerp.score._shuffle import label_overlap
from autointerp.stats import nominal_alpha

SCHEMA_VERSION = 1
Answers = Sequence[bool | None]


class Agreement(BaseModel):
    """How one verdict comes out when it is asked for again."""

    model_config = ConfigDict(extra="forbid")

    alpha: float | None
    """Krippendorff's alpha; None where all answers are the same, or none was given twice."""
    flip_rate: Numbers
    """Mean over features of the share of pairs of answers that differ, with a bootstrap interval: the A/A noise."""
    changed: Numbers
    """Features with any two answers that differ, with a Wilson interval."""


class Twins(BaseModel):
    """Near-duplicate features: decoder cosine above 0.99, or the same strongest places. One pair a cluster."""

    model_config = ConfigDict(extra="forbid")

    n_pairs: int
    """Pairs labelled; all rates are over those with two answers."""
    same_label_verdict: Numbers
    same_verified: Numbers
    alpha_label: float | None
    alpha_verified: float | None
    text_overlap: Numbers
    """Share of words that the two labels have in common, over pairs with two labels."""


class Reliability(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    labeler: LLMInput
    judge: LLMInput
    deterministic: bool
    """Nothing in the chain is random, so nothing was asked twice."""
    n_samples: int
    """How often each question was asked, the run's own answer counted."""
    features: list[int]
    """Those asked about again."""
    label: Agreement
    """Whether a feature gets a label or the word POLYSEMANTIC."""
    verified: Agreement
    robust: Agreement
    text_overlap: Numbers
    """Share of words that two labels of one feature have in common, averaged over its pairs of labels."""
    twins: Twins
    cost_usd: float | None
    """Of all answers, also those the run had paid for; None where a price is unknown."""


def summarise_repeats(repeats: Repeats) -> dict[str, Agreement | Numbers]:
    """Agreement on each verdict and on the words, over all features."""
    features = sorted({feature for feature, _ in repeats.labels})

    def of(answer: Callable[[tuple[int, int]], bool | None]) -> list[list[bool | None]]:
        return [[answer(key) for key in sorted(repeats.labels) if key[0] == feature] for feature in features]

    return {
        "label": agreement(of(lambda key: label_verdict(repeats.labels[key]))),
        "verified": agreement(of(lambda key: repeats.scores[key].verified)),
        "robust": agreement(of(lambda key: repeats.scores[key].robust)),
        "text_overlap": mean(
            [_overlap([row for (one, _), row in repeats.labels.items() if one == feature]) for feature in features]
        ),
    }


def agreement(units: Sequence[Answers]) -> Agreement:
    """Agreement over features, each with its answers; None is a missing one."""
    pairs = [
        [first != second for first, second in itertools.combinations([one for one in answers if one is not None], 2)]
        for answers in units
    ]
    return Agreement(
        alpha=nominal_alpha(units),
        flip_rate=mean([sum(differs) / len(differs) if differs else None for differs in pairs]),
        changed=rate([any(differs) if differs else None for differs in pairs]),
    )


def summarise_twins(
    pairs: Sequence[tuple[int, int]], labels: Mapping[int, LabelRow], scores: Mapping[int, ScoreRow]
) -> Twins:
    """Whether the two features of each pair were treated alike.

    Args:
        pairs: Features.
        labels: By feature.
        scores: By feature.
    """
    labelled = [(label_verdict(labels[first]), label_verdict(labels[second])) for first, second in pairs]
    verified = [(scores[first].verified, scores[second].verified) for first, second in pairs]
    return Twins(
        n_pairs=len(pairs),
        same_label_verdict=rate([_same(*answers) for answers in labelled]),
        same_verified=rate([_same(*answers) for answers in verified]),
        alpha_label=nominal_alpha(labelled),
        alpha_verified=nominal_alpha(verified),
        text_overlap=mean([_overlap([labels[first], labels[second]]) for first, second in pairs]),
    )


def label_verdict(row: LabelRow) -> bool | None:
    """Whether a feature got a label; None without an answer."""
    return None if row.verdict is None else row.verdict != POLYSEMANTIC


def write_reliability(run: RunDirectory, found: Reliability) -> None:
    """Write ``reliability.json`` atomically."""
    write_text(run.reliability, found.model_dump_json(indent=2) + "\n")


def load_reliability(run: RunDirectory) -> Reliability | None:
    """What was measured for the run's present labeler and judge; None where that was not.

    Raises:
        UsageError: The file can't be read.
    """
    if not run.reliability.exists():
        return None
    try:
        found = Reliability.model_validate(json.loads(run.reliability.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{run.reliability}: can't be read ({str(error).splitlines()[0]}). "
            f"Remove it, or measure again with 'autointerp reliability {run.path}'."
        ) from error
    manifest = run.read_manifest()
    return found if (found.labeler, found.judge) == (manifest.labeler, manifest.judge) else None


def _same(first: bool | None, second: bool | None) -> bool | None:
    return None if first is None or second is None else first == second


def _overlap(rows: Sequence[LabelRow]) -> float | None:
    texts = [row.label for row in rows if row.verdict == MONOSEMANTIC]
    found = [label_overlap(first, second) for first, second in itertools.combinations(texts, 2)]
    return sum(found) / len(found) if found else None
