"""``features.parquet``: a row a feature of the SAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import sae
import sae.compare
from autointerp.errors import UsageError
from autointerp.harvest._duplicates import join_groups, same_windows
from autointerp.harvest._sketch import FeatureSketch, merge
from autointerp.harvest._top_tokens import top_tokens
from autointerp.run import RunDirectory, read_table, replace_atomically

if TYPE_CHECKING:
    from autointerp.corpus import Windows
    from autointerp.subject import Subject

TWIN_COSINE = 0.99
"""Decoder rows with a larger cosine are one feature."""
_QUANTILES = {"q01": 0.01, "q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9, "q99": 0.99}


def write_features(
    run: RunDirectory,
    explain: FeatureSketch,
    score: FeatureSketch,
    *,
    model: sae.SAE,
    subject: Subject,
    windows: Windows,
) -> None:
    """Write ``features.parquet`` atomically, from the sketches of both splits."""
    table = pa.Table.from_pandas(
        feature_table(explain, score, model=model, subject=subject, windows=windows), preserve_index=False
    )
    with replace_atomically(run.features) as temporary:
        pq.write_table(table, temporary)


def load_features(run: RunDirectory) -> pd.DataFrame:
    """Read ``features.parquet``; its columns are those of ``feature_table``.

    Raises:
        UsageError: The run has not been harvested.
    """
    if not run.features.exists():
        raise UsageError(f"{run.features}: not there. Harvest first: autointerp harvest --sae PATH --out {run.path}.")
    table: pd.DataFrame = read_table(run.features).to_pandas()
    table["top_tokens"] = [list(tokens) for tokens in table["top_tokens"]]
    return table


def feature_table(
    explain: FeatureSketch, score: FeatureSketch, *, model: sae.SAE, subject: Subject, windows: Windows
) -> pd.DataFrame:
    """A row a feature, over both splits together.

    Args:
        explain: Sketch of the explain split.
        score: Sketch of the score split.
        model: The SAE: its decoder directions tell duplicates, its metadata the features dead in training.
        subject: Spells tokens.
        windows: What the sketches point into.

    Returns:
        Columns ``feature``, ``n_active``, ``density`` (share of tokens), ``mean_activation``, ``max_activation``,
        ``std_activation`` and quantiles ``q01`` to ``q99`` (of the tokens it is active on), ``selectivity`` (see
        ``sae.selectivity``), ``rank`` (1 is the most selective), ``duplicate_of``, the definitions of dead
        (``dead_never``: not active once; ``dead_threshold``: never above the threshold; ``dead_topk``: never above
        it among the 25 largest of a token; ``dead_train``: did not fire at the end of training, null where unknown),
        ``top_tokens``, ``n_active_explain``, ``n_active_score``. What a feature doesn't have is null.
    """
    both = merge(explain, score)
    n_active, alive = both.n_active, both.n_active > 0
    scores = sae.selectivity(both.mean(), n_active)
    columns: dict[str, object] = {
        "feature": np.arange(both.spec.d_sae),
        "n_active": n_active,
        "density": n_active / max(both.n_tokens, 1),
        "mean_activation": both.mean(),
        "max_activation": np.where(alive, both.max().astype(np.float64), np.nan),
        "std_activation": both.std(),
        **dict(zip(_QUANTILES, both.quantiles(list(_QUANTILES.values())).T, strict=True)),
        "selectivity": scores,
        "rank": _ranks(scores),
        "duplicate_of": _duplicates(both, model),
        "dead_never": ~alive,
        "dead_threshold": both.n_above_threshold == 0,
        "dead_topk": both.n_in_top_of_token == 0,
        "dead_train": _dead_train(model),
        "top_tokens": top_tokens(both.top(), subject=subject, windows=windows),
        "n_active_explain": explain.n_active,
        "n_active_score": score.n_active,
    }
    return pd.DataFrame(columns)


def _ranks(scores: np.ndarray) -> pd.Series[int]:
    known = np.flatnonzero(~np.isnan(scores))
    ranks = np.zeros(len(scores), np.int64)
    ranks[known[np.argsort(-scores[known], kind="stable")]] = np.arange(1, len(known) + 1)
    return _or_null(ranks, ranks > 0)


def _duplicates(sketch: FeatureSketch, model: sae.SAE) -> pd.Series[int]:
    import torch

    own = np.arange(sketch.spec.d_sae)
    twins = sae.compare.decoder_twins(model.W_dec, TWIN_COSINE, alive=torch.from_numpy(sketch.n_active > 0)).numpy()
    by_decoder = np.where(twins < 0, own, twins)
    by_windows = same_windows(sketch.top(), context_length=sketch.spec.context_length)
    standing = join_groups([by_decoder, by_windows])
    return _or_null(standing, standing != own)


def _dead_train(model: sae.SAE) -> pd.Series[bool]:
    dead = model.cfg.metadata.dead_train
    if dead is None:
        return pd.Series([None] * model.cfg.d_sae, dtype="boolean")
    flags = np.zeros(model.cfg.d_sae, np.bool_)
    flags[list(dead)] = True
    return pd.Series(flags, dtype="boolean")


def _or_null(values: np.ndarray, known: np.ndarray) -> pd.Series[int]:
    return pd.Series(values, dtype="Int64").where(pd.Series(known))
