"""What every run says: a row a run, labeler and group of features, with counts of both verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from torch import Tensor

import sae
from autointerp.harvest import load_features
from autointerp.label import POLYSEMANTIC, load_groups, load_label_rows
from autointerp.run import RunDirectory
from autointerp.score import ScoreRow, load_score_rows
from autointerp.score.nulls import SHUFFLED_LABELS
from benchmarks.label_rate_vs_truth._labelers import LABELERS, labelled_by
from benchmarks.label_rate_vs_truth._make import TRAINED, runs_of
from benchmarks.label_rate_vs_truth._quality import activations, fvu

RATES = ("label", "verified", "robust")
CROSSED = ("label_verified", "label_only", "verified_only", "neither")
"""Answers to both: has a label, is verified."""
RANDOM, ENDS = "random", "top and bottom"


@dataclass(frozen=True)
class Verdicts:
    """Of one feature; None where there is no answer."""

    label: bool | None
    """Whether it got one, and not POLYSEMANTIC: what the seed study counts."""
    verified: bool | None
    robust: bool | None


def collect(site: str, folders: dict[str, Path]) -> pd.DataFrame:
    """All rows of a model's SAEs and their nulls.

    Args:
        site: The model's name.
        folders: Name of an SAE -> its folder, finished.

    Returns:
        Columns ``model``, ``sae``, ``kind`` (``trained`` or a null), ``labeler``, ``d_sae``, ``l0``, ``fvu``, ``group``
        and, of each rate, ``..._k`` and ``..._n``; then the counts of ``CROSSED``.
    """
    real = reinitialised = None
    rows = []
    for name, folder in folders.items():
        runs = runs_of(RunDirectory(folder / "run"))
        if real is None or reinitialised is None:
            real, reinitialised = (activations(runs[TRAINED], reinitialised=anew) for anew in (False, True))
        for kind, run in runs.items():
            x = reinitialised if kind == "reinitialised_model" else real
            base = {"model": site, "sae": name, **_described(run, kind, folder, x)}
            for labeler in LABELERS:
                rows += _rows(labelled_by(labeler, run), {**base, "labeler": labeler, "kind": kind})
    return pd.DataFrame(rows)


def _described(run: RunDirectory, kind: str, folder: Path, x: Tensor) -> dict[str, object]:
    """Width, L0 and FVU; random directions reconstruct nothing, and shuffling leaves the SAE as it is."""
    own = run.path / "sae"
    model = sae.load(own if own.exists() else folder)
    return {
        "d_sae": model.cfg.d_sae,
        "l0": round(float(load_features(run)["density"].sum()), 3),
        "fvu": None if kind == "random_directions" else round(fvu(model, x), 4),
    }


def _rows(run: RunDirectory, base: dict[str, object]) -> Iterable[dict[str, object]]:
    scores = {row.feature: row for row in load_score_rows(run)}
    labels = {row.feature: None if row.verdict is None else row.verdict != POLYSEMANTIC for row in load_label_rows(run)}
    groups = load_groups(run)
    (random,) = (ids for name, ids in groups.items() if name.startswith("random:"))
    ends = sorted({one for name, ids in groups.items() if not name.startswith("random:") for one in ids})
    own = {one: Verdicts(labels[one], scores[one].verified, scores[one].robust) for one in labels}
    yield base | {"group": RANDOM} | counts([own[one] for one in random])
    if base["kind"] == TRAINED:
        yield base | {"group": ENDS} | counts([own[one] for one in ends])
        exchanged = [shuffled(labels[one], scores[one]) for one in random]
        yield base | {"kind": SHUFFLED_LABELS, "group": RANDOM} | counts(exchanged)


def shuffled(label: bool | None, row: ScoreRow) -> Verdicts:
    """A feature with another feature's label: it has one where it had one, and it is judged on this feature's contexts.

    Args:
        label: Whether the feature got a label of its own.
        row: Its scores.
    """
    return Verdicts(label, row.shuffled_verified if label else label, None)


def counts(verdicts: Sequence[Verdicts]) -> dict[str, object]:
    """Yes and answers of each rate, and both verdicts crossed over the features that have both."""
    found: dict[str, object] = {"n": len(verdicts)}
    for rate in RATES:
        answers = [answer for answer in (getattr(one, rate) for one in verdicts) if answer is not None]
        found |= {f"{rate}_k": sum(answers), f"{rate}_n": len(answers)}
    both = [(one.label, one.verified) for one in verdicts if None not in {one.label, one.verified}]
    cells = ((True, True), (True, False), (False, True), (False, False))
    return found | {name: both.count(cell) for name, cell in zip(CROSSED, cells, strict=True)}
