"""Planted features and run directories, as for the label room."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "label"))
sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))

from label_planted import a_noise_feature, plant
from llm_fixtures import keyed_server
from pydantic import BaseModel
from score_judges import FEATURES, AnswerWith, Judge, Maker

from autointerp.harvest import Context
from autointerp.label import LabelRow
from autointerp.label._row import write_labels
from autointerp.llm import Outcome, Reply, Request, Usage
from autointerp.run import RunDirectory

__all__ = ["keyed_server"]


@pytest.fixture(scope="session")
def planted() -> dict[int, list[Context]]:
    """Features 0 to 5 have one meaning each, 6 is a union, 7 is noise."""
    meanings = [
        lambda tokens, i: tokens[i] == " =",
        lambda tokens, i: tokens[i].strip() == "self",
        lambda tokens, i: tokens[i].strip().isdigit(),
        lambda tokens, i: tokens[i].endswith("ing"),
        lambda tokens, i: i > 0 and tokens[i - 1] == "(",
        lambda tokens, i: tokens[i] == " Paris",
        lambda tokens, i: tokens[i] in (" =", " walked", "é", " Paris"),
    ]
    return {feature: plant(feature, fires) for feature, fires in enumerate(meanings)} | {7: a_noise_feature(7)}


@pytest.fixture
def make_run(tmp_path: Path) -> Maker:
    def make(contexts: dict[int, list[Context]], groups: dict[str, Sequence[int]] | None = None) -> RunDirectory:
        run = RunDirectory(tmp_path / "run")
        chosen = {name: list(ids) for name, ids in (groups or {"ids": sorted(contexts)}).items()}
        run.update(lambda manifest: manifest.config.update(groups=chosen))
        rows = [asdict(one) for feature in contexts for one in contexts[feature]]
        pq.write_table(pa.Table.from_pylist(rows), run.contexts)
        n = max(contexts) + 2
        numbers = ("n_active", "density", "mean_activation", "max_activation", "selectivity", "rank", "duplicate_of")
        pd.DataFrame(
            {
                "feature": range(n),
                **{name: [1] * n for name in numbers},
                "top_tokens": [["a"]] * n,
                "dead_never": [False] * (n - 1) + [True],
                "dead_threshold": [False] * n,
                "dead_topk": [True] * n,
                "dead_train": pd.array([None] * n, dtype="boolean"),
            }
        ).to_parquet(run.features)
        return run

    return make


@pytest.fixture
def all_labelled(make_run: Maker, planted: dict[int, list[Context]]) -> RunDirectory:
    """The features of one meaning, each labelled with its own."""
    run = make_run({feature: planted[feature] for feature in FEATURES})
    rows = [
        LabelRow(f, "ok", "openai:x", "label@1", label=f"meaning{f} number{f}", verdict="MONOSEMANTIC", confidence=3)
        for f in FEATURES
    ]
    write_labels(run, rows)
    return run


@pytest.fixture
def answer_with(monkeypatch: pytest.MonkeyPatch) -> AnswerWith:
    """Replace ``ask`` by a judge; returns the list that requests are noted in."""

    def install(judge: Judge) -> list[Request]:
        seen: list[Request] = []

        def ask(requests: list[Request], **_: object) -> list[Reply]:
            seen.extend(requests)
            return [_reply(request, judge(request)) for request in requests]

        monkeypatch.setattr(importlib.import_module("autointerp.llm._asking"), "ask", ask)
        return seen

    return install


def _reply(request: Request, said: BaseModel | Outcome) -> Reply:
    value = None if isinstance(said, Outcome) else said
    outcome = said if isinstance(said, Outcome) else Outcome.ok
    reason = "" if value else "no luck"
    return Reply("key", outcome, value, reason, Usage(900, 20), 0.002, 1.0, from_journal=True, tag=request.tag)
