"""From the rows to what they say: rates by kind, separation of real from null, agreement of the two verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from autointerp.score.nulls import CONTROL, NULLS, SHUFFLED_LABELS
from autointerp.stats import homogeneity, paired_bootstrap, wilson
from benchmarks.label_rate_vs_truth._labelers import LABELERS
from benchmarks.label_rate_vs_truth._make import TRAINED
from benchmarks.label_rate_vs_truth._points import CROSSED, ENDS, RANDOM, RATES
from benchmarks.label_rate_vs_truth._statistics import Estimate, auroc, spearman

Json = dict[str, Any]

NULL_RUNS = tuple(name for name in NULLS if name not in {SHUFFLED_LABELS, CONTROL})
KINDS = (TRAINED, CONTROL, SHUFFLED_LABELS, *NULL_RUNS)
"""The real ones first."""
CONTRASTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "any null run": (TRAINED, NULL_RUNS),
    **{name: (TRAINED, (name,)) for name in (SHUFFLED_LABELS, *NULL_RUNS)},
    f"frozen_random_decoder, against {CONTROL}": (CONTROL, ("frozen_random_decoder",)),
    f"reinitialised_model, against {CONTROL}": (CONTROL, ("reinitialised_model",)),
}
"""Name -> real kind and nulls. The control is trained as these two nulls are, which trained SAEs are not."""


def findings(points: pd.DataFrame) -> Json:
    """All figures.

    Args:
        points: As ``collect`` gives them, of any models.
    """
    random = points[points["group"] == RANDOM]
    return {
        "n_saes": {str(model): int(part["sae"].nunique()) for model, part in points.groupby("model", sort=False)},
        "by_labeler": {
            labeler: _of_labeler(random[random["labeler"] == labeler], points[points["labeler"] == labeler])
            for labeler in LABELERS
        },
    }


def _of_labeler(random: pd.DataFrame, points: pd.DataFrame) -> Json:
    real = random[random["kind"] == TRAINED]
    null = random[random["kind"].isin(NULL_RUNS)]
    return {
        "rates": {kind: by_model(random[random["kind"] == kind]) for kind in KINDS},
        "separation": {name: _separation(random, *sides) for name, sides in CONTRASTS.items()},
        "correlation": {
            model: _estimate(spearman(share(part, "label"), share(part, "verified")))
            for model, part in _models(real[(real["label_n"] > 0) & (real["verified_n"] > 0)])
        },
        "one_rate_for_all": {rate: _homogeneity(real, rate) for rate in RATES},
        "crossed": {"trained": _crossed(real), "any null run": _crossed(null)},
        "selection": {
            group: by_model(points[(points["kind"] == TRAINED) & (points["group"] == group)])
            for group in (ENDS, RANDOM)
        },
    }


def by_model(points: pd.DataFrame) -> Json:
    """Rates over the features of all SAEs of a model, and of all models."""
    return {model: {"saes": len(part), **{rate: rate_of(part, rate) for rate in RATES}}
            for model, part in _models(points)}  # fmt: skip


def _models(points: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = [(str(model), part) for model, part in points.groupby("model", sort=False)]
    return [*parts, ("all", points)]


def rate_of(points: pd.DataFrame, rate: str) -> Json:
    """Yes of answers, with Wilson's interval."""
    k, n = int(points[f"{rate}_k"].sum()), int(points[f"{rate}_n"].sum())
    interval = wilson(k, n)
    return {"k": k, "n": n, "rate": _rounded(k / n) if n else None,
            "low": _rounded(interval.low), "high": _rounded(interval.high)}  # fmt: skip


def share(points: pd.DataFrame, rate: str) -> list[float]:
    """The rate of each row that has answers."""
    answered = points[points[f"{rate}_n"] > 0]
    return [float(value) for value in answered[f"{rate}_k"] / answered[f"{rate}_n"]]


def _separation(random: pd.DataFrame, real: str, nulls: Sequence[str]) -> Json:
    real_rows = random[random["kind"] == real]
    null_rows = random[random["kind"].isin(nulls)]
    return {
        rate: {
            "auroc": _estimate(auroc(share(real_rows, rate), share(null_rows, rate))),
            "difference": _estimate(difference(real_rows, null_rows, rate)),
        }
        for rate in RATES
    }


def difference(real: pd.DataFrame, null: pd.DataFrame, rate: str) -> Estimate | None:
    """Mean over SAEs of its rate minus that of its own nulls, with a bootstrap interval over SAEs."""
    means = []
    for rows in (real, null):
        answered = rows[rows[f"{rate}_n"] > 0]
        shares = answered[f"{rate}_k"] / answered[f"{rate}_n"]
        means.append(shares.groupby([answered["model"], answered["sae"]]).mean())
    paired = (means[0] - means[1]).dropna().tolist()
    if not paired:
        return None
    return Estimate(sum(paired) / len(paired), *paired_bootstrap(paired))


def _homogeneity(points: pd.DataFrame, rate: str) -> Json | None:
    answered = points[points[f"{rate}_n"] > 0]
    if len(answered) < 2:
        return None
    found = homogeneity(answered[f"{rate}_k"].tolist(), answered[f"{rate}_n"].tolist())
    return {"chi2": round(found.chi2, 2), "df": found.df, "p": float(f"{found.p:.2g}")}


def _crossed(points: pd.DataFrame) -> Json:
    return {name: int(points[name].sum()) for name in CROSSED}


def _estimate(found: Estimate | None) -> Json | None:
    return None if found is None else {name: _rounded(value) for name, value in found._asdict().items()}


def _rounded(value: float) -> float:
    return round(value, 4)
