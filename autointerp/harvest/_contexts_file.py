"""Reading and writing ``contexts.parquet``."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.harvest._context import Context
from autointerp.harvest._proposals import Picked
from autointerp.harvest._slices import Slices
from autointerp.run import RunDirectory, read_table, replace_atomically

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

SCHEMA = pa.schema(
    [
        ("feature", pa.int64()),
        ("split", pa.string()),
        ("stratum", pa.string()),
        ("rank", pa.int64()),
        ("window", pa.int64()),
        ("position", pa.int64()),
        ("token_ids", pa.list_(pa.int32())),
        ("tokens", pa.list_(pa.string())),
        ("activations", pa.list_(pa.float32())),
        ("peak", pa.int64()),
        ("document", pa.string()),
        ("fallback", pa.string()),
    ]
)
"""The columns, which are the fields of ``Context``."""
PassedOver = dict[str, dict[str, tuple[int, int]]]
"""Split -> stratum of positives -> activations left out because a stronger one stands in their slice, and activations
looked at, over all features."""
_PASSED_OVER = b"passed_over"


def write_table(
    path: Path,
    rows: Sequence[tuple[Picked, int]],
    slices: Slices,
    activations: NDArray[np.float32],
    *,
    subject: Subject,
    windows: Windows,
    passed_over: PassedOver,
) -> None:
    """Write one context a row, atomically.

    Args:
        path: The file.
        rows: What was picked, each with the number of its slice, in the order of the file.
        slices: The slices.
        activations: On each slice, [number of slices, longest slice].
        subject: Spells tokens.
        windows: The text.
        passed_over: Kept in the file's own metadata.
    """
    number = np.array([i for _, i in rows], np.int64)
    begin, end, window = slices.begin[number], slices.end[number], slices.window[number]
    offset = np.arange(activations.shape[1])
    inside = offset < (end - begin)[:, None]  # [rows, width]
    position = np.where(inside, begin[:, None] + offset, 0)
    token_ids = np.asarray(windows.tokens)[window[:, None], position][inside]
    ids, where = np.unique(token_ids, return_inverse=True)
    pieces = np.array([*subject.pieces(ids.tolist()), ""], object)[where]
    bounds = np.concatenate([[0], np.cumsum(end - begin)])

    def lists(flat: NDArray[np.generic], kind: pa.DataType) -> pa.ListArray:
        return pa.ListArray.from_arrays(pa.array(bounds, pa.int32()), pa.array(flat, kind))

    digests = windows.documents["digest"].to_numpy()
    columns = {
        "feature": slices.feature[number],
        "split": [one.split for one, _ in rows],
        "stratum": [one.stratum for one, _ in rows],
        "rank": [one.rank for one, _ in rows],
        "window": window,
        "position": slices.position[number],
        "token_ids": lists(token_ids, pa.int32()),
        "tokens": lists(pieces, pa.string()),
        "activations": lists(activations[number][inside], pa.float32()),
        "peak": slices.peak[number],
        "document": digests[np.asarray(windows.document)[window]].tolist(),
        "fallback": [one.fallback for one, _ in rows],
    }
    with replace_atomically(path) as temporary:
        schema = SCHEMA.with_metadata({_PASSED_OVER: json.dumps(passed_over)})
        pq.write_table(pa.table(columns, schema=schema), temporary)


def load_contexts(run: RunDirectory, features: Collection[int] | None = None) -> dict[int, list[Context]]:
    """The contexts of every selected feature that has any, by feature.

    Within a feature they are in the order explain before score, then by stratum as in ``STRATA``, then by rank.

    Args:
        run: With contexts written.
        features: Only of these.

    Raises:
        UsageError: The run has no contexts.
    """
    _require(run)
    found: dict[int, list[Context]] = {}
    chosen = None if features is None else pc.field("feature").isin(list(features))
    for row in read_table(run.contexts, filters=chosen).to_pylist():
        row |= {name: tuple(row[name]) for name in ("token_ids", "tokens", "activations")}
        found.setdefault(row["feature"], []).append(Context(**row))
    return found


def load_passed_over(run: RunDirectory) -> PassedOver:
    """How many activations were looked at for contexts, and left out.

    Returns:
        Nothing for contexts of an earlier version, which left none out.

    Raises:
        UsageError: The run has no contexts.
    """
    _require(run)
    recorded = json.loads((pq.read_schema(run.contexts).metadata or {}).get(_PASSED_OVER, b"{}"))
    return {
        split: {stratum: (counts[0], counts[1]) for stratum, counts in strata.items()}
        for split, strata in recorded.items()
    }


def _require(run: RunDirectory) -> None:
    if not run.contexts.exists():
        raise UsageError(f"{run.contexts}: not there. Make contexts first: autointerp label --out {run.path} --resume.")
