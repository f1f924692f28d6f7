"""What labelling and scoring a run would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from autointerp.harvest import load_contexts
from autointerp.label import RULES, explain_contexts, label_requests, load_groups
from autointerp.llm import Estimate, Request, estimate, parse_provider
from autointerp.run import RunDirectory
from autointerp.score._question import Question
from autointerp.score._trial import make_trial
from autointerp.score.scorers import detection_request

_FREE = Estimate(0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0)
"""Rules ask nobody."""
_PLACEHOLDERS = ("a label of about this many words", "another label of about as many")


def estimate_run(run: RunDirectory, *, llm: str, base_url: str | None = None) -> Estimate:
    """Requests, tokens and dollars of labels, scores and the shuffled null, if all were asked of one provider.

    Every feature counts as if it got a label, so POLYSEMANTIC verdicts make the run cheaper than this.

    Args:
        run: With contexts written.
        llm: ``rules`` (free) or a provider line.
        base_url: Another server for the provider.

    Raises:
        UsageError: No features are selected, or the provider line is wrong.
    """
    if llm == RULES:
        return _FREE
    labels = label_requests(explain_contexts(run, load_groups(run)))
    requests = [*labels.values(), *_detections(run, labels)]
    return estimate(requests, parse_provider(llm, base_url=base_url), journal=run.journal)


def _detections(run: RunDirectory, features: Iterable[int]) -> list[Request]:
    contexts, seed = load_contexts(run), run.read_manifest().seed
    trials = [make_trial(feature, contexts[feature], seed=seed) for feature in features]
    return [detection_request(Question(trial, label)) for trial in trials if trial.has_both for label in _PLACEHOLDERS]
