"""Scored runs without any of the machinery that makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autointerp.run import CorpusInput, LLMInput, Manifest, ModelInput, RunDirectory, SAEInput

D_IN, D_SAE = 16, 400
LABELS = pa.schema([
    ("feature", pa.int64()), ("label", pa.string()), ("verdict", pa.string()), ("outcome", pa.string()),
])  # fmt: skip
SCORES = pa.schema([
    ("feature", pa.int64()), ("outcome", pa.string()), ("balanced_accuracy", pa.float64()), ("verified", pa.bool_()),
    ("robust", pa.bool_()),
])  # fmt: skip
MakeRun = Callable[..., RunDirectory]


def manifest(**changes: Any) -> Manifest:
    """A finished run's manifest; the groups are a must, the other inputs have defaults."""
    labeler, judge = changes.get("labeler", ("rules", "rules@1")), changes.get("judge", ("rules", "rules@1"))
    return Manifest(
        created="2026-11-01T00:00:00+00:00",
        config={"groups": changes["groups"]},
        sae=SAEInput(path=changes.get("path", "sae"), sha256=changes.get("sae", "a" * 64), architecture="standard",
                     d_in=D_IN, d_sae=D_SAE),
        model=ModelInput(name="bundled", fingerprint=changes.get("fingerprint", "model-1"),
                         hook_point=changes.get("hook_point", "blocks.2.hook_resid_post"), weight_processing="raw"),
        corpus=CorpusInput(name="python", n_tokens=1000, n_windows=10, context_length=128, prepend_bos=True,
                           fingerprint=changes.get("text", "text-1")),
        labeler=LLMInput(provider=labeler[0], prompt=labeler[1]),
        judge=None if judge is None else LLMInput(provider=judge[0], prompt=judge[1]),
        versions={"python": "3.11"},
    )  # fmt: skip


def write_run(
    folder: Path,
    verified: Sequence[bool | None],
    *,
    robust: Sequence[bool | None] | None = None,
    labels: Mapping[int, str] | None = None,
    ids: Sequence[int] | None = None,
    **changes: Any,
) -> RunDirectory:
    """A run whose group ``random:N`` gave these answers; None is a missing one."""
    run = RunDirectory(folder)
    features = list(ids) if ids is not None else list(range(len(verified)))
    run.write_manifest(manifest(**{"groups": {f"random:{len(features)}": features}} | changes))
    rows, scores = [], []
    for i, feature in enumerate(features):
        label = (labels or {}).get(feature, f"token '{feature}'")
        rows.append({
            "feature": feature, "label": label, "outcome": "ok",
            "verdict": "POLYSEMANTIC" if label == "POLYSEMANTIC" else "MONOSEMANTIC",
        })  # fmt: skip
        scores.append({
            "feature": feature, "outcome": "error" if verified[i] is None else "ok", "balanced_accuracy": 0.75,
            "verified": verified[i], "robust": verified[i] if robust is None else robust[i],
        })  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, LABELS), run.labels)
    pq.write_table(pa.Table.from_pylist(scores, SCORES), run.scores)
    return run


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Runs in one temporary folder: ``make_run(name, answers, ...)``."""
    return lambda name, verified, **changes: write_run(tmp_path / name, verified, **changes)


@pytest.fixture(scope="session")
def decoder() -> np.ndarray:
    """[d_sae, d_in], random."""
    return np.random.default_rng(0).normal(size=(D_SAE, D_IN)).astype(np.float32)


@pytest.fixture(scope="session")
def shares() -> Callable[[int, int], list[bool]]:
    """``shares(n, k)``: n answers, the first k of them yes."""
    return lambda n, k: [i < k for i in range(n)]
