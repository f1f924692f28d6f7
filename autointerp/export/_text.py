"""What a text must not carry out of a run: characters that a format can't hold, and folders of the machine."""

from __future__ import annotations

import re
from pathlib import PurePath

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def escape(found: re.Match[str]) -> str:
    r"""A character as ``\x07`` or ``\u2028``: what ``re.sub`` puts in its place."""
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def storable(text: str) -> str:
    """Text that every database takes: NUL and lone surrogates as escapes, all else as it is."""
    return _UNSTORABLE.sub(escape, text)


def public_name(name: str) -> str:
    """A path without the folders of the machine it lies on; a name of a hub as it is."""
    path = PurePath(name)
    return path.name if path.is_absolute() or name.startswith(("~", "..")) else name
