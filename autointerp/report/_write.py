"""The page, as one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autointerp.report._page import Page, gather
from autointerp.report._tokens import LEVELS
from autointerp.run import RunDirectory, write_text


def write_report(run: RunDirectory) -> Path:
    """Write ``report/index.html``: rates, failures, and every label with contexts of its feature.

    The page is static: no script, no network, and a content security policy that forbids both.

    Args:
        run: A labelled run; scores are shown where they are.

    Returns:
        The file written.

    Raises:
        UsageError: The run has no labels.
    """
    target = run.report / "index.html"
    write_text(target, render(gather(run)))
    return target


def render(page: Page) -> str:
    """The page's HTML; every value in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "figure": _figure}
    return environment.get_template("page.html").render(page=page, levels=range(1, LEVELS + 1))


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share * 100:.1f} %"


def _figure(value: Any) -> str:
    """A number with three digits, yes or no, or n/a."""
    if value is None or value != value:  # noqa: PLR0124 (nan)
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
