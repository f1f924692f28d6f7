"""A scored run with contexts, without any of the machinery that makes one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autointerp.harvest import Context
from autointerp.run import LLMInput, Manifest, RunDirectory

MakeRun = Callable[..., RunDirectory]


def context(feature: int, stratum: str, rank: int, tokens: Sequence[str], split: str = "explain") -> Context:
    """A context whose second token is the peak."""
    activations = [0.0] * len(tokens)
    activations[1] = 2.0 / (1 + rank) if stratum == "top" else 0.1
    return Context(
        feature=feature, split=split, stratum=stratum, rank=rank, window=0, position=1,
        token_ids=tuple(range(len(tokens))), tokens=tuple(tokens), activations=tuple(activations), peak=1,
        document="d" * 64,
    )  # fmt: skip


def summary_of(group: str) -> dict[str, Any]:
    """``summary.json`` of one group."""
    verified = {"k": 1, "n": 2, "rate": 0.5, "low": 0.095, "high": 0.905, "worst_low": 0.333, "worst_high": 0.667}
    nothing = {"k": 0, "n": 0, "rate": None, "low": 0.0, "high": 1.0, "worst_low": 0.0, "worst_high": 1.0}
    found = {
        "n": 3, "n_ok": 2, "n_failed": 1,
        "rates": {"verified": verified, "robust": nothing},
        "detection": {"mean": 0.71, "low": 0.62, "high": 0.83, "floor": 0.505},
        "bottom_decile": {"pass_rate": None, "k": 0, "n": 0, "low": 0.0, "high": 1.0},
    }  # fmt: skip
    null = {"detection": {"mean": 0.493}, "verified": {**verified, "rate": 0.041}}
    directions = {
        "replaces": "features are random directions", "n": 12, "rates": {"label": verified, "verified": nothing},
        "detection": {"mean": 0.547},
    }  # fmt: skip
    return {
        "schema_version": 1,
        "groups": {group: found},
        "nulls": {"shuffled": {"floor": 0.505, "groups": {group: null}, **null}, "random_directions": directions},
    }


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """``make_run(label=, tokens=, top_tokens=, ...)``: three features, the last refused."""

    def make(
        label: str = "token 'self'",
        tokens: Sequence[str] = ("def", " f", "(", "self", "\n", "\t"),
        top_tokens: Sequence[str] = (" f",),
        is_scored: bool = True,
        reason: str = "cyber",
        name: str = "run",
        group: str = "random:3",
    ) -> RunDirectory:
        run = RunDirectory(tmp_path / name)
        llm = LLMInput(provider="rules", prompt="rules@1")
        run.write_manifest(Manifest(config={"groups": {group: [5, 7, 9]}}, labeler=llm, judge=llm))
        labels = [
            {"feature": 5, "label": label, "verdict": "MONOSEMANTIC", "outcome": "ok", "confidence": 4,
             "reasoning": label, "reason": ""},
            {"feature": 7, "label": "POLYSEMANTIC", "verdict": "POLYSEMANTIC", "outcome": "ok", "confidence": 2,
             "reasoning": "", "reason": ""},
            {"feature": 9, "label": None, "verdict": None, "outcome": "refused", "confidence": None,
             "reasoning": None, "reason": reason},
        ]  # fmt: skip
        scores = [
            {"feature": 5, "outcome": "ok", "balanced_accuracy": 0.8125, "ba_low": 0.6, "ba_high": 0.95,
             "shuffled_ba": 0.48, "floor_token_identity": 0.79, "verified": True, "robust": None,
             "bottom_verdict": "untestable"},
        ]  # fmt: skip
        features = [{"feature": i, "max_activation": 2.0, "top_tokens": list(top_tokens)} for i in range(12)]
        contexts = [context(5, "top", rank, tokens) for rank in range(5)]
        contexts += [context(5, "d0", rank, tokens, "score") for rank in range(4)]
        contexts += [context(5, "negative_random", 0, ("zzz", "unseen"))]
        pq.write_table(pa.Table.from_pylist(labels), run.labels)
        pq.write_table(pa.Table.from_pylist(scores), run.scores)
        pq.write_table(pa.Table.from_pylist(features), run.features)
        pq.write_table(pa.Table.from_pylist([asdict(one) for one in contexts]), run.contexts)
        run.summary.write_text(json.dumps(summary_of(group)))
        if not is_scored:
            for file in (run.summary, run.scores, run.contexts):
                file.unlink()
        return run

    return make
