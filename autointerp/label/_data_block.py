"""Text from documents, on its way into a prompt."""

from __future__ import annotations

import json


def as_data(value: object) -> str:
    """One line of JSON that can't end the block it stands in.

    Angle brackets become JSON escapes, so no text can spell a closing delimiter; line breaks are escapes already.

    Args:
        value: Strings, numbers, or lists of those.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def printable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, which a reply may spell, become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
