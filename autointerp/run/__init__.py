"""The run directory: its files, its manifest, its lock."""

from autointerp.run._atomic import replace_atomically, write_text
from autointerp.run._directory import RunDirectory
from autointerp.run._lock import exclusive
from autointerp.run._manifest import CorpusInput, LLMInput, Manifest, ModelInput, SAEInput, package_versions
from autointerp.run._progress import Progress, Silence, Tick

__all__ = [
    "CorpusInput",
    "LLMInput",
    "Manifest",
    "ModelInput",
    "Progress",
    "RunDirectory",
    "SAEInput",
    "Silence",
    "Tick",
    "exclusive",
    "package_versions",
    "replace_atomically",
    "write_text",
]
