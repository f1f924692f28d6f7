"""What labelling would cost."""

from __future__ import annotations

from autointerp.label._by_rules import RULES
from autointerp.label._label import explain_contexts, label_requests, load_groups
from autointerp.llm import Estimate, estimate, parse_provider
from autointerp.run import RunDirectory

FREE = Estimate(0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0)
"""Rules ask nobody."""


def estimate_labels(run: RunDirectory, *, llm: str, base_url: str | None = None) -> Estimate:
    """Requests, tokens and dollars of the labels alone (``score.estimate_run`` adds the scores).

    Args:
        run: With contexts written.
        llm: ``rules`` (free) or a provider line.
        base_url: Another server for the provider.

    Raises:
        UsageError: No features are selected, or the provider line is wrong.
    """
    if llm == RULES:
        return FREE
    requests = label_requests(explain_contexts(run, load_groups(run)))
    provider = parse_provider(llm, base_url=base_url)
    return estimate(list(requests.values()), provider, journal=run.journal)
