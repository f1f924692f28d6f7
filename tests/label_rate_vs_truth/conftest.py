"""The benchmark is imported from the root of the checkout; its rows are made by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pandas as pd
import pytest

from benchmarks.label_rate_vs_truth._findings import KINDS
from benchmarks.label_rate_vs_truth._labelers import LABELERS


def made_row(model: str, sae: str, kind: str, labeler: str, group: str, label: int, verified: int) -> dict[str, object]:
    """Ten features; as many have a label, and as many of these are verified."""
    return {
        "model": model, "sae": sae, "kind": kind, "labeler": labeler, "d_sae": 64, "l0": 4.0,
        "fvu": None if kind == "random_directions" else 0.25, "group": group, "n": 10, "label_k": label, "label_n": 10,
        "verified_k": verified, "verified_n": 10, "robust_k": 0, "robust_n": 0 if kind == "shuffled_labels" else 8,
        "label_verified": verified, "label_only": label - verified, "verified_only": 0, "neither": 10 - label,
    }  # fmt: skip


@pytest.fixture
def made_points() -> pd.DataFrame:
    """Two models of three SAEs: the label rate does not know what is real, the verified rate does."""
    rows = []
    for model in ("one", "two"):
        for number in range(3):
            for labeler in LABELERS:
                label = 10 if labeler == "always" else 6 + number
                for kind in KINDS:
                    verified = 4 + number if kind in {"trained", "control"} else number % 2
                    rows.append(made_row(model, f"sae {number}", kind, labeler, "random", label, verified))
                rows.append(made_row(model, f"sae {number}", "trained", labeler, "top and bottom", 9, 5))
    return pd.DataFrame(rows)
