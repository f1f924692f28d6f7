"""The run directory: its files, its manifest, its lock."""

from autointerp.run._atomic import replace_atomically, write_text
from autointerp.run._directory import RunDirectory, default_run
from autointerp.run._lock import exclusive
from autointerp.run._manifest import CorpusInput, LLMInput, Manifest, ModelInput, SAEInput, package_versions
from autointerp.run._markdown import markdown
from autointerp.run._progress import Progress, Silence, Tick
from autointerp.run._table import read_frame, read_rows, write_rows
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
    "default_run",
    "exclusive",
    "markdown",
    "package_versions",
    "read_frame",
    "read_rows",
    "replace_atomically",
    "visible",
    "write_rows",
    "write_text",
]
