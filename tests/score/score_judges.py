"""Judges of planted features: one who knows what labels mean, one who says nothing; and what they are asked with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from label_hostile import lines_in_block
from pydantic import BaseModel

from autointerp.harvest import Context
from autointerp.llm import Outcome, Request
from autointerp.run import RunDirectory
from autointerp.score import DetectReply, Question, make_trial
from autointerp.score.scorers import FuzzReply, IntruderReply, SimulateReply

LLM = "openai:a-judge"
ALL = ("detection", "fuzzing", "intruder", "simulation")
FEATURES = range(6)
"""Those of the planted features that have one meaning."""
Maker = Callable[..., RunDirectory]
Judge = Callable[[Request], BaseModel | Outcome]
AnswerWith = Callable[[Judge], list[Request]]

MEANINGS: dict[int, Callable[[str, str], bool]] = {
    0: lambda before, token: token == " =",
    1: lambda before, token: token.strip() == "self",
    2: lambda before, token: token.strip().isdigit(),
    3: lambda before, token: token.endswith("ing"),
    4: lambda before, token: before.endswith("("),
    5: lambda before, token: token == " Paris",
}
"""What the planted features fire on, told from a text alone."""


def a_question(feature: int, contexts: list[Context], scorer: str, *, seed: int = 0) -> Question:
    explain = tuple(one for one in contexts if one.split == "explain")
    trial = make_trial(feature, contexts, seed=seed)
    return Question(trial, f"meaning{feature}", scorer=scorer, explain=explain, seed=seed)


def marked_tokens(line: str) -> Iterator[tuple[str, str]]:
    """What stands before each marked token, and the token."""
    text = json.loads(line.partition(": ")[2])
    for found in re.finditer("⟦(.*?)⟧", text, re.DOTALL):
        yield re.sub("[⟦⟧]", "", text[: found.start()]), found[1]


def shown_numbers(line: str) -> dict[str, str]:
    return json.loads(line.partition(": ")[2])


def by_meaning(request: Request, shift: int = 0) -> BaseModel:
    """A judge who knows what labels mean; with a shift, it takes each for another feature's."""
    user = request.messages[1].content
    lines = lines_in_block(user)
    feature = int(request.tag.split()[1])
    means = MEANINGS[(feature + shift) % len(MEANINGS)]

    def all_mean(line: str) -> bool:
        return all(means(*one) for one in marked_tokens(line))

    if request.reply_model is FuzzReply:
        return FuzzReply(right=[n for n, line in enumerate(lines, 1) if all_mean(line)])
    if request.reply_model is IntruderReply:
        strange = [n for n, line in enumerate(lines, 1) if not all_mean(line)]
        return IntruderReply(reasoning="", intruder=strange[0] if strange else 1)
    if request.reply_model is SimulateReply:
        texts = [shown_numbers(line) for line in lines]
        return SimulateReply(
            activations=[
                " ".join(
                    f"{n}:{10 * means(''.join(text[str(i)] for i in range(1, int(n))), token)}"
                    for n, token in text.items()
                )
                for text in texts
            ]
        )
    return DetectReply(active=[])


def says_nothing(request: Request) -> BaseModel:
    if request.reply_model is SimulateReply:
        lines = lines_in_block(request.messages[1].content)
        return SimulateReply(activations=[" ".join(f"{n}:0" for n in shown_numbers(line)) for line in lines])
    nothing = {
        FuzzReply: FuzzReply(right=[]),
        IntruderReply: IntruderReply(reasoning="", intruder=1),
        DetectReply: DetectReply(active=[]),
    }
    return nothing[request.reply_model]
