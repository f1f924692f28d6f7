"""Text that others wrote, made fit to be shown."""

from __future__ import annotations

import re

# Control characters, lone surrogates, and what turns the writing direction or hides (Trojan Source, CVE-2021-42574).
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Text with every invisible character as an escape (``\u202e``): legal XML, and the same to every reader."""
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
