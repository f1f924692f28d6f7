"""A feature's contexts, each with what the judge said about it and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autointerp.harvest import Context
from autointerp.label import RULES, shown_contexts
from autointerp.view._judged import Place
from autointerp.view._opened import Opened

AROUND = 16
"""Tokens before and after a context that can be shown on demand."""
Pieces = Mapping[int, str]
"""Token id -> its text."""


def contexts_of(
    opened: Opened, contexts: Sequence[Context], verdicts: Mapping[Place, bool], pieces: Pieces | None
) -> list[dict[str, Any]]:
    """Every context of a feature, explain before score, by stratum.

    Args:
        opened: The run.
        contexts: All of the feature's.
        verdicts: What the judge said, by place.
        pieces: How tokens are spelt; None: nothing can be shown around contexts.
    """
    found, number = [], 0
    shown = _shown_to_labeler(opened, contexts)
    for context in contexts:
        is_explain = context.split == "explain"
        number += is_explain
        place = context.window, context.position
        verdict = None if is_explain else verdicts.get(place)
        found.append({
            "split": context.split,
            "stratum": context.stratum,
            "tokens": context.tokens,
            "activations": context.activations,
            "peak": context.peak,
            "document": context.document[:12],
            "window": context.window,
            "position": context.position,
            "fallback": context.fallback,
            "number": number if is_explain else None,
            "shown": number in shown if is_explain else verdict is not None,
            "judged": None if verdict is None else {"says": verdict, "right": verdict == context.is_positive},
            "more": _more(opened, context, pieces),
        })  # fmt: skip
    return found


def _shown_to_labeler(opened: Opened, contexts: Sequence[Context]) -> set[int]:
    """Numbers of the explain contexts that the labeler saw: rules see all."""
    explain = [context for context in contexts if context.split == "explain"]
    labeler = opened.manifest.labeler
    if labeler is None:
        return set()
    if labeler.provider == RULES:
        return set(range(1, len(explain) + 1))
    return {number for number, _ in shown_contexts(explain)}


def _more(opened: Opened, context: Context, pieces: Pieces | None) -> dict[str, list[str]] | None:
    if pieces is None:
        return None
    windows = opened.windows
    begin = context.position - context.peak
    end = begin + len(context.tokens)
    row = np.asarray(windows.tokens[context.window])
    last = int(windows.lengths[context.window])

    def texts(first: int, stop: int) -> list[str]:
        return [pieces.get(int(token), "\ufffd") for token in row[first:stop]]

    return {"before": texts(max(0, begin - AROUND), begin), "after": texts(end, min(last, end + AROUND))}
