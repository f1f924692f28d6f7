"""Does a rule hold where a meaning does, token by token on whole windows?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from autointerp.harvest import Context
from autointerp.label import Rule, parse
from autointerp.label._rules._slices import Slices
from benchmarks.ground_truth._text import Mask, Text, Vocabulary

CORRECT_F1 = 0.9
"""From here on a label counts as correct."""


def f1(predicted: Mask, true: Mask) -> float:
    """F1 of two masks; 0 where neither holds anywhere."""
    both, total = int((predicted & true).sum()), int(predicted.sum()) + int(true.sum())
    return 2 * both / total if total else 0.0


def rule_f1(label: str | None, true: Mask, text: Text, words: Vocabulary, where: Mask) -> float | None:
    """F1 of a rules label against a meaning.

    Args:
        label: In the rules labeler's grammar; None gives None.
        true: Where the meaning holds, [b, t].
        text: Whole windows.
        words: What its tokens spell.
        where: Tokens compared, [b, t].
    """
    if label is None:
        return None
    predicted = rule_mask(parse(label), text, words)
    return round(f1(predicted[where], true[where]), 4)


def rule_mask(rule: Rule, text: Text, words: Vocabulary) -> Mask:
    """Where a rule holds, [b, t], read as the rules judge reads a context, with each whole window as one."""
    lengths = text.real.sum(axis=1)
    held = _slices(text, words).holds(rule)  # [b, longest window]
    found = np.zeros(text.shape, np.bool_)
    first = text.real.argmax(axis=1)
    for row, (start, length) in enumerate(zip(first, lengths, strict=True)):
        found[row, start : start + length] = held[row, :length]
    return found


@lru_cache(maxsize=2)
def _slices(text: Text, words: Vocabulary) -> Slices:
    return Slices([_whole(row, text, words) for row in range(text.shape[0])])


def _whole(row: int, text: Text, words: Vocabulary) -> Context:
    ids = text.ids[row][text.real[row]].tolist()
    return Context(
        feature=0,
        split="score",
        stratum="top",
        rank=0,
        window=row,
        position=int(text.real[row].argmax()),
        token_ids=tuple(ids),
        tokens=tuple(words.pieces[i] for i in ids),
        activations=(0.0,) * len(ids),
        peak=0,
        document="",
    )
