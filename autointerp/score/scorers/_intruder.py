"""Intruder (Paulo & Belrose 2025): which of five texts does not belong? Tests the feature itself, without a label.

Four contexts of one decile and one that the feature is silent in, from a random place, with as many marks: one round a
decile, each a request of its own, because a judge that saw the strong contexts would know what to look for among the
weak ones. Chance is one in five. No label is tested, so contexts of both halves of the documents serve. That the
feature is silent in the intruder was checked on the model, not assumed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from autointerp.harvest import DECILES, Context
from autointerp.llm import Outcome, Request
from autointerp.score._question import NOT_AVAILABLE, Answer, Measure, Question
from autointerp.score.scorers._draw import active, generator
from autointerp.score.scorers._shown import marked, shown_request

N_BELONGING = 4
CHANCE = 1 / (N_BELONGING + 1)


class IntruderReply(BaseModel):
    """A judge's answer for one round."""

    model_config = ConfigDict(extra="forbid")

    reasoning: str
    intruder: int
    """Number, from 1, of the text that does not belong."""


@dataclass(frozen=True)
class Round:
    """Five texts with marks, in an order that tells nothing."""

    decile: int
    contexts: tuple[Context, ...]
    marks: tuple[frozenset[int], ...]
    """Indices of the marked tokens of each."""
    intruder: int
    """Index of the text that does not belong."""


@dataclass(frozen=True)
class Intruder:
    """The scorer."""

    name: str = "intruder"
    prompt: str = "intruder"
    needs_label: bool = False
    needs: str = f"{N_BELONGING} of one decile and one that the feature is silent in"

    def is_testable(self, question: Question) -> bool:
        """Whether any decile has enough contexts."""
        return bool(rounds(question))

    def requests(self, question: Question) -> list[Request]:
        """One a round."""
        return [self._request(question, one) for one in rounds(question)]

    def read(self, question: Question, values: Sequence[BaseModel]) -> Answer:
        """Share of rounds in which the intruder was found."""
        found = []
        for one in values:
            assert isinstance(one, IntruderReply)
            if not 1 <= one.intruder <= N_BELONGING + 1:
                return Answer(str(Outcome.invalid), reason=f"names text {one.intruder}, there are {N_BELONGING + 1}")
            found.append(one.intruder - 1)
        played = rounds(question)
        hits = [guess == one.intruder for guess, one in zip(found, played, strict=True)]
        by_decile = Counter(one.decile for one, hit in zip(played, hits, strict=True) if hit)
        deciles = range(len(DECILES))
        measures: dict[str, Measure] = {
            "accuracy": sum(hits) / len(hits),
            "n": len(hits),
            "decile_hits": [by_decile[decile] for decile in deciles],
            "decile_n": [sum(one.decile == decile for one in played) for decile in deciles],
        }
        return Answer(str(Outcome.ok), measures=measures)

    def by_rules(self, question: Question) -> Answer:
        """Not available: the rules judge knows nothing but labels."""
        del question
        return Answer(NOT_AVAILABLE, reason="rules can judge labels only, and an intruder is found without one")

    def floors(self, question: Question) -> Mapping[str, Measure]:
        """Accuracy of choosing the text whose marked tokens are the rarest among the five; ties are shared."""
        reached = [_by_tokens(one) for one in rounds(question)]
        return {"token": sum(reached) / len(reached)}

    def _request(self, question: Question, one: Round) -> Request:
        def lines(width: int) -> list[str]:
            return [
                marked(context.tokens, marks, width) for context, marks in zip(one.contexts, one.marks, strict=True)
            ]

        tag = f"intruder {question.trial.feature} d{one.decile}"
        return shown_request(self.prompt, IntruderReply, lines, tag=tag, sample=question.sample)


def rounds(question: Question) -> list[Round]:
    """One round for each decile that has enough contexts, by ascending decile."""
    random = generator(question)
    pool = [*question.explain, *sorted(question.trial.contexts, key=lambda one: (one.stratum, one.rank))]
    silent = [one for one in pool if one.stratum == "negative_random"] or [one for one in pool if not one.is_positive]
    strangers = [silent[i] for i in random.permutation(len(silent))]
    found = []
    for decile, name in enumerate(DECILES):
        members = [one for one in pool if one.stratum == name]
        if len(members) >= N_BELONGING and strangers:
            chosen = [members[i] for i in random.permutation(len(members))[:N_BELONGING]]
            found.append(_round(decile, chosen, strangers[decile % len(strangers)], random))
    return found


def _round(decile: int, belonging: Sequence[Context], stranger: Context, random: np.random.Generator) -> Round:
    """The stranger's marks lie around its position as those of one of the others lie around its peak."""
    like = belonging[int(random.integers(len(belonging)))]
    around = {stranger.peak + i - like.peak for i in active(like)}
    marks = [frozenset(active(one)) for one in belonging]
    marks.append(frozenset(i for i in around if 0 <= i < len(stranger.tokens)))
    contexts = [*belonging, stranger]
    order = random.permutation(len(contexts)).tolist()
    return Round(
        decile,
        tuple(contexts[i] for i in order),
        tuple(marks[i] for i in order),
        order.index(len(belonging)),
    )


def _by_tokens(one: Round) -> float:
    tokens = [{context.tokens[i] for i in marks} for context, marks in zip(one.contexts, one.marks, strict=True)]
    counts = Counter(token for some in tokens for token in some)
    commonest = [max(counts[token] for token in some) for some in tokens]
    rarest = [i for i, count in enumerate(commonest) if count == min(commonest)]
    return (one.intruder in rarest) / len(rarest)
