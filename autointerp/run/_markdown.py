"""Text that others wrote, in Markdown: shown as it is, nothing that acts."""

from __future__ import annotations

import html
import re

from autointerp.run._visible import visible

_MARKDOWN = re.compile(r"[\\`*_\[\]|~@#]|(?<=:)/")


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no links, no mentions."""
    return _MARKDOWN.sub(r"\\\g<0>", html.escape(visible(text), quote=False))
