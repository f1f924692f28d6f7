"""The tables of layers: norms of the residual stream, and one row an SAE."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from autointerp.evaluate._figure import from_zero, new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._places import depth, short_name
from autointerp.evaluate.suites.layers._pass import Measured, SiteSums

PANELS = {
    "l0": "L0 (features a token)",
    "fvu": "FVU",
    "ce_difference": "CE difference (nats/token)",
    "l2_ratio": "L2 ratio",
    "dead_share": "share never firing",
}


def add_norms(found: Findings, measured: Measured) -> None:
    """Add the norms of the residual stream after every block: a table and a picture.

    Args:
        found: Where to.
        measured: The pass.
    """
    rows = [
        {
            "hook_point": hook_point,
            **means.mean("counted").columns("mean_norm"),
            **means.mean("all").columns("mean_norm_with_position_0"),
            **means.mean("position_0").columns("norm_at_position_0"),
        }
        for hook_point, means in measured.norms.items()
    ]
    frame = pd.DataFrame(rows)
    times = frame["norm_at_position_0"].iloc[-1] / frame["mean_norm"].iloc[-1]
    found.tables["norms"] = Table(
        frame,
        "Mean length of the residual stream after each block: over the tokens that count, over all real tokens with "
        "position 0 among them, and at position 0 alone. Errors (columns ending in _se) are over documents.",
    )
    figure, axes = new_figure(width=5.2, height=3.2)
    style = series()
    for column, label in (
        ("mean_norm", "tokens that count"),
        ("mean_norm_with_position_0", "all tokens"),
        ("norm_at_position_0", "position 0 alone"),
    ):
        axes[0, 0].errorbar(range(len(frame)), frame[column], yerr=frame[f"{column}_se"], label=label, **next(style))
    axes[0, 0].set(xlabel="residual stream after block", ylabel="mean |x|", yscale="log", xticks=range(len(frame)))
    axes[0, 0].legend()
    found.pictures["norms"] = Picture(
        figure,
        "Length of the residual stream",
        "Mean length after each block, log scale, with standard errors. Where the curves part, position 0 is an "
        f"outlier that SAEs should not be trained on; after the last block it is {times:.1f} times the others.",
    )


def add_sites(found: Findings, measured: Measured) -> None:
    """Add the table of SAEs, and pictures where there are several layers or widths.

    Args:
        found: Where to.
        measured: The pass.
    """
    frame = pd.DataFrame([_row(sums) for sums in measured.sites])
    found.tables["layers"] = Table(
        frame,
        "A row an SAE, in the order of the hook points. FVU: squared reconstruction error over variance; L2 ratio: "
        "length of the reconstruction over the original's; CE difference: loss that splicing in this SAE alone adds, "
        f"nats a token; dead: features that never fired on these {measured.n_tokens:,} tokens. Errors (_se) are over "
        "documents, that of the dead share over features (binomial).",
    )
    columns = {name: label for name, label in PANELS.items() if name in frame}
    layers = sorted(frame["hook_point"].unique(), key=depth)
    if len(layers) > 1:
        worst = frame.iloc[int(frame["fvu"].argmax())]
        found.pictures["layers"] = Picture(
            _panels(frame, columns, layers),
            "SAEs along the model",
            "Each measure against the place in the model, a curve a width, with standard errors: later layers are "
            "usually harder. Here the share of variance unexplained is largest at "
            f"{short_name(str(worst['hook_point']))} ({worst['fvu']:.2f}).",
        )
    else:
        found.notes.append("Give SAEs of several layers (--sae more than once) for curves along the model.")
    several = [layer for layer in layers if len(set(frame.loc[frame["hook_point"] == layer, "d_sae"])) > 1]
    if several:
        found.pictures["widths"] = Picture(
            _widths(frame, several, columns),
            "Width at a layer",
            "Each measure against the number of features, a curve a hook point with SAEs of several widths. A layer "
            "whose curves still fall needs more features than one where they are flat.",
        )


def _row(sums: SiteSums) -> dict[str, object]:
    model, hook_point = sums.site.model, sums.site.subject.hook_point
    dead = int((~sums.fired).sum())
    share = dead / model.cfg.d_sae
    quality = {
        **sums.means.mean("l0").columns("l0"),
        **sums.unexplained.fvu.columns("fvu"),
        **sums.unexplained.l2_ratio.columns("l2_ratio"),
    }
    if sums.means.n("ce_difference"):
        quality |= sums.means.mean("ce_difference").columns("ce_difference")
    return {
        "sae": sums.site.name,
        "hook_point": hook_point,
        "d_sae": model.cfg.d_sae,
        **quality,
        "n_dead": dead,
        "dead_share": share,
        "dead_share_se": math.sqrt(share * (1 - share) / model.cfg.d_sae),
        "n_tokens": sums.unexplained.n,
    }


def _panels(frame: pd.DataFrame, columns: dict[str, str], layers: list[str]) -> Figure:
    figure, axes = new_figure(1, len(columns), width=2.1 * len(columns), height=3.2)
    for panel, (name, label) in zip(axes[0], columns.items(), strict=True):
        style = series()
        for width, rows in frame.groupby("d_sae"):
            at = [layers.index(hook_point) for hook_point in rows["hook_point"]]
            panel.errorbar(at, rows[name], yerr=rows[f"{name}_se"], label=f"{width:,} features", **next(style))
        panel.set(title=label, xticks=range(len(layers)), xlim=(-0.4, len(layers) - 0.6))
        panel.set_xticklabels([short_name(layer) for layer in layers], rotation=60, ha="right")
        from_zero(panel)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _widths(frame: pd.DataFrame, layers: list[str], columns: dict[str, str]) -> Figure:
    figure, axes = new_figure(1, len(columns), width=2.1 * len(columns), height=3.0)
    for panel, (name, label) in zip(axes[0], columns.items(), strict=True):
        style = series()
        for layer in layers:
            rows = frame[frame["hook_point"] == layer]
            panel.errorbar(rows["d_sae"], rows[name], yerr=rows[f"{name}_se"], label=short_name(layer), **next(style))
        widths = sorted(frame.loc[frame["hook_point"].isin(layers), "d_sae"].unique())
        panel.set_xscale("log", base=2)
        panel.set(title=label, xlabel="features", xticks=widths, xticklabels=[f"{width:,}" for width in widths])
        panel.minorticks_off()
        from_zero(panel)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
