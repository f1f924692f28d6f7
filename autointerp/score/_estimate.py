"""What labelling and scoring a run would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from autointerp.harvest import load_contexts
from autointerp.label import RULES, explain_contexts, label_requests, load_groups
from autointerp.llm import BY_DEFAULT, Asking, Estimate
from autointerp.run import RunDirectory
from autointerp.score._ended import Part, run_questions
from autointerp.score._question import Question
from autointerp.score._trial import make_trial
from autointerp.score.scorers import detection_request


@dataclass(frozen=True)
class RunEstimate:
    """What a run would still ask, by what is asked."""

    label: Estimate = field(default_factory=Estimate)
    """A label for each feature."""
    score: Estimate = field(default_factory=Estimate)
    """Each label, judged."""
    null: Estimate = field(default_factory=Estimate)
    """Each feature with another's label, judged: the shuffled null."""

    @property
    def total(self) -> Estimate:
        """All three together."""
        return self.label + self.score + self.null


def estimate_run(run: RunDirectory, *, llm: str, asking: Asking = BY_DEFAULT) -> RunEstimate:
    """Requests, tokens and dollars of labels, scores and the shuffled null, if all were asked of one provider.

    What judges are asked depends on the labels. Until those are there, every feature counts as if it got one and none
    of its judgements were made, so POLYSEMANTIC verdicts, journal and cache make the run cheaper than this.

    Args:
        run: With contexts written.
        llm: ``rules`` (free) or a provider line.
        asking: How the provider is reached, at which prices, and where answers are.

    Raises:
        UsageError: No features are selected, or the provider line is wrong.
    """
    if llm == RULES:
        return RunEstimate()
    labels = label_requests(explain_contexts(run, load_groups(run)))
    labeler = run.read_manifest().labeler
    is_labelled = run.is_done("labels") and labeler is not None and labeler.provider == llm
    asked = run_questions(run) if is_labelled else _placeholders(run, labels)
    return RunEstimate(
        asking.estimate(llm, list(labels.values()), journal=run.journal),
        asking.estimate(llm, [detection_request(one) for one in asked["score"]], journal=run.journal),
        asking.estimate(llm, [detection_request(one) for one in asked["null"]], journal=run.journal),
    )


def _placeholders(run: RunDirectory, features: Iterable[int]) -> dict[Part, list[Question]]:
    contexts, seed = load_contexts(run), run.read_manifest().seed
    trials = [make_trial(feature, contexts[feature], seed=seed) for feature in features]
    testable = [trial for trial in trials if trial.has_both]
    return {
        "score": [Question(trial, "a label of about this many words") for trial in testable],
        "null": [Question(trial, "another label of about as many") for trial in testable],
    }
