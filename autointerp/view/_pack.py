"""The one gate through which data leaves for a page: nothing in it hides, moves other text, or closes a tag."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np

from autointerp.run import visible

DIGITS = 4
"""Significant digits of numbers: what a statistic over a sample of text is good for."""
_PLAIN = {int, bool, type(None)}
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def to_json(value: object) -> str:
    r"""Compact JSON that may stand in a file, or in a ``<script>`` of a page.

    Characters that nobody sees, or that move others (controls, writing directions, lone surrogates, ...), become
    readable escapes such as ``\u202e`` in the text itself; line feeds and tabs stay, for the page to show. ``<``, ``>``
    and ``&`` are written as JSON escapes, so no text can end a script or open a comment. Numbers have four significant
    digits; what is not finite is null.

    Args:
        value: Mappings, sequences, text, numbers (also numpy's), truth values, None.
    """
    text = json.dumps(_clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def shown(text: str) -> str:
    """Text with every invisible character but line feed and tab as an escape."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))


def _clean(value: object) -> object:
    match value:
        case None | bool() | int():
            return value
        case str():
            return value if value.isascii() and value.isprintable() else shown(value)
        case float() | np.floating():
            return _rounded(float(value))
        case np.bool_():
            return bool(value)
        case np.integer():
            return int(value)
        case Mapping():
            return {shown(str(name)): _clean(one) for name, one in value.items()}
        case list() | tuple():
            plain = set(map(type, value)) <= _PLAIN
            return value if plain else [_clean(one) for one in value]
        case np.ndarray():
            return _clean(value.tolist())
    raise TypeError(f"a page can't hold a {type(value).__name__}")


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    if value == int(value) and abs(value) < 10**DIGITS:
        return int(value)
    return float(f"{value:.{DIGITS}g}")
