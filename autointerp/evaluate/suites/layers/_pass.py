"""One pass over the text: every layer's activations, and every SAE spliced in at its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.linalg import vector_norm

from autointerp.evaluate._estimates import TokenMeans
from autointerp.evaluate._explained_variance import Unexplained, spread
from autointerp.evaluate._places import depth, residual_hook_points
from autointerp.evaluate._reconstruct import reconstruct
from autointerp.evaluate._setting import Batch, Setting, Site
from autointerp.evaluate._splice import added_loss, read_predictions
from autointerp.evaluate.suites.layers._token_losses import TokenLosses


@dataclass
class SiteSums:
    """What is summed for one SAE."""

    site: Site
    means: TokenMeans
    """``l0``, and ``ce_difference`` of a decoder."""
    unexplained: Unexplained
    fired: Tensor
    """Whether each feature fired, bool [d_sae]."""


@dataclass
class Measured:
    """What the pass found."""

    norms: dict[str, TokenMeans]
    """By residual hook point: ``counted``, ``all`` and ``position_0``."""
    sites: list[SiteSums]
    """In the order of their hook points; within one, of their widths."""
    losses: TokenLosses
    n_tokens: int = 0
    """Tokens that count."""


@torch.no_grad()
def pass_over(setting: Setting) -> Measured:
    """Run the model once as it is and once with each SAE, on every batch.

    Args:
        setting: Its sites in any order.
    """
    subject = setting.subject
    ordered = sorted(setting.sites, key=lambda site: (depth(site.subject.hook_point), site.model.cfg.d_sae))
    measured = Measured(
        norms={hook_point: TokenMeans() for hook_point in residual_hook_points(subject)},
        sites=[_start(site) for site in ordered],
        losses=TokenLosses(setting.sites[0].name, setting.seed, len(setting.rows)),
    )
    read = list(dict.fromkeys([*measured.norms, *(site.subject.hook_point for site in ordered)]))
    for batch in setting.batches("along the model"):
        clusters = setting.clusters(batch.rows)
        trace = subject.trace(batch.tokens, read=read)
        measured.n_tokens += int(batch.kept.sum())
        for hook_point, means in measured.norms.items():
            _add_norms(means, trace.activations[hook_point], batch, clusters)
        differences: dict[str, Tensor] = {}
        original = None if trace.logits is None else read_predictions(trace.logits, batch)
        for sums in measured.sites:
            x = trace.activations[sums.site.subject.hook_point][batch.kept]  # [n, d]
            made = reconstruct(sums.site.model, x)
            sums.fired |= made.fired
            sums.unexplained.add(x, made.output, batch.kept, clusters)
            sums.means.add("l0", spread(made.l0, batch.kept), batch.kept, clusters)
            if original is not None:
                difference = added_loss(sums.site.subject, batch, made.output, original)
                sums.means.add("ce_difference", difference, original.counts, clusters)
                differences[sums.site.name] = difference
        if original is not None:
            first = trace.activations[setting.subject.hook_point]
            measured.losses.add(differences, original.counts, clusters, first)
    return measured


def _start(site: Site) -> SiteSums:
    fired = torch.zeros(site.model.cfg.d_sae, dtype=torch.bool, device=site.subject.device)
    return SiteSums(site, TokenMeans(), Unexplained(), fired)


def _add_norms(means: TokenMeans, activation: Tensor, batch: Batch, clusters: NDArray[np.int64]) -> None:
    norm = vector_norm(activation.double(), dim=-1)  # [b, t]
    position = torch.arange(norm.shape[1], device=norm.device)
    real = position < batch.lengths[:, None]
    for name, mask in {"counted": batch.kept, "all": real, "position_0": real & (position == 0)}.items():
        means.add(name, norm, mask, clusters)
