"""Fuzzing (Paulo et al. 2024): are the marked tokens those that the feature fires on?

All texts come from contexts that the feature fires in, one from each decile for either kind. In half of them the marks
stand on the active tokens, in the other half on as many silent ones, so a judge has to know the token, not the topic.
Each context serves once. Where the marks stand tells nothing: texts are cut at random, so that right and wrong marks
stand equally far from the ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from autointerp import stats
from autointerp.harvest import Context
from autointerp.label import Rule, rule_holds
from autointerp.llm import Outcome, Request
from autointerp.score._floors import peak_tokens
from autointerp.score._question import Answer, Measure, Question
from autointerp.score.scorers._draw import active, generator, positives
from autointerp.score.scorers._shown import described, marked, shown_request

MIN_OF_EACH = 5
"""Texts with right, and with wrong, marks below which nothing can be told."""
MOST_CUT = 4
"""Tokens that are cut off a text at random, and at most a quarter of it."""


class FuzzReply(BaseModel):
    """A judge's answer for one feature."""

    model_config = ConfigDict(extra="forbid")

    right: list[int]
    """Numbers, from 1, of the texts whose marked tokens are all right; empty for none."""


@dataclass(frozen=True)
class MarkedText:
    """Part of a context with marks."""

    context: Context
    begin: int
    end: int
    """The tokens shown are ``context.tokens[begin:end]``."""
    marks: tuple[int, ...]
    """Indices in the context, ascending."""
    anchor: int
    """The mark that the text was cut around."""

    @property
    def is_right(self) -> bool:
        """Whether the feature fires on the marked tokens; it fires on all of them or on none."""
        return self.context.activations[self.anchor] > 0


@dataclass(frozen=True)
class Fuzzing:
    """The scorer."""

    name: str = "fuzzing"
    prompt: str = "fuzz"
    needs_label: bool = True
    needs: str = f"{2 * MIN_OF_EACH} of all deciles, {MIN_OF_EACH} of them with silent tokens beside the peak"

    def is_testable(self, question: Question) -> bool:
        """Whether there are at least 5 texts of either kind."""
        return len(marked_texts(question)) >= 2 * MIN_OF_EACH

    def requests(self, question: Question) -> list[Request]:
        """One, over all texts."""
        texts = marked_texts(question)

        def lines(width: int) -> list[str]:
            return [
                marked(one.context.tokens[one.begin : one.end], {i - one.begin for i in one.marks}, width)
                for one in texts
            ]

        tag = f"fuzzing {question.trial.feature}"
        label = described(question.label)
        return [shown_request(self.prompt, FuzzReply, lines, tag=tag, sample=question.sample, label=label)]

    def read(self, question: Question, values: Sequence[BaseModel]) -> Answer:
        """Balanced accuracy of the judge's list."""
        (value,) = values
        assert isinstance(value, FuzzReply)
        texts, right = marked_texts(question), set(value.right)
        beyond = sorted(number for number in right if not 1 <= number <= len(texts))
        if beyond:
            return Answer(str(Outcome.invalid), reason=f"names text {beyond[0]}, there are {len(texts)}")
        return _measured(texts, [number in right for number in range(1, len(texts) + 1)])

    def by_rules(self, question: Question) -> Answer:
        """Right where the rule holds at every marked token."""
        texts = marked_texts(question)
        holds = rule_holds(Rule.from_json(question.rule or ""), [one.context for one in texts])
        return _measured(texts, [all(where[i] for i in one.marks) for one, where in zip(texts, holds, strict=True)])

    def floors(self, question: Question) -> Mapping[str, Measure]:
        """What the feature's usual tokens reach: right where every marked token is one of them."""
        texts, usual = marked_texts(question), set(peak_tokens(question.explain))
        said = [all(one.context.tokens[i] in usual for i in one.marks) for one in texts]
        return {"token": stats.balanced_accuracy(*_table(texts, said))}


def marked_texts(question: Question) -> list[MarkedText]:
    """As many right as wrong texts, in an order that tells nothing."""
    random = generator(question)
    pool = [context for contexts in positives(question.trial).values() for context in contexts]
    texts: list[MarkedText] = []
    for pair in zip(pool[::2], pool[1::2], strict=False):
        first, second = pair if random.integers(2) else pair[::-1]
        wrong = _wrong(first, random)
        if wrong is None:
            first, second = second, first
            wrong = _wrong(first, random)
        if wrong is not None:
            texts += [wrong, _right(second, random)]
    return [texts[i] for i in random.permutation(len(texts))]


def _begins(context: Context) -> tuple[list[int], int]:
    """Where the shown part may begin, and how long it is: the peak is in it, with half of what stands before it."""
    n = len(context.tokens)
    n_cut = min(MOST_CUT, n // 4)
    length = n - n_cut
    return [begin for begin in range(n_cut + 1) if 2 * begin <= context.peak < begin + length], length


def _right(context: Context, random: np.random.Generator) -> MarkedText:
    """Marks on all tokens that the feature fires on."""
    begins, length = _begins(context)
    begin = int(random.choice(begins))
    marks = tuple(i for i in active(context) if begin <= i < begin + length)
    return MarkedText(context, begin, begin + length, marks, context.peak)


def _wrong(context: Context, random: np.random.Generator) -> MarkedText | None:
    """As many marks on silent tokens; None where there are too few.

    The first mark stands as far from the beginning as the peak would in some other cut of the same context.
    """
    begins, length = _begins(context)
    candidates = []
    for begin in begins:
        inside = range(begin, begin + length)
        silent = [i for i in inside if not context.activations[i] > 0]
        n_marks = length - len(silent)
        anchors = [begin + context.peak - other for other in begins if other != begin]
        if len(silent) >= n_marks:
            candidates += [(begin, anchor, silent, n_marks) for anchor in anchors if anchor in silent]
    if not candidates:
        return None
    begin, anchor, silent, n_marks = candidates[random.integers(len(candidates))]
    others = random.choice([i for i in silent if i != anchor], n_marks - 1, replace=False).tolist()
    return MarkedText(context, begin, begin + length, tuple(sorted([anchor, *map(int, others)])), anchor)


def _table(texts: Sequence[MarkedText], said: Sequence[bool]) -> tuple[int, int, int, int]:
    """tp, fn, tn, fp."""
    pairs = [(one.is_right, right) for one, right in zip(texts, said, strict=True)]
    tp, fn, tn, fp = (pairs.count(kind) for kind in ((True, True), (True, False), (False, False), (False, True)))
    return tp, fn, tn, fp


def _measured(texts: Sequence[MarkedText], said: Sequence[bool]) -> Answer:
    table = _table(texts, said)
    interval = stats.balanced_accuracy_interval(*table)
    measures: dict[str, Measure] = {
        "ba": stats.balanced_accuracy(*table),
        "low": interval.low,
        "high": interval.high,
        "n": len(texts),
    }
    return Answer(str(Outcome.ok), measures=measures)
