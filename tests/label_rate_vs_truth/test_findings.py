"""What the rows say, on rows where it is known."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.label_rate_vs_truth._findings import difference, findings
from benchmarks.label_rate_vs_truth._points import Verdicts, counts


def test_a_rate_that_is_the_same_everywhere_separates_nothing(made_points: pd.DataFrame) -> None:
    separation = findings(made_points)["by_labeler"]["always"]["separation"]["any null run"]
    assert separation["label"]["auroc"]["value"] == 0.5
    assert separation["label"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert separation["verified"]["auroc"]["value"] == 1.0
    assert separation["verified"]["difference"]["low"] > 0


def test_rates_are_over_all_features_of_a_kind(made_points: pd.DataFrame) -> None:
    rates = findings(made_points)["by_labeler"]["rules"]["rates"]
    trained, nothing = rates["trained"], rates["shuffled_activations"]
    assert trained["one"]["label"]["k"] == 6 + 7 + 8
    assert trained["all"]["verified"] | {"low": 0, "high": 0} == {"k": 30, "n": 60, "rate": 0.5, "low": 0, "high": 0}
    assert nothing["all"]["verified"]["k"] == 2
    assert trained["all"]["saes"] == 6


def test_the_difference_pairs_each_sae_with_its_own_nulls(made_points: pd.DataFrame) -> None:
    random = made_points[(made_points["group"] == "random") & (made_points["labeler"] == "rules")]
    real, null = (random[random["kind"] == kind] for kind in ("trained", "random_directions"))
    found = difference(real, null[::-1], "verified")
    assert found is not None
    assert found.value == pytest.approx((0.4 + 0.4 + 0.6) / 3)
    first = null[null["model"] == "one"]
    assert difference(real, first, "verified") == difference(real[real["model"] == "one"], first, "verified")


def test_what_has_no_answers_has_no_figures(made_points: pd.DataFrame) -> None:
    rules = findings(made_points)["by_labeler"]["rules"]
    assert rules["rates"]["shuffled_labels"]["all"]["robust"]["rate"] is None
    assert rules["separation"]["shuffled_labels"]["robust"] == {"auroc": None, "difference": None}


def test_the_selection_is_of_trained_saes(made_points: pd.DataFrame) -> None:
    selection = findings(made_points)["by_labeler"]["rules"]["selection"]
    assert selection["top and bottom"]["all"]["label"]["k"] == 6 * 9
    assert selection["random"]["all"]["label"]["k"] == 2 * (6 + 7 + 8)


def test_verdicts_are_crossed_where_both_are_known() -> None:
    found = counts([
        Verdicts(label=True, verified=True, robust=None),
        Verdicts(label=True, verified=False, robust=False),
        Verdicts(label=False, verified=False, robust=False),
        Verdicts(label=True, verified=None, robust=None),
        Verdicts(label=None, verified=None, robust=None),
    ])  # fmt: skip
    assert {name: found[name] for name in ("label_k", "label_n", "verified_k", "verified_n", "robust_n", "n")} == {
        "label_k": 3, "label_n": 4, "verified_k": 1, "verified_n": 3, "robust_n": 2, "n": 5,
    }  # fmt: skip
    assert [found[name] for name in ("label_verified", "label_only", "verified_only", "neither")] == [1, 1, 0, 1]
