"""Planted features and run directories, as for the label room."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "label"))

from label_planted import a_noise_feature, plant

from autointerp.harvest import Context
from autointerp.run import RunDirectory


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
def make_run(tmp_path: Path) -> Callable[..., RunDirectory]:
    def make(contexts: dict[int, list[Context]], groups: dict[str, Sequence[int]] | None = None) -> RunDirectory:
        run = RunDirectory(tmp_path / "run")
        chosen = {name: list(ids) for name, ids in (groups or {"ids": sorted(contexts)}).items()}
        run.update(lambda manifest: manifest.config.update(groups=chosen))
        rows = [asdict(one) for feature in contexts for one in contexts[feature]]
        pq.write_table(pa.Table.from_pylist(rows), run.contexts)
        n = max(contexts) + 2
        pd.DataFrame(
            {
                "feature": range(n),
                "top_tokens": [["a"]] * n,
                "dead_never": [False] * (n - 1) + [True],
                "dead_threshold": [False] * n,
                "dead_topk": [True] * n,
                "dead_train": pd.array([None] * n, dtype="boolean"),
            }
        ).to_parquet(run.features)
        return run

    return make
