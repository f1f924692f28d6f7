"""Which tokens a feature's direction promotes: measured by steering, and straight through the unembedding."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autointerp.evaluate._setting import Setting
from autointerp.subject import writes_to_stream

N_TOKENS = 8
"""Named on either side."""


def logit_effects(setting: Setting, measured: Mapping[int, NDArray[np.float64]]) -> pd.DataFrame:
    """Name the tokens whose probability a direction moves most.

    Args:
        setting: Model and SAE.
        measured: By feature, mean change of each token's log-probability when a little of it is added, [v].

    Returns:
        A row a feature: ``promoted`` and ``suppressed`` as JSON lists, strongest first; where the hook point is on the
        residual stream also ``promoted_direct`` and ``suppressed_direct``, of the decoder direction times W_U (the last
        norm left out), and ``direct_correlation`` of the two over all tokens.
    """
    subject, W_dec = setting.subject, setting.model.W_dec.detach().float()
    W_U = subject.unembedding() if writes_to_stream(subject.hook_point) else None
    rows = []
    for feature, change in measured.items():
        row: dict[str, object] = {"feature": feature, **_ends(setting, change, "")}
        if W_U is not None and W_U.shape[0] == W_dec.shape[1]:
            direct = (W_dec[feature] @ W_U.float()).double().cpu().numpy()[: len(change)]  # [v]
            row |= _ends(setting, direct, "_direct")
            row["direct_correlation"] = float(np.corrcoef(change, direct)[0, 1])
        rows.append(row)
    return pd.DataFrame(rows)


def _ends(setting: Setting, change: NDArray[np.float64], suffix: str) -> dict[str, object]:
    order = np.argsort(change)
    ends = {"promoted": order[::-1][:N_TOKENS], "suppressed": order[:N_TOKENS]}
    return {
        name + suffix: json.dumps(setting.subject.pieces(ids.tolist()), ensure_ascii=False)
        for name, ids in ends.items()
    }
