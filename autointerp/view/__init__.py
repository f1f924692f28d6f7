"""A run to look at: pages served on loopback, or written as files."""

from autointerp.view._bundle import bundle
from autointerp.view._compare import comparison
from autointerp.view._fire import fire
from autointerp.view._machine import Machine
from autointerp.view._opened import Opened
from autointerp.view._pack import to_json
from autointerp.view._sections import Sections
from autointerp.view._site import Site
from autointerp.view._viewer import Viewer
from autointerp.view._write import MAX_IN_ONE_FILE, write_pages

__all__ = [
    "MAX_IN_ONE_FILE",
    "Machine",
    "Opened",
    "Sections",
    "Site",
    "Viewer",
    "bundle",
    "comparison",
    "fire",
    "to_json",
    "write_pages",
]
