"""Dead features, by each definition that is in use."""

from __future__ import annotations

import pandas as pd

from autointerp.evaluate._estimates import over_features
from autointerp.evaluate._findings import Number

DEFINITIONS = {
    "dead_never": "never active on the harvest's text",
    "dead_threshold": "never above the threshold (0.07) there",
    "dead_topk": "never above the threshold among the 25 strongest of a token (what a table of 25 a token shows)",
    "dead_train": "did not fire at the end of training",
}


def dead_definitions(features: pd.DataFrame, n_tokens: int, seed: int) -> tuple[pd.DataFrame, list[Number]]:
    """Count dead features.

    Args:
        features: ``features.parquet``.
        n_tokens: Tokens of the harvest.
        seed: Of the error.

    Returns:
        A row a definition (``definition``, ``n_dead``, ``share``, ``standard_error``, ``means``; null where unknown),
        and the shares as numbers where they are known.
    """
    rows: list[dict[str, object]] = []
    numbers = []
    for name, means in DEFINITIONS.items():
        row: dict[str, object] = {"definition": name, "n_dead": None, "share": None, "standard_error": None}
        flags = features[name]
        if not flags.isna().any():
            share = over_features(flags.astype(float), n_tokens=n_tokens, seed=seed)
            row |= {"n_dead": int(flags.sum()), "share": share.value, "standard_error": share.standard_error}
            numbers.append(Number(name, share, f"Share of features that are dead: {means}."))
        rows.append({**row, "means": means})
    table = pd.DataFrame(rows)
    types = {"n_dead": "Int64", "share": "Float64", "standard_error": "Float64"}
    return table.astype(types), numbers
