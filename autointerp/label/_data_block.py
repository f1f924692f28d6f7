"""Text from documents, on its way into a prompt."""

from __future__ import annotations

import json
import re

from autointerp.run import INVISIBLE

_ESCAPED = re.compile(f"[<>]|{INVISIBLE.pattern}")


def as_data(value: object) -> str:
    """One line of JSON that can't end the block it stands in, and hides nothing.

    Angle brackets become JSON escapes, so no text can spell a closing delimiter or a chat template's ``<|marks|>``; so
    do invisible characters. Each character is written alone: lengths add up.

    Args:
        value: Strings, numbers, or lists of those.
    """
    return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _escape(found: re.Match[str]) -> str:
    r"""JSON's ``\uXXXX``, once for each half of a character beyond the first 65,536."""
    return re.sub("....", r"\\u\g<0>", found[0].encode("utf-16-be", "surrogatepass").hex())
