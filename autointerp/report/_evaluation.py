"""The evaluation as one HTML page that needs nothing else, and as Markdown beside its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from autointerp.errors import UsageError
from autointerp.report._template import render_template
from autointerp.run import RunDirectory, write_text

if TYPE_CHECKING:
    from autointerp.evaluate import Stored, StoredFile

MAX_ROWS = 40
"""Rows of a table that the page shows; the rest lies in the file beside it."""


@dataclass(frozen=True)
class ShownTable:
    """A table, cut to what a page can hold."""

    name: str
    title: str
    reading: str
    columns: list[str]
    rows: list[list[Any]]
    n_rows: int
    """Rows in the file."""


@dataclass(frozen=True)
class ShownPicture:
    """A figure as markup that may stand in a page beside others."""

    name: str
    title: str
    reading: str
    svg: str
    """Made by ``as_svg``; its ids carry the picture's name, since a page's ids must differ."""


@dataclass(frozen=True)
class Section:
    """One suite."""

    found: Stored
    tables: list[ShownTable]
    pictures: list[ShownPicture]


def write_evaluation(run: RunDirectory) -> Path:
    """Write ``evaluate/report.html`` and ``evaluate/report.md`` from what lies in ``evaluate/``.

    The page holds every figure and table of the run, has no script, asks the network for nothing, and follows the
    reader's light or dark setting.

    Args:
        run: An evaluated run.

    Returns:
        The page.

    Raises:
        UsageError: Nothing was evaluated here.
    """
    from autointerp.evaluate import SUITES, Store

    store = Store.of(run)
    found = [stored for name in SUITES if (stored := store.read(name)) is not None]
    if not found:
        raise UsageError(
            f"{run.path}: nothing was evaluated here. Run 'autointerp evaluate --sae PATH --out {run.path}'."
        )
    manifest = run.read_manifest()
    sae, model, corpus = manifest.sae, manifest.model, manifest.corpus
    assert sae is not None
    assert model is not None
    assert corpus is not None
    facts = {
        "SAE": f"{sae.path} ({sae.architecture}, d_in {sae.d_in}, d_sae {sae.d_sae})",
        "model": f"{model.name} at {model.hook_point}",
        "text": f"{corpus.name}, windows of {corpus.context_length} tokens",
        "measured on": f"at most {max(int(str(stored.key['n_tokens'])) for stored in found):,} tokens a suite",
    }
    sections = [_section(store.folder / stored.suite, stored) for stored in found]
    page = store.folder / "report.html"
    write_text(page, render_template("evaluation.html", facts=facts, sections=sections))
    write_text(store.folder / "report.md", render_template("evaluation.md", facts=facts, sections=sections))
    return page


def _section(folder: Path, stored: Stored) -> Section:
    pictures = [
        ShownPicture(
            picture.name,
            picture.title,
            picture.reading,
            _own_ids((folder / f"{picture.name}.svg").read_text(encoding="utf-8"), f"{stored.suite}-{picture.name}-"),
        )
        for picture in stored.pictures
    ]
    return Section(stored, [_table(folder, table) for table in stored.tables], pictures)


def _table(folder: Path, table: StoredFile) -> ShownTable:
    rows = pq.read_table(folder / f"{table.name}.parquet").to_pylist()
    columns = list(rows[0]) if rows else []
    shown = [list(row.values()) for row in rows[:MAX_ROWS]]
    return ShownTable(table.name, table.title, table.reading, columns, shown, len(rows))


def _own_ids(svg: str, prefix: str) -> str:
    """Put a prefix before all ids of a figure and before what points at them."""
    return re.sub(r'(\bid="|href="#|url\(#)', lambda found: found.group(1) + prefix, svg)
