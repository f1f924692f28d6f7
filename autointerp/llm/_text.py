"""Foreign text, made safe to store and to show."""

from __future__ import annotations

import json


def printable(text: str) -> str:
    """The text with lone surrogates written as escapes, so that it can be encoded as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def excerpt(text: str, limit: int = 200) -> str:
    """The beginning of a text in one ASCII line, control characters and quotes escaped.

    Args:
        text: Any text, also a hostile one.
        limit: Most characters of the result.
    """
    escaped = json.dumps(text[:limit])[1:-1].replace("\x7f", "\\u007f")
    return escaped if len(escaped) <= limit and len(text) <= limit else escaped[: limit - 3] + "..."
