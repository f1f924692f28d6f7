"""SAEs of one hook point against each other: fronts of L0 with error and loss, and how strongly features fire.

SAEs of one penalty (of one architecture, where that has none) are one family; a family's front is the lower convex hull
of its SAEs, with bands from the bootstrap over documents, on the same tokens for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from autointerp.evaluate._estimates import TokenMeans
from autointerp.evaluate._figure import new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._reconstruct import decode_sparse
from autointerp.evaluate._setting import Setting, Site
from autointerp.evaluate._splice import added_loss, predict
from autointerp.evaluate._suite import NotMeasurable
from autointerp.evaluate.suites._front import front_at

N_TOKENS = 20_000
"""Every SAE is spliced in for so many tokens at most."""
N_DRAWS = 500
N_ACTIVATIONS = 4_000
"""Tokens whose activations are kept for the histograms, as Riggs Smith and Brinkmann had it."""
ULTRALOW = 1e-5
_ERRORS = {"mse": "mean squared error a dimension", "ce_difference": "added loss (nats a token)"}


@dataclass(frozen=True)
class _Measured:
    """One SAE."""

    site: Site
    family: str
    activations: NDArray[np.float32]
    """Those above zero on the first ``N_ACTIVATIONS`` tokens, [n]."""
    n_rare: int
    """Features that fire on a share of tokens below ``ULTRALOW``, the dead among them."""


def family(site: Site) -> str:
    """The penalty that an SAE was trained with, as far as its config says; else its architecture."""
    training = site.model.cfg.metadata.extra.get("training")
    if site.model.cfg.architecture not in {"standard", "tied"} or not isinstance(training, dict):
        return site.model.cfg.architecture
    return str(training.get("penalty", "l1")) + (" + frequency" if training.get("frequency_coefficient") else "")


@torch.no_grad()
def measure(setting: Setting) -> Findings:
    """Measure."""
    sites = [site for site in setting.sites if site.subject.hook_point == setting.subject.hook_point]
    if len(sites) < 2:
        raise NotMeasurable("A front needs several SAEs of one hook point: name more with --sae, or a sweep's folder.")
    setting, means = setting.smaller(N_TOKENS), TokenMeans()
    errors = [name for name in _ERRORS if name != "ce_difference" or setting.subject.kind == "decoder"]
    measured = _measure_all(setting, sites, means, errors)
    found = Findings()
    found.tables["saes"] = Table(
        pd.DataFrame([_row(one, means, errors) for one in measured]),
        "One row an SAE, all on the same tokens: sparsity, errors with standard errors over documents, the median of "
        f"the activations above zero, and how many features fire on fewer than {ULTRALOW:g} of tokens.",
    )
    fronts = _fronts(measured, means, errors, setting.seed)
    found.tables["fronts"] = Table(
        fronts, "The lower convex hull of each family at a grid of L0, with 95 % bootstrap bands over documents."
    )
    found.pictures["fronts"] = _fronts_picture(measured, means, fronts, errors)
    found.pictures["activations"] = _activations_picture(measured)
    if len(errors) < len(_ERRORS):
        found.notes.append("Loss is left out: the model is an encoder.")
    return found


def _measure_all(setting: Setting, sites: Sequence[Site], means: TokenMeans, errors: Sequence[str]) -> list[_Measured]:
    kept: list[list[NDArray[np.float32]]] = [[] for _ in sites]
    n_active = [torch.zeros(site.model.cfg.d_sae, dtype=torch.int64, device=site.subject.device) for site in sites]
    n_seen = 0
    for batch in setting.batches("pareto"):
        clusters = setting.clusters(batch.rows)
        x = setting.subject.residuals(batch.tokens)[batch.kept]  # [n, d_in]
        original = predict(setting.subject, batch) if "ce_difference" in errors else None
        for number, site in enumerate(sites):
            acts = site.model.encode_sparse(x)
            n_active[number] += torch.bincount(acts.feature, minlength=acts.d_sae)
            kept[number].append(acts.value[acts.row < N_ACTIVATIONS - n_seen].cpu().numpy())
            l0 = torch.bincount(acts.row, minlength=len(x)).double()
            means.add(f"{site.name}|l0", batch.spread(l0), batch.kept, clusters)
            reconstruction = decode_sparse(site.model, acts, x)
            squared = (reconstruction - x).double().square().mean(dim=1)
            means.add(f"{site.name}|mse", batch.spread(squared), batch.kept, clusters)
            if original is not None:
                added = added_loss(setting.subject, batch, reconstruction, original)
                means.add(f"{site.name}|ce_difference", added, original.counts, clusters)
        n_seen += len(x)
    return [
        _Measured(site, family(site), np.concatenate(values), int((active < ULTRALOW * n_seen).sum()))
        for site, values, active in zip(sites, kept, n_active, strict=True)
    ]


def _row(one: _Measured, means: TokenMeans, errors: Sequence[str]) -> dict[str, object]:
    row: dict[str, object] = {"sae": one.site.name, "family": one.family, "d_sae": one.site.model.cfg.d_sae}
    for metric in ("l0", *errors):
        row |= means.mean(f"{one.site.name}|{metric}").columns(metric)
    median = float(np.median(one.activations)) if len(one.activations) else float("nan")
    return {**row, "median_activation": median, "n_rare": one.n_rare}


def _fronts(measured: Sequence[_Measured], means: TokenMeans, errors: Sequence[str], seed: int) -> pd.DataFrame:
    draws = means.resampled(N_DRAWS, seed)
    rows = []
    for name, members in _families(measured).items():
        l0s = [means.mean(f"{one.site.name}|l0").value for one in members]
        grid = np.linspace(min(l0s), max(l0s), 25) if len(l0s) > 1 else np.array(l0s)
        for error in errors:
            centre = front_at(
                _points(members, {key: means.mean(key).value for key in _keys(members, error)}, error), grid
            )
            low, high = _band(np.array([front_at(_points(members, draw, error), grid) for draw in draws]))
            rows += [
                {"family": name, "error": error, "l0": at, "value": value, "low": below, "high": above}
                for at, value, below, above in zip(grid, centre, low, high, strict=True)
            ]
    return pd.DataFrame(rows)


def _keys(members: Sequence[_Measured], error: str) -> list[str]:
    return [f"{one.site.name}|{metric}" for one in members for metric in ("l0", error)]


def _points(members: Sequence[_Measured], means: Mapping[str, float], error: str) -> list[tuple[float, float]]:
    return [(means[f"{one.site.name}|l0"], means[f"{one.site.name}|{error}"]) for one in members]


def _band(fronts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The middle 95 % of fronts, [draws, n] -> [n] each; nan where fewer than half of them reach."""
    low, high = np.full((2, fronts.shape[1]), np.nan)
    reached = np.isfinite(fronts).mean(axis=0) >= 0.5
    if reached.any():  # a family of one SAE has a front only where a draw has its L0
        low[reached], high[reached] = np.nanquantile(fronts[:, reached], (0.025, 0.975), axis=0)
    return low, high


