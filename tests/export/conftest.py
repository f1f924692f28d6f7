"""A labelled run without any of the machinery that makes one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markdown_it import MarkdownIt

from autointerp.harvest import FeatureSketch, SketchSpec
from autointerp.run import CorpusInput, LLMInput, Manifest, ModelInput, RunDirectory, SAEInput

FEATURES = pa.schema([
    ("feature", pa.int64()), ("n_active", pa.int64()), ("density", pa.float64()), ("mean_activation", pa.float32()),
    ("max_activation", pa.float32()), ("selectivity", pa.float64()), ("rank", pa.int64()), ("duplicate_of", pa.int64()),
    ("top_tokens", pa.list_(pa.string())),
])  # fmt: skip
LABELS = pa.schema([
    ("feature", pa.int64()), ("label", pa.string()), ("verdict", pa.string()), ("outcome", pa.string()),
    ("confidence", pa.int64()), ("reasoning", pa.string()), ("llm", pa.string()), ("prompt", pa.string()),
    ("cost_usd", pa.float64()),
])  # fmt: skip
MakeRun = Callable[..., RunDirectory]


def labelled(feature: int, label: str | None, **changes: Any) -> dict[str, Any]:
    """A row of labels.parquet."""
    return {
        "feature": feature, "label": label, "verdict": "MONOSEMANTIC", "outcome": "ok", "confidence": 4,
        "reasoning": "all the same", "llm": "rules", "prompt": "rules@1", "cost_usd": 0.0, **changes,
    }  # fmt: skip


@pytest.fixture(scope="session")
def label_row() -> Callable[..., dict[str, Any]]:
    return labelled


def build(
    folder: Path,
    labels: Sequence[Mapping[str, Any]],
    groups: Mapping[str, list[int]] | None = None,
    top_tokens: Sequence[str] = ("self", " the"),
) -> RunDirectory:
    """Features 0 to 19 and some labels."""
    run = RunDirectory(folder)
    chosen = dict(groups) if groups is not None else {"random:2": [row["feature"] for row in labels]}
    run.write_manifest(Manifest(config={"groups": chosen}))
    features = [
        {
            "feature": i, "n_active": 10 + i, "density": (10 + i) / 30_000, "mean_activation": 0.1 + i,
            "max_activation": 1.5 * i, "selectivity": None if i == 0 else 0.123456789 * i, "rank": i or None,
            "duplicate_of": 3 if i == 4 else None, "top_tokens": list(top_tokens),
        }
        for i in range(20)
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(features, FEATURES), run.features)
    pq.write_table(pa.Table.from_pylist([dict(row) for row in labels], LABELS), run.labels)
    return run


SCORES = pa.schema([
    ("feature", pa.int64()), ("outcome", pa.string()), ("balanced_accuracy", pa.float64()), ("ba_low", pa.float64()),
    ("ba_high", pa.float64()), ("verified", pa.bool_()),
])  # fmt: skip
CONTEXTS = pa.schema([
    ("feature", pa.int64()), ("split", pa.string()), ("stratum", pa.string()), ("rank", pa.int64()),
    ("window", pa.int64()), ("position", pa.int64()), ("token_ids", pa.list_(pa.int32())),
    ("tokens", pa.list_(pa.string())), ("activations", pa.list_(pa.float32())), ("peak", pa.int64()),
    ("document", pa.string()), ("fallback", pa.string()),
])  # fmt: skip
RATE = {"k": 1, "n": 2, "rate": 0.5, "low": 0.0945, "high": 0.9055, "worst_low": 0.5, "worst_high": 0.5}


def build_whole(
    folder: Path, labels: Sequence[Mapping[str, Any]], tokens: Sequence[str] = ("def", " f", "(", ")"), **options: Any
) -> RunDirectory:
    """A scored run of known inputs: each feature fires on windows 0 to 39 (position 2), by the window's number + 1."""
    run = build(folder, labels, **options)
    _describe(run)
    pq.write_table(pa.Table.from_pylist(_contexts(labels, list(tokens)), CONTEXTS), run.contexts)
    for half, split in enumerate(("explain", "score")):
        _sketch(half, [row["feature"] for row in labels]).save(run.harvest / f"{split}.npz")
    scores = [
        {"feature": row["feature"], "outcome": "ok", "balanced_accuracy": 0.75, "ba_low": 0.6, "ba_high": 0.85,
         "verified": row["feature"] % 2 == 1}
        for row in labels
        if row["outcome"] == "ok"
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(scores, SCORES), run.scores)
    groups = run.read_manifest().config["groups"]
    summary = {
        "run": "named",
        "sae": "/home/someone/saes/mine",
        "groups": {g: {"rates": {"label": RATE}} for g in groups},
    }
    run.summary.write_text(json.dumps(summary))
    return run


