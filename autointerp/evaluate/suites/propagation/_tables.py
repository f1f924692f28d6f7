"""The tables and pictures of propagated errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from autointerp.evaluate._estimates import Estimate
from autointerp.evaluate._figure import COLOURS, from_zero, new_figure, series
from autointerp.evaluate._findings import Findings, Picture, Table
from autointerp.evaluate._places import short_name
from autointerp.evaluate.suites.propagation._pass import JOINT, KINDS, Spliced

LABELS = {"sae": "SAE's error", "random": "random error of the same length"}


def add_propagation(found: Findings, spliced: Spliced) -> None:
    """Add the relative error that each SAE leaves at every later place, beside a random error's.

    Args:
        found: Where to.
        spliced: The pass.
    """
    rows = [
        {
            "sae": name,
            "hook_point": next(site.subject.hook_point for site in spliced.sites if site.name == name),
            "error": kind,
            "read_at": hook_point,
            **means.mean("relative_error").columns("relative_error"),
        }
        for (name, kind, hook_point), means in spliced.errors.items()
    ]
    if not rows:
        found.notes.append("Nothing is read after the last block: give an SAE of an earlier layer for propagation.")
        return
    frame = pd.DataFrame(rows)
    found.tables["propagation"] = Table(
        frame,
        "An SAE spliced in at hook_point, and what that changes at a later place: |change|^2 / |x|^2, mean over "
        "tokens. error is sae, or random: as long an error in a random direction at each token. Errors (_se) are over "
        "documents.",
    )
    last = frame[frame["read_at"] == frame["read_at"].iloc[-1]]
    by_kind = last[last["sae"] == last["sae"].iloc[0]].set_index("error")["relative_error"]
    found.pictures["propagation"] = Picture(
        _curves(frame, spliced),
        "An error on its way through the model",
        "Relative squared change at each later place, with standard errors; open markers are random errors. Where an "
        "SAE's own curve lies above that of a random error of the same length, its error points where the model "
        "listens. Here, at "
        f"{short_name(last['read_at'].iloc[0])}, that of {last['sae'].iloc[0]} is {by_kind['sae']:.3g}, a random one's "
        f"{by_kind['random']:.3g}.",
    )


def add_joint(found: Findings, spliced: Spliced) -> None:
    """Add the loss that each splice costs, and, of several SAEs, all together against the sum of each alone.

    Args:
        found: Where to.
        spliced: The pass.
    """
    names = [site.name for site in spliced.sites]
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        costs = {name: spliced.ce.mean(f"{name} {kind}") for name in names}
        if len(names) > 1:
            costs[JOINT] = spliced.ce.mean(f"{JOINT} {kind}")
            costs["sum of each alone"] = _sum(spliced, kind)
            costs["together minus sum"] = _interaction(spliced, kind)
        rows += [{"error": kind, "spliced": name, **cost.columns("ce_difference")} for name, cost in costs.items()]
    found.tables["splices"] = Table(
        pd.DataFrame(rows),
        "Loss that a splice adds, nats a token, for the SAE and for a random error of the same length in its place; "
        "with several SAEs, for all at once. together minus sum is above zero where errors make each other worse. "
        "Errors (_se) are over documents, of paired differences.",
    )
    first = spliced.sites[0].name
    ratio = spliced.ce.of(
        lambda means: means[f"{first} sae"] / means[f"{first} random"] if means[f"{first} random"] else float("nan"),
        rests_on=f"{first} sae",
    )
    found.number(
        "error_over_random",
        ratio,
        f"CE difference of splicing {first} over that of random errors as long: above 1 the SAE's error is worse than "
        "its length says.",
    )
    if len(names) > 1:
        interaction = _interaction(spliced, "sae")
        found.number("joint_minus_sum", interaction, "CE difference of all SAEs at once minus their sum, nats a token.")
        found.pictures["splices"] = Picture(
            _bars(pd.DataFrame(rows)),
            "SAEs alone and together",
            "Loss added by each splice, with standard errors; hatched bars are random errors of the same length. All "
            f"SAEs at once cost {interaction.value:+.3g} nats against the sum of each alone.",
        )


def add_later_saes(found: Findings, spliced: Spliced) -> None:
    """Add how later SAEs do on the stream that an earlier SAE has changed.

    Args:
        found: Where to.
        spliced: The pass.
    """
    rows = []
    for (name, kind, later), means in spliced.later.items():
        cells: dict[str, Any] = {"sae": name, "error": kind, "later_sae": later}
        for column in ("clean", "perturbed"):
            cells |= means.mean(column).columns(f"error_{column}")
            cells |= means.mean(f"l0_{column}").columns(f"l0_{column}")
        rows.append(cells)
    if rows:
        found.tables["later_saes"] = Table(
            pd.DataFrame(rows),
            "How a later SAE reconstructs what arrives when an earlier one is spliced in (perturbed), beside the "
            "stream as it is (clean): |x - reconstruction|^2 / |x|^2 and features that fire, means over tokens. "
            "Errors (_se) are over documents.",
        )


def _sum(spliced: Spliced, kind: str) -> Estimate:
    def total(means: Mapping[str, Any]) -> float:
        return float(sum(means[f"{site.name} {kind}"] for site in spliced.sites))

    return spliced.ce.of(total, rests_on=f"{JOINT} {kind}")


def _interaction(spliced: Spliced, kind: str) -> Estimate:
    def beyond_sum(means: Mapping[str, Any]) -> float:
        return float(means[f"{JOINT} {kind}"] - sum(means[f"{site.name} {kind}"] for site in spliced.sites))

    return spliced.ce.of(beyond_sum, rests_on=f"{JOINT} {kind}")


def _curves(frame: pd.DataFrame, spliced: Spliced) -> Figure:
    figure, axes = new_figure(width=6.0, height=3.6)
    panel, style = axes[0, 0], series()
    for name, of_one in frame.groupby("sae", sort=False):
        look = next(style)
        for kind, line, face in zip(KINDS, ("-", "--"), (look["color"], "none"), strict=True):
            rows = of_one[of_one["error"] == kind]
            at = [list(spliced.read).index(hook_point) for hook_point in rows["read_at"]]
            panel.errorbar(
                at, rows["relative_error"], yerr=rows["relative_error_se"], label=f"{name}: {LABELS[kind]}",
                **{**look, "linestyle": line, "mfc": face},
            )  # fmt: skip
    shown = sorted({list(spliced.read).index(hook_point) for hook_point in frame["read_at"]})
    panel.set(ylabel="relative squared change", xticks=shown, xlim=(shown[0] - 0.4, shown[-1] + 0.4))
    panel.set_xticklabels([short_name(spliced.read[number]) for number in shown])
    from_zero(panel)
    panel.legend()
    return figure


def _bars(frame: pd.DataFrame) -> Figure:
    figure, axes = new_figure(width=6.4, height=3.4)
    panel = axes[0, 0]
    names = list(dict.fromkeys(frame["spliced"]))
    for number, (kind, hatch) in enumerate(zip(KINDS, ("", "///"), strict=True)):
        rows = frame[frame["error"] == kind].set_index("spliced").loc[names]
        at = np.arange(len(names)) + 0.4 * number - 0.2
        panel.bar(
            at, rows["ce_difference"], 0.36, yerr=rows["ce_difference_se"], color=COLOURS[number], hatch=hatch,
            edgecolor="white", ecolor="#7F7F7F", label=LABELS[kind],
        )  # fmt: skip
    panel.axhline(0, color="#7F7F7F", linewidth=0.8)
    panel.set(ylabel="CE difference (nats/token)", xticks=range(len(names)))
    panel.set_xticklabels(names, rotation=20, ha="right")
    panel.legend()
    return figure
