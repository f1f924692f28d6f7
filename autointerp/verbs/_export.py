"""``export``, ``report`` and ``doctor``: what leaves the run directory, and what the machine has."""

from __future__ import annotations

from pathlib import Path

from autointerp.export import Parts, Request, write_export
from autointerp.report import Finding, diagnose, write_report
from autointerp.run import Progress, RunDirectory, Silence
from autointerp.verbs._inputs import Options, open_inputs


def export(
    run: str | Path,
    format: str = "csv",  # noqa: A002
    *,
    out: str | Path | None = None,
    raw: bool = False,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Path:
    """Write a run's labels in another format.

    Args:
        run: A labelled run directory.
        format: ``csv`` or ``jsonl`` (the labels), ``junit`` or ``markdown`` (the verdicts), ``neuronpedia`` (for its
            importer and its upload), ``hf`` (a Hugging Face data set), ``delphi`` (a cache of activations; runs the
            model again).
        out: The file or folder (default: the format's own in the run directory).
        raw: Leave text cells as they are, instead of making them safe for spreadsheets.
        device: Where the model runs, where the format needs it.
        progress: Listener.

    Returns:
        The file or folder written.

    Raises:
        UsageError: The run has no labels, the format is unknown, or something else is in its place.
        MismatchError: The SAE, the model or the text are not those of the run any more.
    """
    opened, progress = RunDirectory.open(run), progress or Silence()

    def parts() -> Parts:
        inputs = open_inputs(opened, Options(device=device), progress)
        return Parts(inputs.model, inputs.subject, inputs.windows)

    request = Request(raw=raw, parts=parts, progress=progress)
    return write_export(opened, format, out=None if out is None else Path(out), request=request)


def report(run: str | Path) -> Path:
    """Write the run's page, ``report/index.html``, and return its path.

    Raises:
        UsageError: The run has no labels.
    """
    return write_report(RunDirectory.open(run))


def doctor() -> list[Finding]:
    """What is installed, which models, keys, devices and caches are seen, and what is wrong."""
    return diagnose()