def _describe(run: RunDirectory) -> None:
    def change(manifest: Manifest) -> None:
        manifest.config["options"] = {"sae": "/home/someone/saes/Mine 2", "model": "EleutherAI/pythia-70m"}
        manifest.created = "2026-01-02T03:04:05+00:00"
        manifest.sae = SAEInput(
            path="/home/someone/saes/Mine 2", sha256="ab" * 32, architecture="standard", d_in=4, d_sae=20
        )
        manifest.model = ModelInput(
            name="EleutherAI/pythia-70m",
            fingerprint="f",
            hook_point="blocks.3.hook_resid_post",
            weight_processing="raw",
        )
        manifest.corpus = CorpusInput(
            name="python", n_tokens=900, n_windows=40, context_length=8, prepend_bos=True, fingerprint="w"
        )
        manifest.labeler = LLMInput(provider="openai:m", prompt="label@1")

    run.update(change)


def _contexts(labels: Sequence[Mapping[str, Any]], tokens: list[str]) -> list[dict[str, Any]]:
    """The strongest window, a weak one and a negative of each feature; window w fires by w + 1."""
    peak = min(2, len(tokens) - 1)
    return [
        {
            "feature": row["feature"], "split": "explain", "stratum": stratum, "rank": 0, "window": window,
            "position": 2, "token_ids": list(range(len(tokens))), "tokens": tokens,
            "activations": [value if i == peak else 0.0 for i in range(len(tokens))], "peak": peak, "document": "d",
            "fallback": "",
        }
        for row in labels
        for stratum, window, value in (("top", 39, 40.0), ("d1", 5, 6.0), ("negative_random", 7, 0.0))
    ]  # fmt: skip


def _sketch(half: int, features: list[int]) -> FeatureSketch:
    """Windows of one parity."""
    sketch = FeatureSketch(SketchSpec(d_sae=20, context_length=8))
    for window in range(half, 40, 2):
        ids = np.unique(np.array(features, np.int64))
        sketch.update(
            np.full(len(ids), window), np.full(len(ids), 2), ids, np.full(len(ids), window + 1, np.float32),
            token_positions=np.arange(2, 8),
        )  # fmt: skip
    sketch.add_shard(f"shard {half}")
    return sketch


@pytest.fixture(scope="session")
def build_whole_run() -> MakeRun:
    return build_whole


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    return lambda *args, **options: build(tmp_path / "run", *args, **options)


@pytest.fixture
def whole_run(tmp_path: Path) -> MakeRun:
    return lambda *args, **options: build_whole(tmp_path / "run", *args, **options)


def table_cells(text: str) -> list[list[str]]:
    """The text of every row of every table, as a Markdown reader shows it."""
    rows: list[list[str]] = []
    before = ""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif before in ("td_open", "th_open"):
            assert {child.type for child in token.children or ()} <= {"text"}
            rows[-1].append("".join(child.content for child in token.children or ()))
        before = token.type
    return rows


@pytest.fixture(scope="session")
def cells() -> Callable[[str], list[list[str]]]:
    return table_cells
