"""The run directory: its files, its manifest, its lock."""

from autointerp.run._atomic import replace_atomically, write_text
from autointerp.run._directory import RunDirectory, default_run
from autointerp.run._lock import exclusive
from autointerp.run._manifest import CorpusInput, LLMInput, Manifest, ModelInput, SAEInput, package_versions
from autointerp.run._markdown import markdown
from autointerp.run._new_folder import check_new_folder, new_folder
from autointerp.run._progress import Progress, Silence, Tick
from autointerp.run._spreadsheet import escape, safe_text, without_guard
from autointerp.run._table import read_frame, read_rows, read_table, write_rows
from autointerp.run._visible import INVISIBLE, visible

__all__ = [
    "INVISIBLE",
    "CorpusInput",
    "LLMInput",
    "Manifest",
    "ModelInput",
    "Progress",
    "RunDirectory",
    "SAEInput",
    "Silence",
    "Tick",
    "check_new_folder",
    "default_run",
    "escape",
    "exclusive",
    "markdown",
    "new_folder",
    "package_versions",
    "read_frame",
    "read_rows",
    "read_table",
    "replace_atomically",
    "safe_text",
    "visible",
    "without_guard",
    "write_rows",
    "write_text",
]