def _families(measured: Sequence[_Measured]) -> dict[str, list[_Measured]]:
    names = dict.fromkeys(one.family for one in measured)
    return {name: [one for one in measured if one.family == name] for name in names}


def _fronts_picture(
    measured: Sequence[_Measured], means: TokenMeans, fronts: pd.DataFrame, errors: Sequence[str]
) -> Picture:
    figure, axes = new_figure(1, len(errors), width=4.3 * len(errors), height=3.9)
    for axis, error in zip(axes[0], errors, strict=True):
        for (name, members), look in zip(_families(measured).items(), series(), strict=False):
            rows = fronts[(fronts["family"] == name) & (fronts["error"] == error)]
            axis.fill_between(rows["l0"], rows["low"], rows["high"], color=look["color"], alpha=0.18, linewidth=0)
            axis.plot(rows["l0"], rows["value"], color=look["color"], linestyle=look["linestyle"])
            l0s, values = ([means.mean(f"{m.site.name}|{metric}").value for m in members] for metric in ("l0", error))
            axis.plot(l0s, values, color=look["color"], marker=look["marker"], linestyle="none", label=name)
        axis.set_xlabel("L0 (features a token)")
        axis.set_ylabel(_ERRORS[error])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return Picture(
        figure,
        "Fronts of sparsity and error",
        "Each mark is an SAE, each line the lower hull of a family with its 95 % band; the family that lies lower at "
        "the L0 you want is the better one there, where the bands are apart.",
    )


def _activations_picture(measured: Sequence[_Measured]) -> Picture:
    families = _families(measured)
    logs = {name: np.log10(np.concatenate([one.activations for one in members])) for name, members in families.items()}
    drawn = {name: values for name, values in logs.items() if len(values)}
    edges = np.histogram_bin_edges(np.concatenate([np.zeros(1), *drawn.values()]), bins=60)
    figure, axes = new_figure()
    for (name, values), look in zip(drawn.items(), series(), strict=False):
        share = np.histogram(values, edges)[0] / len(values)
        label = f"{name} (median {10 ** np.median(values):.3g})"
        axes[0, 0].stairs(share, edges, color=look["color"], linestyle=look["linestyle"], label=label)
    axes[0, 0].set_xlabel("activation above zero, log10")
    axes[0, 0].set_ylabel("share of the family's activations")
    axes[0, 0].legend(fontsize=8)
    return Picture(
        figure,
        "Activations by family",
        f"How strongly features fire, over the first {N_ACTIVATIONS:,} tokens and all SAEs of a family; a penalty that "
        "shrinks less lies further right.",
    )
