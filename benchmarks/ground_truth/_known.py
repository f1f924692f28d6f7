"""The predicates that a text has enough of, and where they hold in it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autointerp.corpus import SPLITS
from benchmarks.ground_truth._agreement import rule_f1
from benchmarks.ground_truth._predicate import Predicate
from benchmarks.ground_truth._predicates import predicates, token
from benchmarks.ground_truth._text import Mask, Text, Vocabulary
from benchmarks.ground_truth._truth import Meaning

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

MIN_HITS = 300
"""Places in the text that a meaning needs, in both splits together."""
MAX_DENSITY = 0.1
"""A meaning of more of the tokens leaves no silent contexts to compare with."""
N_MORE_TOKENS = 60
"""Single tokens, drawn at random, that unions may use besides the predicates."""
SKIPPED = 2
"""The BOS and the first real token count in no statistic."""


@dataclass(frozen=True)
class Known:
    """Predicates on one text."""

    text: Text
    counted: Mask
    """Tokens that count in statistics, [b, t]."""
    held_out: Mask
    """Those of the score split, [b, t]."""
    predicates: dict[str, Predicate]
    """By name, in order; the additional tokens last."""
    masks: dict[str, Mask]
    """By name, [b, t]."""
    meanings: dict[str, Meaning]
    more: tuple[str, ...]
    """Names of the additional tokens."""
    left_out: tuple[str, ...]

    def hits(self, name: str) -> int:
        """Counted tokens at which a predicate holds."""
        return int((self.masks[name] & self.counted).sum())


def vocabulary(subject: Subject) -> Vocabulary:
    """What a subject's tokens spell."""
    special = [subject.pad_id] if subject.bos_id is None else [subject.bos_id, subject.pad_id]
    return Vocabulary(subject.pieces(range(subject.d_vocab)), special=special)


def look(windows: Windows, words: Vocabulary, *, seed: int) -> Known:
    """Find out what the text has.

    Args:
        windows: The text.
        words: What its tokens spell.
        seed: Of the additional tokens.
    """
    text = Text(np.asarray(windows.tokens).astype(np.int64), words)
    counted = text.real & (text.position >= SKIPPED)
    drawn = _frequent_tokens(text, counted, words, seed)
    known = {one.name: one for one in predicates()}
    more = [one for one in drawn if one.name not in known]
    masks = {name: one.fires(text) for name, one in (known | {one.name: one for one in more}).items()}
    density = {name: float(mask[counted].mean()) for name, mask in masks.items()}
    usable = [name for name in masks if density[name] * counted.sum() >= MIN_HITS and density[name] <= MAX_DENSITY]
    everything = known | {one.name: one for one in more}
    held_out = counted & (np.asarray(windows.split) == SPLITS.index("score"))[:, None]
    meanings = {
        name: Meaning(
            name=name,
            kind=everything[name].kind,
            rule=everything[name].rule,
            density=round(density[name], 6),
            rule_f1=rule_f1(everything[name].rule, masks[name], text, words, held_out),
        )
        for name in usable
    }
    return Known(
        text,
        counted,
        held_out,
        {name: everything[name] for name in usable},
        {name: masks[name] for name in usable},
        meanings,
        tuple(one.name for one in more if one.name in meanings),
        tuple(name for name in known if name not in meanings),
    )


def _frequent_tokens(text: Text, counted: Mask, words: Vocabulary, seed: int) -> list[Predicate]:
    ids, counts = np.unique(text.ids[counted], return_counts=True)
    frequent = [int(i) for i, n in zip(ids, counts, strict=True) if n >= MIN_HITS and words.pieces[i].strip()]
    readable = [i for i in frequent if "\ufffd" not in words.pieces[i]]
    chosen = random.Random(seed).sample(readable, min(N_MORE_TOKENS, len(readable)))
    return [token(words.pieces[i]) for i in sorted(chosen)]
