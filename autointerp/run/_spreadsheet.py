"""Text cells that spreadsheets show and never run."""

from __future__ import annotations

import re

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection"), full-width forms included.
_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\n＝＋－＠]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def escape(found: re.Match[str]) -> str:
    r"""A character as ``\x07`` or ``\u2028``: what ``re.sub`` puts in its place."""
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def safe_text(text: str) -> str:
    """A text cell with a ``'`` before what would be a formula; nothing in it is invisible but blanks and line feeds."""
    shown = _INVISIBLE.sub(escape, text)
    return "'" + shown if _FORMULA.match(shown) else shown


def without_guard(cell: str) -> str:
    """The text of a cell of ``safe_text``, its ``'`` taken off again."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell
