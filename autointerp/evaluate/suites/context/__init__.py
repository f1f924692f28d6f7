"""How an SAE does by position, inside the context that it was trained with and beyond.

After Anders and Bloom, "Examining Language Model Performance with Reconstructed Activations" (2024).
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from autointerp.evaluate._estimates import TokenMeans
from autointerp.evaluate._explained_variance import Unexplained
from autointerp.evaluate._figure import from_zero, new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._places import depth
from autointerp.evaluate._reconstruct import reconstruct
from autointerp.evaluate._setting import Setting, Site
from autointerp.evaluate._splice import added_loss, read_predictions
from autointerp.evaluate.suites.context._long_windows import join_windows

__all__ = ["measure"]

TOKENS = 30_000
"""Enough for a dozen buckets; each SAE costs a forward pass over them."""
MOST_CONTEXTS = 8
"""Windows reach at most so many times as far as the training's."""
MIN_WINDOWS = 10
"""Fewer long windows than that say nothing; shorter ones are tried then."""
BATCH_TOKENS = 4096
"""Of a model call."""


@dataclass
class Bucket:
    """Sums over the tokens at some positions."""

    low: int
    """First position, BOS being 0."""
    high: int
    """First position that is not in it."""
    unexplained: Unexplained = field(default_factory=Unexplained)
    means: TokenMeans = field(default_factory=TokenMeans)
    """``ce_original`` and ``ce_difference`` of a decoder."""


def measure(setting: Setting) -> Findings:
    """Measure."""
    found, rows = Findings(), []
    for site in sorted(setting.sites, key=lambda site: depth(site.subject.hook_point)):
        trained = min(site.model.cfg.metadata.context_size or setting.windows.context_length, site.subject.max_context)
        there = _reaching_beyond(setting, trained, found, site)
        buckets = [Bucket(low, high) for low, high in _edges(trained, there)]
        parts = {"inside": Bucket(0, trained), "beyond": Bucket(trained, max(trained, there.windows.context_length))}
        _fill([*buckets, *parts.values()], there, site)
        if site is setting.sites[0]:
            _add_numbers(found, parts)
        rows += [_row(site, bucket, trained) for bucket in buckets if bucket.unexplained.n]
    frame = pd.DataFrame(rows)
    found.tables["positions"] = Table(
        frame,
        "Each SAE by the position of the token in its window (BOS is position 0): FVU among the tokens of the bucket, "
        "the model's own loss, and what splicing the SAE in at every token that counts adds to it, nats a token. "
        "beyond: past the context length that the SAE was trained with. Errors (_se) are over documents.",
    )
    found.pictures["positions"] = Picture(_curves(frame), "Position in the window", _reading(frame))
    return found


