"""The pages' templates; every value in them is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autointerp.run import visible


def render_template(name: str, **values: Any) -> str:
    """Fill a template of this folder.

    Args:
        name: ``*.html``, whose values are escaped as HTML, or ``*.md``, whose values go through ``| plain``.
        values: What it shows.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "figure": _figure, "plain": plain, "cell": cell, "markup": Markup}
    return environment.get_template(name).render(**values)


def plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line, also within a table."""
    return "".join("\\" + sign if sign in _MARKS else sign for sign in visible(text).replace("\n", " "))


_MARKS = frozenset("\\`*_{}[]<>()#+!|~$&")


def cell(value: Any) -> str:
    """A value as a table shows it: numbers with four digits, lists with commas, nothing for what is missing."""
    if value is None or value != value:  # noqa: PLR0124 (nan)
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(cell, value)) if isinstance(value, list) else str(value)


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share * 100:.1f} %"


def _figure(value: Any) -> str:
    """A number with three digits, yes or no, or n/a."""
    if value is None or value != value:  # noqa: PLR0124 (nan)
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
