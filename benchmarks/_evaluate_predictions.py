"""Which findings of the seed systems the evaluation's tables bear out on the bundled model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Row = dict[str, Any]


def predictions(folder: Path) -> list[Row]:
    """Every prediction that the tables under ``results/evaluate`` can tell, in the order of the suites.

    Args:
        folder: With ``demo``, ``penalties``, ``removal``, ``layers`` and ``context``.

    Returns:
        Rows of ``prediction``, ``source``, ``holds`` and the ``numbers`` behind it. A difference holds when it has the
        predicted sign by more than two standard errors.
    """
    return [
        *_features(folder / "demo"),
        *_removal(folder),
        *_penalties(folder / "penalties" / "pareto"),
        *_layers(folder / "layers"),
        *_context(folder / "context" / "context"),
        *_steering(folder / "demo" / "steering"),
    ]


def _row(prediction: str, source: str, holds: bool | None, **numbers: float | str) -> Row:
    kept = {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in numbers.items()}
    return {
        "prediction": prediction,
        "source": source,
        "holds": None if holds is None else bool(holds),
        "numbers": kept,
    }


def _numbers(folder: Path) -> dict[str, dict[str, float]]:
    found = json.loads((folder / "findings.json").read_text(encoding="utf-8"))["numbers"]
    return {
        number["name"]: {
            "value": math.nan if number["value"] is None else number["value"],
            "se": math.nan if number["standard_error"] is None else number["standard_error"],
        }
        for number in found
    }


def _greater(larger: dict[str, float], smaller: dict[str, float]) -> bool:
    return larger["value"] - smaller["value"] > 2 * math.hypot(larger["se"], smaller["se"])


def _features(demo: Path) -> list[Row]:
    density, features = _numbers(demo / "density"), _numbers(demo / "features")
    with_first = features["top_block_occurrence_first_in"]
    without = features["top_block_occurrence_first_out"]
    above = density["share_above_0.1"]["value"]
    return [
        _row("some features fire on more than a tenth of tokens", "Farrell 2024", above > 0, share=above),
        _row(
            "the block of alike features among the most selective vanishes without first positions",
            "Iyer, heat map",
            _greater(with_first, without),
            similarity_with=with_first["value"],
            similarity_without=without["value"],
        ),
    ]


def _removal(folder: Path) -> list[Row]:
    numbers = _numbers(folder / "removal" / "removal")
    at_half = {
        name.removeprefix("ce_difference_at_half_l0_"): number
        for name, number in numbers.items()
        if name.startswith("ce_difference_at_half_l0_")
    }
    curves = pd.read_csv(folder / "removal" / "removal" / "curves.csv")
    whole = curves[curves["rule"] == "none"].iloc[0]
    best = min(at_half, key=lambda name: at_half[name]["value"])
    rise = at_half["global"]["value"] - whole["ce_difference"]
    rows = [
        _row(
            "one cutoff for all loses least when half of the activations go",
            "Riggs Smith and Brinkmann 2024",
            best == "global",
            **{f"added_loss_{name}": number["value"] for name, number in at_half.items()},
        ),
        _row(
            "half of the L0 costs about 0.08 nats by one cutoff",
            "Riggs Smith and Brinkmann 2024",
            rise < 0.16,
            rise=float(rise),
            l0=float(whole["l0"]),
        ),
    ]
    against = folder / "removal" / "removal" / "frequent_against_trained.csv"
    if against.exists():
        first = pd.read_csv(against).iloc[0]
        mse = float(first["mse_difference"] / first["mse_difference_se"])
        loss = float(first["ce_difference_difference"] / first["ce_difference_difference_se"])
        rows.append(
            _row(
                "removing frequent features has more error than training to the same L0, and about the same loss",
                "Marks 2024",
                mse > 2 and abs(loss) <= 2,
                l0=float(first["l0"]),
                mse_difference_in_errors=mse,
                loss_difference_in_errors=loss,
            )
        )
    return rows


def _penalties(folder: Path) -> list[Row]:
    saes, fronts = pd.read_csv(folder / "saes.csv"), pd.read_csv(folder / "fronts.csv")
    rows = []
    for better, worse, error, source in (
        ("sqrt", "l1", "ce_difference", "Riggs Smith and Brinkmann 2024"),
        ("sqrt", "fourth_root", "ce_difference", "Riggs Smith and Brinkmann 2024"),
        ("l0:0.2", "l1", "mse", "Farrell 2024"),
    ):
        rows.append(_front_row(fronts, better, worse, error, source))
    for name, than, source in (("sqrt", "l1", "Riggs Smith and Brinkmann 2024"),):
        medians = {family: _at_same_l0(saes, family, name, than, "median_activation") for family in (name, than)}
        holds = None if any(map(math.isnan, medians.values())) else medians[name] > medians[than]
        rows.append(_row(f"{name} has a higher median activation than {than} at the same L0", source, holds, **medians))
    rare = {family: int(rows_of["n_rare"].min()) for family, rows_of in saes.groupby("family")}
    without, with_term = rare.get("l0:0.2"), rare.get("l0:0.2 + frequency")
    if without is not None and with_term is not None:
        rows.append(
            _row(
                "the frequency term leaves fewer rare features than the L0 approximation alone",
                "Farrell 2024",
                with_term < without,
                rare_without=without,
                rare_with=with_term,
            )
        )
    return rows


def _front_row(fronts: pd.DataFrame, better: str, worse: str, error: str, source: str) -> Row:
    """Whether one family's front lies below another's where both reach, at the middle of the shared L0s."""
    ours, theirs = (
        fronts[(fronts["family"] == name) & (fronts["error"] == error)].dropna() for name in (better, worse)
    )
    low, high = max(ours["l0"].min(), theirs["l0"].min()), min(ours["l0"].max(), theirs["l0"].max())
    sentence = f"{better} lies below {worse} in {error} at the same L0"
    if not low < high:
        return _row(sentence, source, None, reason="their L0s do not overlap")
    middle = (low + high) / 2
    read = {
        f"{name}_{edge}": float(np.interp(middle, rows["l0"], rows[edge]))
        for name, rows in ((better, ours), (worse, theirs))
        for edge in ("low", "value", "high")
    }
    apart = read[f"{better}_high"] < read[f"{worse}_low"]
    other_way = read[f"{worse}_high"] < read[f"{better}_low"]
    return _row(sentence, source, True if apart else False if other_way else None, l0=float(middle), **read)


def _at_same_l0(saes: pd.DataFrame, family: str, one: str, other: str, column: str) -> float:
    """A column of a family at the middle of the L0s that two families share; nan where they share none."""
    ranges = [saes[saes["family"] == name]["l0"] for name in (one, other)]
    low, high = max(l0s.min() for l0s in ranges), min(l0s.max() for l0s in ranges)
    rows = saes[saes["family"] == family].sort_values("l0")
    return float(np.interp((low + high) / 2, rows["l0"], rows[column])) if low < high else math.nan


def _layers(folder: Path) -> list[Row]:
    norms = pd.read_csv(folder / "layers" / "norms.csv")
    layers = pd.read_csv(folder / "layers" / "layers.csv")
    separability = pd.read_csv(folder / "layers" / "separability.csv")
    correlations = pd.read_csv(folder / "layers" / "loss_correlations.csv")
    worst = _numbers(folder / "propagation")
    ratio, joint = worst["error_over_random"], worst["joint_minus_sum"]
    first = norms.iloc[0]
    return [
        _row(
            "norms rise with depth", "Bloom 2024; Riggs", bool(norms["mean_norm"].is_monotonic_increasing),
            first=float(first["mean_norm"]), last=float(norms["mean_norm"].iloc[-1]),
        ),
        _row(
            "the first position's norm is ten to fifty times the others'", "Iyer; GPT-2",
            bool((norms["norm_at_position_0"] > 10 * norms["mean_norm"]).any()),
            largest_ratio=float((norms["norm_at_position_0"] / norms["mean_norm"]).max()),
        ),
        _row(
            "later layers lose more when spliced", "Bloom 2024", bool(layers["ce_difference"].is_monotonic_increasing),
            **_by_hook(layers, "ce_difference"),
        ),
        _row(
            "later layers have a lower L2 ratio", "Bloom 2024", bool(layers["l2_ratio"].is_monotonic_decreasing),
            **_by_hook(layers, "l2_ratio"),
        ),
        _row(
            "tokens that lose much in one layer lose much in the others", "Riggs",
            bool((correlations["spearman"] > 2 * correlations["spearman_se"]).all()),
            smallest_spearman=float(correlations["spearman"].min()),
        ),
        _row(
            "where the worst tokens lie can be told from activations, shuffled tokens not", "Riggs",
            bool((separability["auroc"] - separability["shuffled_auroc"]
                  > 2 * np.hypot(separability["auroc_se"], separability["shuffled_auroc_se"])).all()),
            smallest_auroc=float(separability["auroc"].min()),
            largest_shuffled=float(separability["shuffled_auroc"].max()),
        ),
        _row(
            "an SAE's error does more harm than a random one of the same norm", "Gurnee 2024",
            ratio["value"] - 1 > 2 * ratio["se"], ratio=ratio["value"],
        ),
        _row(
            "SAEs spliced together lose more than the sum of each alone", "Anders and Bloom 2024",
            joint["value"] > 2 * joint["se"], joint_minus_sum=joint["value"],
        ),
    ]  # fmt: skip


def _by_hook(layers: pd.DataFrame, column: str) -> dict[str, float]:
    return {f"{column} {hook}": float(value) for hook, value in zip(layers["hook_point"], layers[column], strict=True)}


def _context(folder: Path) -> list[Row]:
    positions = pd.read_csv(folder / "positions.csv")
    inside, beyond = positions[~positions["beyond"]].iloc[-1], positions[positions["beyond"]]
    if beyond.empty:
        return [_row("splicing loses more beyond the training context", "Anders and Bloom 2024", None)]
    last = beyond.iloc[-1]
    rise = last["ce_difference"] - inside["ce_difference"]
    return [
        _row(
            "splicing loses more beyond the training context", "Anders and Bloom 2024",
            bool(rise > 2 * math.hypot(last["ce_difference_se"], inside["ce_difference_se"])),
            inside=float(inside["ce_difference"]), beyond=float(last["ce_difference"]),
        )
    ]  # fmt: skip


def _steering(folder: Path) -> list[Row]:
    held_out = pd.read_csv(folder / "held_out.csv")
    removed = held_out[held_out["intervention"] == "remove"].iloc[0]
    improving = held_out[held_out["intervention"] != "remove"]["share_improving_score"]
    return [
        _row(
            "few features lower the loss when added, most raise it", "texonom note on steering",
            bool((improving < 0.5).all()),
            largest_share_improving=float(improving.max()),
        ),
        _row(
            "gains of chosen features shrink on held-out text (winner's curse)", "texonom note on steering",
            bool(removed["gain_left"] < 1), gain_left=float(removed["gain_left"]), n_chosen=int(removed["n_chosen"]),
        ),
    ]  # fmt: skip
