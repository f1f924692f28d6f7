"""What a feature that fires on a large share of the tokens is about, by rules that need no judgement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._explained import explained_by
from autointerp.evaluate._firings import Firings
from autointerp.run import visible

EVERYWHERE = 0.9
"""Share of the tokens from which on a feature fires on (nearly) all of them."""
EXPLAINED = 0.5
"""Share of the variance of a feature's firing from which on something explains it."""
MIN_TOKEN_COUNT = 5
"""Tokens that occur less often are not named."""
N_NAMED = 5


def classify(
    firings: Firings,
    features: NDArray[np.int64],
    *,
    bos_id: int | None,
    pieces: Callable[[Sequence[int]], list[str]],
) -> pd.DataFrame:
    """Give each feature the first class that fits.

    - ``all but BOS``: fires on at least 90 % of the tokens that count, and on less than half of the BOS tokens.
    - ``every token``: as often, and BOS is no exception, or there is none.
    - ``positional``: the position explains at least half of the variance of its firing (see ``explained_by``).
    - ``after X``: the token before explains at least half, and more than the token itself.
    - ``lexical``: the token itself does.
    - ``unexplained``: nothing of these does.

    Args:
        firings: Activations; tokens that don't count are used for BOS alone.
        features: Which, [m].
        bos_id: The token in front of windows, if there is one.
        pieces: Spells tokens.

    Returns:
        In the order of ``features``: ``feature``, ``class``, ``active_at_bos`` (share of BOS tokens, nan without),
        ``explained_by_position``, ``explained_by_token``, ``explained_by_previous``, ``tokens`` (for ``after X`` the
        most frequent tokens before, for ``lexical`` the most frequent tokens, on most of which it fires).
    """
    counted, active = firings.counted, firings.counted.active[:, features]
    at_bos = (firings.position == 0) & (firings.token == bos_id)
    share = np.asarray(active.mean(axis=0)).ravel()
    by_position, by_token, by_previous = (
        explained_by(active, group) for group in (counted.position, counted.token, counted.previous)
    )
    bos = np.full(len(features), np.nan)
    if at_bos.any():
        bos = np.asarray(firings.active[np.flatnonzero(at_bos)][:, features].mean(axis=0)).ravel()
    rows = []
    for i, feature in enumerate(features.tolist()):
        token, previous = (float(np.nan_to_num(by[i])) for by in (by_token, by_previous))
        named: NDArray[np.int64] | None = None
        if share[i] >= EVERYWHERE:
            kind = "all but BOS" if bos[i] < 0.5 else "every token"
        elif by_position[i] >= EXPLAINED:
            kind = "positional"
        elif max(token, previous) < EXPLAINED:
            kind = "unexplained"
        else:
            kind, named = ("after X", counted.previous) if previous > token else ("lexical", counted.token)
        texts = [] if named is None else pieces(_tokens_fired_on(active[:, [i]].toarray()[:, 0] > 0, named))
        rows.append({"feature": feature, "class": kind, "tokens": " | ".join(map(visible, texts))})
    table = pd.DataFrame(rows)
    table.insert(2, "active_at_bos", bos)
    table.insert(3, "explained_by_position", by_position)
    table.insert(4, "explained_by_token", by_token)
    table.insert(5, "explained_by_previous", by_previous)
    return table


def _tokens_fired_on(active: NDArray[np.bool_], token: NDArray[np.int64]) -> list[int]:
    """The most frequent tokens on (or after) at least half of whose occurrences it fires."""
    ids, row, count = np.unique(token, return_inverse=True, return_counts=True)
    fired = np.bincount(row, weights=active, minlength=len(ids))
    often = np.flatnonzero((fired >= count / 2) & (count >= MIN_TOKEN_COUNT) & (ids >= 0))
    chosen: list[int] = ids[often[np.argsort(-fired[often], kind="stable")][:N_NAMED]].tolist()
    return chosen