def _reaching_beyond(setting: Setting, trained: int, found: Findings, site: Site) -> Setting:
    """The same evaluation on the longest windows that there is text for, if any is longer than the training's."""
    length, why = min(site.subject.max_context, MOST_CONTEXTS * trained), "the model takes no longer window"
    while length > trained:
        longer = join_windows(setting.windows, length)
        if longer is not None and longer.n_windows >= MIN_WINDOWS:
            batch = max(1, BATCH_TOKENS // length)
            return dataclasses.replace(setting, windows=longer, batch_windows=batch).smaller(TOKENS)
        why = f"fewer than {MIN_WINDOWS} pieces of {length} tokens could be cut from the documents of this text"
        length = length // 2
    found.notes.append(f"{site.name}: nothing beyond its training context of {trained} tokens was measured: {why}.")
    return setting.smaller(TOKENS)


def _edges(trained: int, setting: Setting) -> list[tuple[int, int]]:
    """Buckets that double from 8 positions on, with a border where the training context ends."""
    length = setting.windows.context_length
    doubling = [0] + [8 * 2**power for power in range(32) if 8 * 2**power < length]
    borders = sorted({*doubling, min(trained, length), length})
    return list(itertools.pairwise(borders))


@torch.no_grad()
def _fill(buckets: list[Bucket], setting: Setting, site: Site) -> None:
    subject, hook_point = site.subject, site.subject.hook_point
    for batch in setting.batches(f"positions, {site.name}"):
        clusters = setting.clusters(batch.rows)
        trace = subject.trace(batch.tokens, read=[hook_point])
        x = trace.activations[hook_point][batch.kept]  # [n, d]
        output = reconstruct(site.model, x).output
        position = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
        losses: dict[str, Tensor] = {}
        if trace.logits is not None:
            original = read_predictions(trace.logits, batch)
            losses = {"ce_original": original.loss, "ce_difference": added_loss(subject, batch, output, original)}
        for bucket in buckets:
            among = batch.kept & (position >= bucket.low) & (position < bucket.high)
            bucket.unexplained.add(x, output, batch.kept, clusters, among)
            for name, values in losses.items():
                bucket.means.add(name, values, among[:, :-1] & original.counts, clusters)


def _add_numbers(found: Findings, parts: dict[str, Bucket]) -> None:
    for name, bucket in parts.items():
        where = f"{name} the context length that the SAE was trained with"
        if bucket.unexplained.n:
            found.number(f"fvu_{name}", bucket.unexplained.fvu, f"Fraction of variance unexplained {where}.")
        if bucket.means.n("ce_difference"):
            cost = bucket.means.mean("ce_difference")
            found.number(f"ce_difference_{name}", cost, f"Loss that splicing adds {where}, nats a token.")


def _row(site: Site, bucket: Bucket, trained: int) -> dict[str, object]:
    cells: dict[str, object] = {
        "sae": site.name,
        "hook_point": site.subject.hook_point,
        "trained_context": trained,
        "first_position": bucket.low,
        "last_position": bucket.high - 1,
        "beyond": bucket.low >= trained,
        **bucket.unexplained.fvu.columns("fvu"),
    }
    for name in ("ce_original", "ce_difference"):
        if bucket.means.n(name):
            cells |= bucket.means.mean(name).columns(name)
    return cells | {"n_tokens": bucket.unexplained.n}


def _reading(frame: pd.DataFrame) -> str:
    reading = (
        "Each SAE's error by position, with standard errors; a vertical line marks the end of the context that it was "
        "trained with. Reconstructions may fail beyond that line, where positions are new to the SAE."
    )
    measure = "ce_difference" if "ce_difference" in frame else "fvu"
    first = frame[frame["sae"] == frame["sae"].iloc[0]]
    beyond, inside = first[first["beyond"]], first[~first["beyond"]]
    if len(beyond) and len(inside):
        last, before = beyond[measure].iloc[-1], inside[measure].iloc[-1]
        reading += f" Here {first['sae'].iloc[0]}'s {measure} is {before:.3g} in its last bucket inside and {last:.3g} "
        reading += "in the last one beyond."
    return reading


def _curves(frame: pd.DataFrame) -> Figure:
    panels = {
        "fvu": "FVU",
        "ce_original": "CE of the model (nats/token)",
        "ce_difference": "CE difference (nats/token)",
    }
    shown = {name: label for name, label in panels.items() if name in frame}
    figure, axes = new_figure(1, len(shown), width=3.0 * len(shown) + 0.6, height=3.2)
    for panel, (name, label) in zip(axes[0], shown.items(), strict=True):
        style = series()
        for sae, rows in frame.groupby("sae", sort=False):
            middle = np.sqrt((rows["first_position"] + 1) * (rows["last_position"] + 1))
            line = panel.errorbar(middle, rows[name], yerr=rows[f"{name}_se"], label=str(sae), **next(style))
            panel.axvline(rows["trained_context"].iloc[0], color=line[0].get_color(), linewidth=0.8, linestyle=":")
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter("{x:.0f}")
        panel.set(title=label, xlabel="position in the window")
        from_zero(panel)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
