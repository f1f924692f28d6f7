"""Labels from an LLM: one request a feature, and one row from each reply."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from autointerp.harvest import Context
from autointerp.label._by_rules import MIN_CONTEXTS
from autointerp.label._data_block import as_data
from autointerp.label._excerpt import Excerpt, fit_lines
from autointerp.label._reply import POLYSEMANTIC, LabelReply
from autointerp.label._row import LabelRow
from autointerp.llm import Message, Reply, Request
from autointerp.run import visible
from prompts import load_prompt

SHOWN = {"top": 7, "below_10pct_of_max": 3, "negative_random": 2, "negative_hard": 3}
"""Contexts of each stratum that a prompt shows; of every decile one."""
MAX_CHARACTERS = 4_200
"""Of all messages of a label request; with two detection requests a feature takes at most 12,000."""


def label_request(feature: int, contexts: Sequence[Context]) -> Request | None:
    """The request for one feature's label.

    Lines are numbered as the feature's explain contexts are, so evidence points there. The top and all deciles are
    mixed and told apart by strength alone. Texts are cut around their peaks as far as the request's length asks for;
    no line is left out for it.

    Args:
        feature: Its id, for people who read the journal.
        contexts: Of the explain split.

    Returns:
        The request; None where the feature fires in fewer than 5 contexts.
    """
    if sum(context.is_positive for context in contexts) < MIN_CONTEXTS:
        return None
    strongest = max(context.activations[context.peak] for context in contexts)
    shown = shown_contexts(contexts)

    def line(i: int, cut: Excerpt) -> str:
        number, context = shown[i]
        strength = _strength(context, strongest)
        return as_data([number, strength, cut.token if strength else "", cut.text])

    prompt = load_prompt("label")
    room = MAX_CHARACTERS - len(prompt.system) - len(prompt.user(contexts=""))
    lines = fit_lines([context for _, context in shown], line, room)
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
        reasoning=visible(" ".join(value.reasoning.split())),
        evidence=sorted({number for number in value.evidence if 1 <= number <= n_contexts}),
    )


def too_few(feature: int, contexts: Sequence[Context], *, llm: str) -> LabelRow:
    """The row of a feature that nothing can be asked about."""
    n = sum(context.is_positive for context in contexts)
    reason = f"too few contexts: fires in {n}, needs {MIN_CONTEXTS}"
    return LabelRow(feature, "error", llm, load_prompt("label").version, reason=reason)


def shown_contexts(contexts: Sequence[Context]) -> list[tuple[int, Context]]:
    """Those explain contexts that the prompt shows, with their numbers, from 1."""
    taken: Counter[str] = Counter()
    shown = []
    for number, context in enumerate(contexts, 1):
        taken[context.stratum] += 1
        if taken[context.stratum] <= SHOWN.get(context.stratum, 1):
            shown.append((number, context))
    return shown


def _strength(context: Context, strongest: float) -> int:
    """From 1 to 10 as a share of the strongest peak; 0 where the feature is silent."""
    if not context.is_positive:
        return 0
    share = context.activations[context.peak] / strongest if strongest > 0 else 0.0
    return min(10, max(1, math.ceil(10 * share)))
