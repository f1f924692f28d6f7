"""A run directory that is ready to be labelled, without a model behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from autointerp.harvest import Context
from autointerp.run import RunDirectory

STRATA = ("top", "top", "top", "d9", "d0", "negative_random")
"""Of each feature's contexts: few, since making prompts is no part of what is tested."""


def prepare(folder: Path, *, n_features: int) -> RunDirectory:
    """Write features, contexts and groups; every tenth feature is in two groups.

    Args:
        folder: The run directory; made.
        n_features: All of them are selected.
    """
    run = RunDirectory(folder)
    features = range(n_features)
    groups = {"all": list(features), "some": list(features[::10])}
    run.update(lambda manifest: manifest.config.update(groups=groups))
    statistics = {"n_active": 40, "density": 0.01, "mean_activation": 1.5, "max_activation": 4.0, "selectivity": 0.4}
    rows = [
        {"feature": feature, **statistics, "rank": feature + 1, "duplicate_of": None, "top_tokens": [_token(feature)]}
        for feature in features
    ]
    pq.write_table(pa.Table.from_pylist(rows), run.features)
    contexts = [asdict(context) for feature in features for context in _contexts(feature)]
    pq.write_table(pa.Table.from_pylist(contexts), run.contexts)
    return run


def _token(feature: int) -> str:
    return f" word{feature}"


def _contexts(feature: int) -> Iterator[Context]:
    for number, stratum in enumerate(STRATA):
        strength = 0.0 if stratum.startswith("negative") else 4.0 - number / 2
        yield Context(
            feature=feature,
            split="explain",
            stratum=stratum,
            rank=STRATA[:number].count(stratum),
            window=number,
            position=5,
            token_ids=(1, 2, 3),
            tokens=(" the", _token(feature) if strength else " nothing", f" of line {number}"),
            activations=(0.0, strength, 0.0),
            peak=1,
            document=f"document {number}",
        )
