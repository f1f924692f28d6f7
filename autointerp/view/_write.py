"""The pages as files."""

from __future__ import annotations

from pathlib import Path

from autointerp.errors import UsageError
from autointerp.run import write_text
from autointerp.view._assets import PAGE, assets, single_page, static_page
from autointerp.view._site import Site

MAX_IN_ONE_FILE = 500
"""Features with details that one file may hold: each is about 60 kB."""


def write_pages(site: Site, out: Path, *, one_file: bool = False) -> Path:
    """Write a run's pages.

    Args:
        site: The documents.
        out: A folder, which must be new, empty, or of an earlier export.
        one_file: Write ``index.html`` alone, with everything in it, to be opened from disk. Otherwise the folder is for
            a web server: browsers read no files beside a page that is opened from disk.

    Returns:
        ``index.html``.

    Raises:
        UsageError: The folder holds something else, or there are too many features for one file.
    """
    _check(out)
    n_detailed, files = len(site.opened.detailed), assets()
    if one_file:
        if n_detailed > MAX_IN_ONE_FILE:
            raise UsageError(
                f"--one-file: {n_detailed} features have details, one file holds up to {MAX_IN_ONE_FILE}. "
                "Leave the option out, or label fewer features."
            )
        page = single_page(files, {name: site.document(name) for name in site.names})
    else:
        for name in site.names:
            write_text(out / "data" / f"{name}.json", site.document(name))
        page = static_page(files)
        for name, text in files.items():
            if name != PAGE:
                write_text(out / name, text)
    write_text(out / PAGE, page)
    return out / PAGE


def _check(out: Path) -> None:
    if out.is_dir():
        is_ours = (out / PAGE).is_file() and 'data-version="' in (out / PAGE).read_text("utf-8", "replace")[:1000]
        if not is_ours and any(out.iterdir()):
            raise UsageError(f"--out {out}: holds other files. Choose a new folder.")
    elif out.exists():
        raise UsageError(f"--out {out}: is a file; name a folder.")
