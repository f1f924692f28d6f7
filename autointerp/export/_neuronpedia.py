"""``--format neuronpedia``: a folder that a Neuronpedia server imports, and the bodies of its upload."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from autointerp.export._folder import replace_folder
from autointerp.export._neuronpedia_lines import neuronpedia_lines
from autointerp.export._neuronpedia_upload import upload_batches
from autointerp.run import RunDirectory, write_text

LINES_A_BATCH = 1024


def write_neuronpedia(run: RunDirectory, out: Path) -> Path:
    """Write ``MODEL/SOURCE/`` as Neuronpedia's importer takes it, and ``upload/`` as its upload does.

    ``MODEL/SOURCE/`` has ``release.jsonl``, ``model.jsonl``, ``sourceset.jsonl``, ``source.jsonl``, and ``features/``,
    ``activations/`` and ``explanations/`` of ``batch-N.jsonl.gz``. Tokens that the decoder promotes and suppresses,
    neighbours and vectors are left empty: they need the weights. NUL and lone surrogates, which its database can't
    hold, are written as escapes.

    Args:
        run: A run with labels and contexts.
        out: The folder.

    Returns:
        The folder; on an error the old one is intact.

    Raises:
        UsageError: The run has no labels or contexts, or the folder holds something else.
    """
    lines = neuronpedia_lines(run)
    with replace_folder(out, form="neuronpedia") as folder:
        source = folder / lines.source.modelId / lines.source.id
        heads = (("release", lines.release), ("model", lines.model), ("sourceset", lines.source_set))
        for name, head in (*heads, ("source", lines.source)):
            write_text(source / f"{name}.jsonl", wire(head) + "\n")
        _write_batches(source / "features", lines.features)
        _write_batches(source / "activations", lines.activations)
        _write_batches(source / "explanations", lines.explanations)
        for i, batch in enumerate(upload_batches(lines.features, lines.activations, lines.explanations)):
            write_text(folder / "upload" / f"batch-{i}.json", wire(batch) + "\n")
    return out


def wire(line: BaseModel) -> str:
    r"""ASCII JSON in one line, a backslash as ``\u005c``.

    The importer replaces the six characters ``\u0000`` by a blank before it parses, which would break a text in which
    they stand for themselves; so they never do.
    """
    return json.dumps(line.model_dump(), allow_nan=False).replace("\\\\", "\\u005c")


def _write_batches(folder: Path, lines: Sequence[BaseModel]) -> None:
    folder.mkdir(parents=True)
    for i, at in enumerate(range(0, len(lines), LINES_A_BATCH)):
        text = "".join(wire(line) + "\n" for line in lines[at : at + LINES_A_BATCH])
        # no name and no time in the head: equal lines give equal bytes
        (folder / f"batch-{i}.jsonl.gz").write_bytes(gzip.compress(text.encode("ascii"), mtime=0))
