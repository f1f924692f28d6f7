"""The tables and pictures of steering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from autointerp.corpus import SPLITS
from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._figure import COLOURS, MARKERS, new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._setting import Setting
from autointerp.evaluate.suites.steering._effects import REMOVE, Effect, Effects
from autointerp.evaluate.suites.steering._held_out import held_out
from autointerp.evaluate.suites.steering._logits import logit_effects
from autointerp.evaluate.suites.steering._sample import Sample

_KIND = {True: "feature", False: "random"}


def frame_of(effects: Sequence[Effect]) -> pd.DataFrame:
    """Effects as rows; ``kind`` is feature or random."""
    return pd.DataFrame(
        {
            "kind": _KIND[effect.feature >= 0],
            "feature": effect.feature,
            "intervention": effect.intervention,
            "half": effect.half,
            **effect.ce_change.columns("ce_change"),
            **effect.kl.columns("kl"),
            "n_tokens": effect.ce_change.n,
        }
        for effect in effects
    )


def add_effects(found: Findings, effects: Sequence[Effect]) -> None:
    """Add how the effects are distributed over features: a table and a picture.

    Args:
        found: Where to.
        effects: All of them.
    """
    score = frame_of(effects).query("half == 'score'")
    rows = []
    for (kind, intervention), group in score.groupby(["kind", "intervention"], sort=False):
        row: dict[str, object] = {"kind": kind, "intervention": intervention, "n": len(group)}
        for column in ("ce_change", "kl"):
            values = group[column].to_numpy()
            error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
            row |= Estimate(float(values.mean()), error, len(values)).columns(f"mean_{column}")
            row |= {f"q{round(100 * q):02d}_{column}": float(np.quantile(values, q)) for q in (0.1, 0.5, 0.9)}
        rows.append(row)
    found.tables["effects"] = Table(
        pd.DataFrame(rows),
        "What adding a direction (add A: A times the mean length of an activation, at every token) or removing a "
        "feature (its part of the reconstruction, where it fires) does to the loss (ce_change) and the predictions "
        "(kl), nats a token on the score half: mean and quantiles over features, and over random directions. Errors "
        "(_se) are over features.",
    )
    added = next(row for row in rows if row["kind"] == "feature" and row["intervention"] != REMOVE)
    found.pictures["effects"] = Picture(
        _distributions(score),
        "Effects of steering and of removal",
        "Each intervention's CE change on the score half, features sorted from the smallest to the largest; open "
        "markers are random directions of the same length. Below zero the model got better. Here a feature at the "
        f"smallest strength ({added['intervention']}) changes the loss by {added['q50_ce_change']:+.3g} nats in the "
        "median.",
    )


def add_held_out(found: Findings, effects: Sequence[Effect]) -> None:
    """Add what is left of the interventions that improve the loss, on text that did not choose them.

    Args:
        found: Where to.
        effects: All of them.
    """
    wide = _wide(frame_of(effects))
    rows, shown_here = [], ""
    for (kind, intervention), group in wide.groupby(["kind", "intervention"], sort=False):
        results = held_out(group["explain"].to_numpy(float), group["score"].to_numpy(float))
        n_chosen = int(((group["explain"] < 0) & group["score"].notna()).sum())
        row: dict[str, object] = {"kind": kind, "intervention": intervention, "n": results["gain_left"].n}
        row["n_chosen"] = n_chosen
        if kind == "feature" and intervention == REMOVE:
            shown_here = (
                f" Here {n_chosen} of {row['n']} removals were chosen; their mean change is "
                f"{results['chosen_explain'].value:+.3g} nats where they were chosen and "
                f"{results['chosen_score'].value:+.3g} on the other half."
            )
        for name, estimate in results.items():
            row |= estimate.columns(name)
        rows.append(row)
        if kind == "feature":
            share = results["share_improving_score"]
            found.number(
                f"share_improving_{str(intervention).replace(' ', '_')}",
                share,
                f"Share of features for which '{intervention}' lowers the loss on the score half; n counts features.",
            )
    found.tables["held_out"] = Table(
        pd.DataFrame(rows),
        "Interventions that lower the loss on the explain half (chosen), and what they do on the score half. "
        "gain_left is the chosen's mean change there over that on the half that chose them: 1 is no shrinkage, 0 says "
        "that the gain was noise, below 0 the opposite came out. Errors (_se) are over features (jackknife; "
        "Agresti and Coull for shares).",
    )
    shown = [name for name in wide["intervention"].unique() if name == REMOVE] + [
        name for name in wide["intervention"].unique() if name != REMOVE
    ][:1]
    found.pictures["held_out"] = Picture(
        _scatter(wide, shown),
        "Improvements on held-out text",
        "Each dot is a feature: its CE change on the half of the text that chooses against that on the other; "
        "triangles are the chosen, which lowered the loss. Gains that are real lie near the diagonal, those that were "
        "noise near the horizontal line." + shown_here,
    )


def add_features(found: Findings, setting: Setting, sample: Sample, effects: Effects) -> None:
    """Add a row a feature, and the tokens that each direction promotes.

    Args:
        found: Where to.
        setting: Model and SAE.
        sample: Features and windows.
        effects: What was run.
    """
    logits = logit_effects(setting, effects.log_probability)
    cells: dict[int, dict[str, float]] = {feature: {} for feature in sample.features}
    for effect in effects.effects:
        if effect.feature >= 0:
            name = f"{effect.intervention.replace(' ', '_')}_{effect.half}"
            cells[effect.feature] |= effect.ce_change.columns(f"{name}_ce_change") | effect.kl.columns(f"{name}_kl")
    facts = pd.DataFrame(
        {"feature": feature, "n_firing": firing.n_tokens, "max_activation": firing.max_activation, **cells[feature]}
        for feature, firing in sample.features.items()
    )
    found.tables["features"] = Table(
        facts.merge(logits, on="feature"),
        f"A row a feature: how often it fires on {sample.n_searched:,} tokens, what each intervention does on each "
        "half of the text (nats a token; errors, _se, over documents), and the tokens whose log-probability rises "
        "and falls most when a little of its direction is added (promoted, suppressed), and those that the direction "
        "times W_U says (_direct).",
    )
    if "direct_correlation" in logits:
        values = logits["direct_correlation"].dropna().to_numpy()
        error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
        found.number(
            "direct_logit_correlation",
            Estimate(float(values.mean()), error, len(values)),
            "Correlation over tokens of a direction's measured effect on log-probabilities with the direction times "
            "W_U, mean over features; low where later blocks turn the direction into something else.",
        )


def _wide(long: pd.DataFrame) -> pd.DataFrame:
    """CE change by half, a row an intervention: columns kind, feature, intervention, explain, score."""
    index = ["kind", "feature", "intervention"]
    halves = {half: rows.set_index(index)["ce_change"] for half, rows in long.groupby("half")}
    return pd.DataFrame({half: halves[half] for half in SPLITS}).reset_index()


def _distributions(score: pd.DataFrame) -> Figure:
    figure, axes = new_figure(width=6.2, height=3.6)
    panel, style = axes[0, 0], series()
    smallest = float(score["ce_change"].abs().median()) or 1e-6
    for name, rows in score.groupby("intervention", sort=False):
        look = next(style)
        for kind, group in rows.groupby("kind"):
            values = np.sort(group["ce_change"].to_numpy())
            at = 100 * (np.arange(len(values)) + 0.5) / len(values)
            every = max(1, len(values) // 8)
            if kind == "feature":
                panel.plot(at, values, label=str(name), markevery=every, **look)
            else:
                panel.plot(at, values, marker=look["marker"], color=look["color"], linestyle="none", mfc="none",
                           markevery=every)  # fmt: skip
    panel.axhline(0, color="#7F7F7F", linewidth=0.8)
    panel.set_yscale("symlog", linthresh=smallest / 10)
    panel.set(xlabel="percent of features", ylabel="CE change (nats/token)")
    panel.legend()
    return figure


def _scatter(wide: pd.DataFrame, interventions: Sequence[str]) -> Figure:
    figure, axes = new_figure(1, len(interventions), width=3.4 * len(interventions), height=3.4)
    for panel, name in zip(axes[0], interventions, strict=True):
        rows = wide[(wide["kind"] == "feature") & (wide["intervention"] == name)].dropna()
        chosen = rows["explain"] < 0
        for number, (label, part) in enumerate({"not chosen": rows[~chosen], "chosen": rows[chosen]}.items()):
            marker = MARKERS[(0, 3)[number]]
            panel.scatter(part["explain"], part["score"], s=14, color=COLOURS[number], marker=marker, label=label)
        panel.axhline(0, color="#7F7F7F", linewidth=0.8)
        panel.axline((0, 0), slope=1, color="#7F7F7F", linewidth=0.8, linestyle="--")
        panel.set(title=name, xlabel="CE change, explain half (nats)", ylabel="CE change, score half (nats)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
