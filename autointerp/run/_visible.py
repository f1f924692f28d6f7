"""Text that others wrote, made fit to be shown."""

from __future__ import annotations

import re

INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufff9-\ufffb\ufffe\uffff"  # controls, lone surrogates, line ends
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the writing direction (Trojan Source, CVE-2021-42574)
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufe00-\ufe0d\ufeff"
    r"\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""A character that nobody sees or that moves others: controls, lone surrogates, line separators, writing directions,
and what Unicode calls default ignorable (zero-width characters, fillers, tags), but for the two selectors that give
emoji their form."""


def visible(text: str) -> str:
    r"""Text with every invisible character as an escape (``\u202e``): legal XML, and the same to every reader."""
    return INVISIBLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
