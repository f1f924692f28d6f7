"""The pages as files."""

from __future__ import annotations

from pathlib import Path

from autointerp.errors import UsageError
from autointerp.export import replace_folder
from autointerp.view._assets import PAGE, assets, packed, single_page, static_page
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
    n_detailed, files = len(site.opened.detailed), assets()
    if one_file and n_detailed > MAX_IN_ONE_FILE:
        raise UsageError(
            f"--one-file: {n_detailed} features have details, one file holds up to {MAX_IN_ONE_FILE}. "
            "Leave the option out, or label fewer features."
        )
    with replace_folder(out, form="html") as folder:
        if one_file:
            page = single_page(files, {name: site.document(name) for name in site.names})
        else:
            page = static_page(files)
            for name in site.names:
                _write(folder / "data" / f"{name}.json.gz", packed(site.document(name)))
            for name, text in files.items():
                _write(folder / name, text.encode())
        _write(folder / PAGE, page.encode())
    return out / PAGE


def _write(file: Path, content: bytes) -> None:
    """One file of a folder that comes into its place as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
