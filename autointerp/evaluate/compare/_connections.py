"""Which features of one SAE the features of another are made of, measured on text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from autointerp.errors import UsageError
from autointerp.evaluate._findings import Findings
from autointerp.evaluate._setting import Setting
from autointerp.evaluate._suite import NotMeasurable
from autointerp.evaluate.compare._connected import Connected, report_connections
from sae import SparseActs
from sae.compare import PairMoments, explained, fit_sparse_map

MIN_ACTIVE = 20
"""Tokens of the explain half that a feature must fire on to take part."""
TOKENS_AT_ONCE = 512
"""Encoded at a time."""
ALPHAS = (4e-4, 4e-3, 4e-2, 0.1)
"""Other penalties that are tried for the table of penalties; 4e-4 is the study's, whose units were the activations'."""


@dataclass(frozen=True)
class ConnectionOptions:
    """How features are connected."""

    alpha: float = 0.02
    """Weight of the L1 penalty where every feature has variance 1 (see ``sae.compare.fit_sparse_map``). On the
    bundled model the default explains as much of held-out text as 4e-4 does, with 14 connections instead of 327."""
    max_features: int = 2048
    """Of each SAE, those that fire on the most tokens: the map is solved in memory and time that grow with its
    square."""

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise UsageError(f"--alpha must be above 0, found {self.alpha}.")
        if self.max_features < 1:
            raise UsageError(f"--max-features must be at least 1, found {self.max_features}.")


def measure_connections(setting: Setting, options: ConnectionOptions) -> Findings:
    """Predict the activations of the second SAE's features from the first's, linearly and sparsely (F2 <- F1).

    The map is fitted on the explain half of the text and judged on the score half. Sums of products are streamed; no
    activation is kept.

    Args:
        setting: Two sites: A, and B at the same place or later in the model.
        options: How.

    Raises:
        NotMeasurable: One half of the text is empty, or no feature fires often enough.
    """
    a, b = setting.sites
    splits = np.asarray(setting.windows.split)[setting.rows]
    explain, score = (setting.rows[splits == number] for number in (0, 1))
    if not len(explain) or not len(score):
        raise NotMeasurable("The text that was drawn has no window in one of its halves. Use more --tokens.")
    found = Findings()
    counts = [np.zeros(site.model.cfg.d_sae, dtype=np.int64) for site in (a, b)]
    for acts in _activations(setting, explain, "which features fire"):
        counts = [
            count + np.bincount(one.feature.cpu().numpy(), minlength=len(count))
            for count, one in zip(counts, acts, strict=True)
        ]
    chosen = (
        _choose(counts[0], a.name, options.max_features, found.notes),
        _choose(counts[1], b.name, options.max_features, found.notes),
    )
    fit_on = _moments(setting, explain, chosen, "products, explain half")
    held_out = _moments(setting, score, chosen, "products, score half")
    alphas, path = sorted({options.alpha, *ALPHAS}), {}
    with setting.progress.stage("maps", "penalties") as tick:
        for number, alpha in enumerate(alphas, start=1):
            fitted = fit_sparse_map(fit_on, alpha)
            path[alpha] = np.stack([explained(fitted, held_out), np.count_nonzero(fitted.normalised, axis=0)])
            if alpha == options.alpha:
                best = fitted
            tick(number, len(alphas))
    result = Connected(options.alpha, chosen, counts[1][chosen[1]], best, path, held_out.n)
    report_connections(found, setting, result)
    return found


def _activations(setting: Setting, rows: NDArray[np.int64], stage: str) -> Iterator[tuple[SparseActs, SparseActs]]:
    """Both SAEs' features for the same tokens."""
    a, b = setting.sites
    for batch in setting.batches(stage, rows=rows):
        x = a.subject.residuals(batch.tokens)[batch.kept]
        y = x if b.subject is a.subject else b.subject.residuals(batch.tokens)[batch.kept]
        for left, right in zip(torch.split(x, TOKENS_AT_ONCE), torch.split(y, TOKENS_AT_ONCE), strict=True):
            yield a.model.encode_sparse(left), b.model.encode_sparse(right)


def _choose(n_active: NDArray[np.int64], name: str, at_most: int, notes: list[str]) -> NDArray[np.int64]:
    """Features that fire often enough, the most frequent where there are too many; ascending."""
    alive = np.flatnonzero(n_active >= MIN_ACTIVE)
    if not len(alive):
        raise NotMeasurable(f"No feature of {name} fires on {MIN_ACTIVE} tokens. Use more --tokens.")
    if len(alive) > at_most:
        notes.append(
            f"{name}: the {at_most:,} most frequent of {len(alive):,} live features take part (--max-features)."
        )
        alive = np.sort(alive[np.argsort(-n_active[alive], kind="stable")[:at_most]])
    return alive


def _moments(
    setting: Setting, rows: NDArray[np.int64], chosen: tuple[NDArray[np.int64], NDArray[np.int64]], stage: str
) -> PairMoments:
    total = PairMoments(*chosen)
    for source, target in _activations(setting, rows, stage):
        total.add(source, target)
    return total
