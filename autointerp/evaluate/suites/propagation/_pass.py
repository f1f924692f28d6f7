"""One pass over the text: each SAE spliced in alone, all of them together, and random errors in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import sae
from autointerp.evaluate._controls import random_error
from autointerp.evaluate._estimates import TokenMeans
from autointerp.evaluate._explained_variance import spread
from autointerp.evaluate._places import depth, residual_hook_points
from autointerp.evaluate._reconstruct import reconstruct
from autointerp.evaluate._setting import Batch, Setting, Site
from autointerp.evaluate._splice import Replace, on_kept, read_predictions

Kind = Literal["sae", "random"]
KINDS: tuple[Kind, ...] = ("sae", "random")
JOINT = "all together"
"""Stands for the name of an SAE where all are spliced in."""


@dataclass
class Spliced:
    """What was summed."""

    sites: Sequence[Site]
    """In the order of the model, at most one a hook point."""
    read: Sequence[str]
    """Hook points that were read, in order."""
    ce: TokenMeans = field(default_factory=TokenMeans)
    """CE differences: ``NAME KIND``, and ``all together KIND`` where there are several SAEs."""
    errors: dict[tuple[str, Kind, str], TokenMeans] = field(default_factory=dict)
    """By SAE, kind and later hook point: ``relative_error``."""
    later: dict[tuple[str, Kind, str], TokenMeans] = field(default_factory=dict)
    """By SAE, kind and later SAE: ``clean`` and ``perturbed``, its error on the stream as it is and as it arrives;
    ``l0_clean`` and ``l0_perturbed``."""
    n_tokens: int = 0


@dataclass(frozen=True)
class _Change:
    """One batch as it is, and with a splice."""

    clean: Mapping[str, Tensor]
    """By hook point, [b, t, d]."""
    perturbed: Mapping[str, Tensor]
    batch: Batch
    clusters: NDArray[np.int64]


@torch.no_grad()
def pass_over(setting: Setting, sites: Sequence[Site]) -> Spliced:
    """Run the model as it is, and with every splice.

    Args:
        setting: Text.
        sites: In the order of the model, at most one a hook point.
    """
    subject = setting.subject
    places = [site.subject.hook_point for site in sites]
    read = sorted({*residual_hook_points(subject), *places}, key=depth)
    spliced = Spliced(sites, read)
    generator = torch.Generator().manual_seed(setting.seed)
    replacements: dict[Kind, dict[str, Replace]] = {
        "sae": {site.name: _reconstruction(site.model) for site in sites},
        "random": {site.name: random_error(site.model, generator) for site in sites},
    }
    for batch in setting.batches("error propagation"):
        clusters = setting.clusters(batch.rows)
        clean = subject.trace(batch.tokens, read=read)
        assert clean.logits is not None
        original = read_predictions(clean.logits, batch)
        spliced.n_tokens += int(batch.kept.sum())
        for kind in KINDS:
            runs = {site.name: [site] for site in sites} | ({JOINT: list(sites)} if len(sites) > 1 else {})
            for name, together in runs.items():
                patches = {site.subject.hook_point: on_kept(batch, replacements[kind][site.name]) for site in together}
                trace = subject.trace(batch.tokens, read=read, patches=patches)
                assert trace.logits is not None
                difference = read_predictions(trace.logits, batch).loss - original.loss
                spliced.ce.add(f"{name} {kind}", difference, original.counts, clusters)
                if name != JOINT:
                    change = _Change(clean.activations, trace.activations, batch, clusters)
                    _add_errors(spliced, together[0], kind, change)
    return spliced


def _reconstruction(model: sae.SAE) -> Replace:
    return lambda x: reconstruct(model, x).output


def _add_errors(spliced: Spliced, site: Site, kind: Kind, change: _Change) -> None:
    """Add what one spliced SAE does to every later place, and to the SAEs there."""
    here, kept, clusters = depth(site.subject.hook_point), change.batch.kept, change.clusters
    for hook_point in spliced.read:
        if depth(hook_point) > here:
            means = spliced.errors.setdefault((site.name, kind, hook_point), TokenMeans())
            clean = change.clean[hook_point]
            means.add("relative_error", _relative(change.perturbed[hook_point] - clean, clean), kept, clusters)
    for other in spliced.sites:
        there = other.subject.hook_point
        if depth(there) > here:
            means = spliced.later.setdefault((site.name, kind, other.name), TokenMeans())
            for stream, activations in {"clean": change.clean, "perturbed": change.perturbed}.items():
                x = activations[there][kept]  # [n, d]
                made = reconstruct(other.model, x)
                means.add(stream, spread(_relative(made.output - x, x), kept), kept, clusters)
                means.add(f"l0_{stream}", spread(made.l0, kept), kept, clusters)


def _relative(error: Tensor, x: Tensor) -> Tensor:
    """``|error|^2 / |x|^2`` of each token, [..., d] -> [...]; 0 where both are zero."""
    return error.double().square().sum(dim=-1) / x.double().square().sum(dim=-1).clamp_min(1e-30)
