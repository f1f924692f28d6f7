"""The page, as one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from autointerp.report._page import Page, gather
from autointerp.report._template import render_template
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
    return render_template("page.html", page=page, levels=range(1, LEVELS + 1))
