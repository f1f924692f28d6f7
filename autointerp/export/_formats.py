"""The formats a run is exported to, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autointerp.errors import UsageError
from autointerp.export._csv import write_labels_csv
from autointerp.export._delphi import write_delphi
from autointerp.export._hf import write_hf
from autointerp.export._jsonl import write_labels_jsonl
from autointerp.export._junit import write_run_junit
from autointerp.export._markdown import write_run_markdown
from autointerp.export._neuronpedia import write_neuronpedia
from autointerp.export._request import Request
from autointerp.run import RunDirectory


@dataclass(frozen=True)
class Format:
    """One way out of a run directory."""

    usual_name: str
    """Of its file or folder in the run directory, where no other place is named."""
    write: Callable[[RunDirectory, Path, Request], Path]
    """Writes it: run, where to, how."""


FORMATS: dict[str, Format] = {
    "csv": Format("labels.csv", lambda run, out, how: write_labels_csv(run, raw=how.raw, path=out)),
    "jsonl": Format("labels.jsonl", lambda run, out, _: write_labels_jsonl(run, out)),
    "neuronpedia": Format("neuronpedia", lambda run, out, _: write_neuronpedia(run, out)),
    "hf": Format("hf", lambda run, out, _: write_hf(run, out)),
    "junit": Format("junit.xml", lambda run, out, _: write_run_junit(run, out)),
    "markdown": Format("labels.md", lambda run, out, _: write_run_markdown(run, out)),
    "delphi": Format("delphi", write_delphi),
}


def write_export(run: RunDirectory, name: str, *, out: Path | None = None, request: Request | None = None) -> Path:
    """Write a run's labels in a named format.

    Args:
        run: A run with labels.
        name: A key of ``FORMATS``.
        out: The file or folder (default: the format's own in the run directory).
        request: How (default: safe text, silent, without the run's inputs).

    Returns:
        The file or folder written.

    Raises:
        UsageError: The format is unknown, the run lacks what it needs, or something else is in its place.
        MismatchError: The format needs the run's inputs, and they are not those that the run was made of.
    """
    if name not in FORMATS:
        raise UsageError(f"--format {name}: unknown; there are {', '.join(FORMATS)}.")
    form = FORMATS[name]
    return form.write(run, out or run.path / form.usual_name, request or Request())
