"""Labels from an LLM: one request a feature, and one row from each reply."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from autointerp.harvest import Context
from autointerp.label._by_rules import MIN_CONTEXTS
from autointerp.label._data_block import as_data, printable
from autointerp.label._reply import POLYSEMANTIC, LabelReply
from autointerp.label._row import LabelRow
from autointerp.llm import Message, Reply, Request
from prompts import load_prompt

SHOWN = {"top": 7, "below_10pct_of_max": 3, "negative_random": 2, "negative_hard": 3}
"""Contexts of each stratum that a prompt shows; of every decile one."""


def label_request(feature: int, contexts: Sequence[Context]) -> Request | None:
    """The request for one feature's label.

    Lines are numbered as the feature's explain contexts are, so evidence points there. The top and all deciles are
    mixed and told apart by strength alone.

    Args:
        feature: Its id, for people who read the journal.
        contexts: Of the explain split.

    Returns:
        The request; None where the feature fires in fewer than 5 contexts.
    """
    if sum(context.is_positive for context in contexts) < MIN_CONTEXTS:
        return None
    strongest = max(context.activations[context.peak] for context in contexts)
    taken: Counter[str] = Counter()
    lines = []
    for number, context in enumerate(contexts, 1):
        taken[context.stratum] += 1
        if taken[context.stratum] <= SHOWN.get(context.stratum, 1):
            lines.append(_line(number, context, strongest))
    prompt = load_prompt("label")
    messages = (Message("system", prompt.system), Message("user", prompt.user(contexts="\n".join(lines))))
    return Request(messages, LabelReply, tag=f"label {feature}")


def label_row(feature: int, reply: Reply, *, llm: str, n_contexts: int) -> LabelRow:
    """The row of one reply; whatever is no answer leaves the label empty.

    Args:
        feature: Its id.
        reply: To ``label_request``.
        llm: The provider line.
        n_contexts: Of the feature's explain split; evidence that points past them is dropped.
    """
    row = LabelRow(
        feature,
        str(reply.outcome),
        llm,
        load_prompt("label").version,
        cost_usd=reply.cost_usd,
        tokens_in=reply.usage.tokens_in,
        tokens_out=reply.usage.tokens_out,
        reason=reply.reason,
    )
    value = reply.value
    if not isinstance(value, LabelReply):
        return row
    return replace(
        row,
        label=POLYSEMANTIC if value.verdict == POLYSEMANTIC else " ".join(value.label.split()),
        verdict=value.verdict,
        confidence=value.confidence,
        reasoning=printable(value.reasoning),
        evidence=sorted({number for number in value.evidence if 1 <= number <= n_contexts}),
    )


def too_few(feature: int, contexts: Sequence[Context], *, llm: str) -> LabelRow:
    """The row of a feature that nothing can be asked about."""
    n = sum(context.is_positive for context in contexts)
    reason = f"too few contexts: fires in {n}, needs {MIN_CONTEXTS}"
    return LabelRow(feature, "error", llm, load_prompt("label").version, reason=reason)


def _line(number: int, context: Context, strongest: float) -> str:
    if not context.is_positive:
        return as_data([number, 0, "", context.text])
    share = context.activations[context.peak] / strongest if strongest > 0 else 0.0
    strength = min(10, max(1, math.ceil(10 * share)))
    return as_data([number, strength, context.tokens[context.peak], context.text])
