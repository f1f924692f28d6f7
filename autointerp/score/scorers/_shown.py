"""Contexts token by token, as prompts show them: marked or numbered, and never longer than there is room."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pydantic import BaseModel

from autointerp.label import as_data, shorten
from autointerp.llm import Message, Request
from prompts import load_prompt

OPEN, CLOSE = "⟦", "⟧"
_ESCAPES = {OPEN: "\\u27e6", CLOSE: "\\u27e7"}
MAX_CHARACTERS = 6_000
"""Of all messages of one request, whatever the texts are."""
DESCRIPTION_WIDTH = 480
"""Most characters of a description as JSON: whatever an LLM may call a feature, 80 characters, is shown whole."""
WIDTHS = (200, 100, 60, 40, 30, 24, 20, 16, 13, 12)
"""Most characters of JSON that a token may take: the first with which all lines fit. None is below 12, so that the
longest escape of a character is shown whole."""


def described(label: str) -> str:
    """A label, on its way into a prompt."""
    return as_data(shorten(label, DESCRIPTION_WIDTH))


def marked(tokens: Sequence[str], marks: Collection[int], width: int) -> str:
    """A text as a JSON string, its marked tokens between brackets that no text can spell.

    Args:
        tokens: Of the text.
        marks: Indices of the marked tokens.
        width: Most characters of a token.
    """
    pieces = [_piece(token, width) for token in tokens]
    return '"' + "".join(f"{OPEN}{piece}{CLOSE}" if i in marks else piece for i, piece in enumerate(pieces)) + '"'


def numbered(tokens: Sequence[str], width: int) -> str:
    """A text as a JSON object: number, from 1, to token.

    Args:
        tokens: Of the text.
        width: Most characters of a token.
    """
    return "{" + ",".join(f'"{number}":"{_piece(token, width)}"' for number, token in enumerate(tokens, 1)) + "}"


def shown_request(
    prompt_name: str,
    reply_model: type[BaseModel],
    lines: Callable[[int], list[str]],
    *,
    tag: str,
    sample: int,
    max_output_tokens: int = 600,
    **values: str,
) -> Request:
    """A request over numbered lines, with tokens as wide as its length allows.

    Args:
        prompt_name: Of the prompt file.
        reply_model: What is asked for.
        lines: All lines, given the most characters of a token.
        tag: For people reading the journal.
        sample: Which of several answers to the same question.
        max_output_tokens: Of the reply.
        values: Of the prompt, besides the contexts; on their way as data already.
    """
    prompt = load_prompt(prompt_name)

    def user(width: int) -> str:
        block = "\n".join(f"{number}: {line}" for number, line in enumerate(lines(width), 1))
        return prompt.user(contexts=block, **values)

    room = MAX_CHARACTERS - len(prompt.system)
    text = next((text for text in map(user, WIDTHS) if len(text) <= room), user(WIDTHS[-1]))
    messages = (Message("system", prompt.system), Message("user", text))
    return Request(messages, reply_model, max_output_tokens=max_output_tokens, sample=sample, tag=tag)


def _piece(token: str, width: int) -> str:
    """A token as the inside of a JSON string."""
    has_brackets = not _ESCAPES.keys().isdisjoint(token[:width])
    text = as_data(shorten(token, width // 6 if has_brackets else width))[1:-1]
    for bracket, escape in _ESCAPES.items():
        text = text.replace(bracket, escape)
    return text
