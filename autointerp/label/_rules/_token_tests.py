"""What can be asked of one token's text."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

_CAMEL = re.compile(r"[A-Za-z]*[a-z][A-Z][A-Za-z]*")
_SNAKE = re.compile(r"\w*[^\W_]_+[^\W_]\w*")
_PUNCTUATION = frozenset(string.punctuation)


def bare(text: str) -> str:
    """A token without the space around it and without case; white space stays as it is."""
    return text.strip().casefold() or text


CLASSES: dict[str, Callable[[str], bool]] = {
    "digits": lambda text: text.strip().isdigit(),
    "uppercase word": lambda text: len(text.strip()) > 1 and text.strip().isalpha() and text.isupper(),
    "capitalised word": lambda text: len(text.strip()) > 1 and text.strip().isalpha() and text.istitle(),
    "CamelCase word": lambda text: bool(_CAMEL.fullmatch(text.strip())),
    "snake_case word": lambda text: bool(_SNAKE.fullmatch(text.strip())),
    "single letter": lambda text: len(text.strip()) == 1 and text.strip().isalpha(),
    "punctuation": lambda text: bool(text.strip()) and _PUNCTUATION.issuperset(text.strip()),
    "non-ASCII text": lambda text: not text.isascii(),
    "newline": lambda text: "\n" in text,
    "indentation": lambda text: text.isspace() and len(text.rpartition("\n")[2]) > 1,
    "whitespace": str.isspace,
}
"""Name in labels -> whether a token is one."""


def token_test(test: str, values: tuple[str, ...]) -> Callable[[str], bool]:
    """The test as a function of a token's text.

    Args:
        test: One of ``TOKEN_TESTS``.
        values: What it compares with; affixes and words without case.
    """
    value = values[0]
    match test:
        case "token":
            return values.__contains__
        case "word":
            return lambda text: bare(text) in values
        case "starting":
            return lambda text: bare(text).startswith(value)
        case "ending":
            return lambda text: bare(text).endswith(value)
        case "containing":
            return lambda text: value in bare(text)
    return CLASSES[value]
