"""The pages' own files, and the page in its three forms: served, as a folder, as one file."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from importlib import resources

from autointerp import __version__
from autointerp.errors import AutointerpError
from autointerp.view._bundle import bundle

PAGE = "index.html"
POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src 'self' data:; connect-src {connect}; "
    "base-uri 'none'; form-action 'none'"
)
"""Content-Security-Policy: nothing from anywhere but here, and no script or style in the markup."""
OWN_POLICY = POLICY.format(script="'self'", style="'self'", connect="'self'")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_MODE = 'data-mode="static" data-version=""'
_STYLE = '<link rel="stylesheet" href="app.css">'
_SCRIPT = '<script type="module" src="app.js"></script>'
_HEAD = '<meta charset="utf-8">'


def assets() -> dict[str, str]:
    """Texts of all files by name, the page itself as it is written in the package."""
    folder = resources.files("autointerp.view") / "assets"
    found = [file for file in folder.iterdir() if file.name.endswith(tuple(_TYPES))]
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(found, key=lambda file: file.name)}


def media_type(name: str) -> str:
    """Of one of ``assets``."""
    return _TYPES["." + name.rpartition(".")[2]]


def served_page(files: Mapping[str, str]) -> str:
    """The page for the server, which sends the policy as a header."""
    return _in_mode(files[PAGE], "served")


def static_page(files: Mapping[str, str]) -> str:
    """The page for a folder on any web server, with documents that are packed."""
    return _with_policy(_in_mode(files[PAGE], "folder"), OWN_POLICY)


def single_page(files: Mapping[str, str], data: Mapping[str, str]) -> str:
    """The page with everything in it.

    Args:
        files: Of ``assets``.
        data: Documents by name, as ``to_json`` writes them; each goes in as base64 of its gzip, so that the page stays
            small, and the browser reads one when it is asked for.
    """
    script, style = bundle("app.js", files.__getitem__), files["app.css"]
    if "</style" in style.lower():
        raise AutointerpError("app.css: can't be put into one file: '</style'")
    policy = POLICY.format(script=_hash(script), style=_hash(style), connect="'none'").replace("'self' data:", "data:")
    documents = "\n".join(
        f'<script type="application/gzip" id="data/{name}">{base64.b64encode(packed(text)).decode("ascii")}</script>'
        for name, text in data.items()
    )
    page = _with_policy(_in_mode(files[PAGE], "file"), policy)
    page = _replaced(page, _STYLE, f"<style>{style}</style>")
    return _replaced(page, _SCRIPT, f'{documents}\n<script type="module">{script}</script>')


def packed(text: str) -> bytes:
    """A document as gzip, the same bytes whenever it is written."""
    return gzip.compress(text.encode("utf-8"), mtime=0)


def _in_mode(page: str, mode: str) -> str:
    return _replaced(page, _MODE, f'data-mode="{mode}" data-version="{__version__}"')


def _with_policy(page: str, policy: str) -> str:
    return _replaced(page, _HEAD, f'{_HEAD}\n<meta http-equiv="Content-Security-Policy" content="{policy}">')


def _replaced(page: str, old: str, new: str) -> str:
    if page.count(old) != 1:
        raise AutointerpError(f"{PAGE}: holds {old!r} {page.count(old)} times, not once")
    return page.replace(old, new)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
