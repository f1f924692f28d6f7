"""Simulation (Bills et al. 2023): how strongly does the feature fire on each token, judged from its label alone?

Integers from 0 to 10 for every token, asked for as text: no log-probabilities are needed. One context of each decile
and ten silent ones, half of them hard: stratified, because a correlation over top and random texts alone can't tell
a label that is too broad. The score is Pearson's correlation over all tokens together, and beside it R2 against
predicting 0 everywhere, on the scale that the labeler saw: 10 is the strongest activation of the explain split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from autointerp.harvest import Context
from autointerp.label import Rule, rule_holds
from autointerp.llm import Outcome, Request
from autointerp.score._floors import peak_tokens
from autointerp.score._question import Answer, Measure, Question
from autointerp.score.scorers._draw import active, generator, positives
from autointerp.score.scorers._shown import described, numbered, shown_request

MIN_ACTIVE = 5
"""Contexts that the feature fires in below which nothing can be told."""
N_SILENT = 5
"""Contexts of each kind of negative."""
A_REQUEST = 10
"""Contexts that one request asks about."""
STRONGEST = 10
MAX_OUTPUT_TOKENS = 2_000
"""About four tokens for each of 170 numbers, with room to spare."""
_PAIR = re.compile(r"(?<![0-9])([0-9]{1,4})\s*:\s*([0-9]{1,2})(?![0-9.])")


class SimulateReply(BaseModel):
    """A judge's numbers for some contexts."""

    model_config = ConfigDict(extra="forbid")

    activations: list[str]
    """One text a context; in it every token as ``number:strength``, strength from 0 to 10."""


@dataclass(frozen=True)
class Simulation:
    """The scorer."""

    name: str = "simulation"
    prompt: str = "simulate"
    needs_label: bool = True
    needs: str = f"{MIN_ACTIVE} deciles that the feature fires in and one context that it is silent in"

    def is_testable(self, question: Question) -> bool:
        """Whether contexts of 5 deciles, and a silent one, are there."""
        n_active = sum(context.is_positive for context in simulated(question))
        return n_active >= MIN_ACTIVE and n_active < len(simulated(question))

    def requests(self, question: Question) -> list[Request]:
        """One for each ten contexts."""
        label = described(question.label)
        return [
            shown_request(
                self.prompt,
                SimulateReply,
                lambda width, some=some: [numbered(context.tokens, width) for context in some],  # type: ignore[misc]
                tag=f"simulation {question.trial.feature} {number}",
                sample=question.sample,
                max_output_tokens=MAX_OUTPUT_TOKENS,
                label=label,
            )
            for number, some in enumerate(_parts(question), 1)
        ]

    def read(self, question: Question, values: Sequence[BaseModel]) -> Answer:
        """Correlation of the judge's numbers; one that is missing is a failure, never a zero."""
        predicted: list[int] = []
        for some, value in zip(_parts(question), values, strict=True):
            assert isinstance(value, SimulateReply)
            if len(value.activations) != len(some):
                reason = f"has numbers for {len(value.activations)} texts, there are {len(some)}"
                return Answer(str(Outcome.invalid), reason=reason)
            for number, (context, line) in enumerate(zip(some, value.activations, strict=True), 1):
                numbers = _numbers(line, len(context.tokens))
                if numbers is None:
                    reason = f"text {number}: not one number from 0 to 10 for each of {len(context.tokens)} tokens"
                    return Answer(str(Outcome.invalid), reason=reason)
                predicted += numbers
        return _measured(question, np.array(predicted) * _strongest(question) / STRONGEST)

    def by_rules(self, question: Question) -> Answer:
        """The feature's mean activation wherever the rule holds, and 0 elsewhere."""
        holds = rule_holds(Rule.from_json(question.rule or ""), simulated(question))
        return _measured(question, np.concatenate([np.array(where) for where in holds]) * _usual(question))

    def floors(self, question: Question) -> Mapping[str, Measure]:
        """What the feature's usual tokens reach: its mean activation on them, and 0 elsewhere."""
        tokens = set(peak_tokens(question.explain))
        is_usual = [token in tokens for context in simulated(question) for token in context.tokens]
        return {"token": pearson(np.array(is_usual) * _usual(question), _true(question))}


def simulated(question: Question) -> list[Context]:
    """The contexts asked about, in an order that tells nothing."""
    trial = question.trial
    chosen = [contexts[0] for contexts in positives(trial).values() if contexts]
    for kind in ("negative_random", "negative_hard"):
        chosen += [trial.contexts[i] for i in trial.members(kind)[:N_SILENT]]
    return [chosen[i] for i in generator(question).permutation(len(chosen))]


def pearson(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Correlation of two vectors [n]; 0 where one of them is constant, which tells nothing about the other."""
    first, second = predicted - predicted.mean(), true - true.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0


def _parts(question: Question) -> list[list[Context]]:
    contexts = simulated(question)
    return [contexts[at : at + A_REQUEST] for at in range(0, len(contexts), A_REQUEST)]


def _numbers(line: str, n: int) -> list[int] | None:
    """The strengths of tokens 1 to n in order; None where one is missing, given twice, or out of range."""
    pairs = [(int(number), int(strength)) for number, strength in _PAIR.findall(line)]
    strengths = dict(pairs)
    if len(pairs) != n or set(strengths) != set(range(1, n + 1)) or max(strengths.values()) > STRONGEST:
        return None
    return [strengths[number] for number in range(1, n + 1)]


def _true(question: Question) -> NDArray[np.float64]:
    """Activations of all tokens of all contexts, one after the other, [n]."""
    return np.array([value for context in simulated(question) for value in context.activations], dtype=np.float64)


def _strongest(question: Question) -> float:
    return max((max(context.activations) for context in question.explain), default=0.0)


def _usual(question: Question) -> float:
    """The feature's mean activation where it fires."""
    values = [context.activations[i] for context in question.explain for i in active(context)]
    return sum(values) / len(values) if values else 0.0


def _measured(question: Question, predicted: NDArray[np.float64]) -> Answer:
    true = _true(question)
    measures: dict[str, Measure] = {
        "pearson": pearson(predicted, true),
        "r2": 1 - float(((true - predicted) ** 2).sum() / (true**2).sum()),
        "n": len(true),
    }
    return Answer(str(Outcome.ok), measures=measures)
