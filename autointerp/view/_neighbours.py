"""The features nearest to a feature: by decoder direction, and by the tokens that they fire on together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from autointerp.harvest import HarvestConfig, batches, counts_mask
from autointerp.run import Tick
from autointerp.view._machine import Machine
from autointerp.view._opened import Opened

N_NEIGHBOURS = 10
N_TOKENS = 20_000
"""Read to see what fires together."""
MIN_TOGETHER = 3
"""Tokens that two features must share to count as neighbours."""
_BLOCK = 256
_BATCH = 16

Neighbours = Mapping[str, list[list[float]]]
"""By feature: other features with a number, the nearest first."""


def by_decoder(machine: Machine, features: Sequence[int], tick: Tick) -> Neighbours:
    """Features whose decoder directions have the largest cosine with a feature's, where that is above 0.

    Args:
        machine: Of which the SAE is asked.
        features: Whose neighbours.
        tick: Told features done of all.

    Raises:
        AutointerpError: The SAE can't be had.
    """
    directions = torch.nn.functional.normalize(machine.sae.W_dec.detach().float(), dim=-1)
    found = {}
    for at in range(0, len(features), _BLOCK):
        block = list(features[at : at + _BLOCK])
        cosine = (directions[block] @ directions.T).cpu().numpy()  # [n, F]
        found.update(_nearest(cosine, block))
        tick(at + len(block), len(features))
    return found


def by_firing(opened: Opened, machine: Machine, features: Sequence[int], tick: Tick) -> Neighbours:
    """Features that fire on the same tokens: of the tokens on which either fires, the share on which both do.

    Args:
        opened: The run, whose windows are read, evenly spread, up to about 20,000 tokens.
        machine: SAE and model.
        features: Whose neighbours.
        tick: Told windows done of all.

    Raises:
        AutointerpError: SAE, model or windows can't be had.
    """
    if not features:
        return {}
    active = _active(opened, machine, tick)
    count = np.asarray(active.sum(axis=0))  # [F]
    found = {}
    for at in range(0, len(features), _BLOCK):
        block = list(features[at : at + _BLOCK])
        both = (active[:, block].T @ active).toarray()  # [n, F]
        either = count[block][:, None] + count[None] - both
        share = np.where(both >= MIN_TOGETHER, both / np.maximum(either, 1), 0.0)
        found.update(_nearest(share, block))
    return found


def _active(opened: Opened, machine: Machine, tick: Tick) -> csr_array:
    """Which features fire on which of some tokens, [tokens, F], 1 where they do."""
    windows, manifest = opened.windows, opened.manifest
    n_windows = max(1, min(windows.n_windows, N_TOKENS // windows.context_length))
    rows = np.unique(np.linspace(0, windows.n_windows - 1, n_windows).astype(np.int64))
    options = manifest.config.get("options")
    config = HarvestConfig(keep_bos=isinstance(options, dict) and bool(options.get("keep_bos")))
    counts = counts_mask(windows, rows, config).ravel()  # [n * t]
    token, feature = [], []
    for number, batch in enumerate(batches(windows, rows, _BATCH)):
        acts = machine.activations(batch.tokens)
        token.append(acts.row.cpu().numpy() + number * batch.tokens.numel())
        feature.append(acts.feature.cpu().numpy())
        tick(min((number + 1) * _BATCH, len(rows)), len(rows))
    where, what = np.concatenate(token), np.concatenate(feature)
    kept = where < len(counts)  # the last batch is filled up with copies
    kept[kept] = counts[where[kept]]
    ones = np.ones(int(kept.sum()), np.float32)
    return csr_array((ones, (where[kept], what[kept])), shape=(len(counts), machine.sae.cfg.d_sae))


def _nearest(score: NDArray[np.floating], block: Sequence[int]) -> dict[str, list[list[float]]]:
    """The largest positive scores of each row, [n, F], a feature's own left out."""
    score = np.array(score, np.float64)
    score[np.arange(len(block)), block] = 0.0
    found = {}
    for feature, row in zip(block, score, strict=True):
        best = np.argsort(-row, kind="stable")[:N_NEIGHBOURS]
        found[str(feature)] = [[int(other), float(row[other])] for other in best if row[other] > 0]
    return found
