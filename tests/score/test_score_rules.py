"""The whole stage with rules as labeler and judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from autointerp.errors import UsageError
from autointerp.harvest import Context
from autointerp.label import label_features, load_label_rows
from autointerp.label._row import write_labels
from autointerp.run import RunDirectory
from autointerp.score import estimate_run, load_score_rows, load_scores, score_features, summarise, write_summary

Maker = Callable[..., RunDirectory]
KEYS = {
    *("schema_version", "run", "sae", "model", "hook_point", "n_tokens", "n_features", "n_alive", "dead", "groups"),
    *("nulls", "cost_usd", "tokens_in", "tokens_out", "seconds"),
}


@pytest.fixture
def scored(make_run: Maker, planted: dict[int, list[Context]]) -> RunDirectory:
    run = make_run(planted, {"top6": range(6), "random:8": range(8)})
    label_features(run, llm="rules")
    score_features(run, llm="rules")
    return run


def test_perfect_rules_are_perfect_and_verified(scored: RunDirectory) -> None:
    for row in load_score_rows(scored)[:6]:
        assert (row.outcome, row.scored, row.balanced_accuracy, row.mcc, row.f1) == ("ok", True, 1.0, 1.0, 1.0)
        assert row.ba_low is not None
        assert 0.85 < row.ba_low < row.ba_high == 1.0
        assert (row.verified, row.robust, row.bottom_verdict, row.d0_hits, row.d0_n) == (True, True, "pass", 6, 6)


def test_only_what_knows_more_than_the_token_is_beyond_it(scored: RunDirectory) -> None:
    rows = load_score_rows(scored)
    assert rows[0].floor_token_identity == 1.0
    assert rows[0].beyond_token is False
    assert rows[4].beyond_token is True


def test_polysemantic_is_not_asked_about_and_counts_as_no(scored: RunDirectory) -> None:
    for row in load_score_rows(scored)[6:]:
        assert (row.outcome, row.scored, row.verified, row.robust) == ("ok", False, False, False)
        assert (row.tp, row.balanced_accuracy, row.shuffled_from, row.bottom_verdict) == (None, None, None, None)


def test_shuffled_labels_tell_nothing(scored: RunDirectory) -> None:
    rows = load_score_rows(scored)[:6]
    assert sorted(row.shuffled_from for row in rows) == list(range(6))
    assert all(row.shuffled_from != row.feature and not row.shuffled_verified for row in rows)
    assert sum(row.shuffled_ba for row in rows) / 6 == pytest.approx(0.5, abs=0.1)


def test_the_summary_has_the_contracts_keys(scored: RunDirectory) -> None:
    summary = json.loads(scored.summary.read_text(), parse_constant=pytest.fail)
    assert set(summary) >= KEYS
    assert list(summary["groups"]) == ["top6", "random:8"]
    group = summary["groups"]["random:8"]
    assert (group["n"], group["n_ok"], group["n_failed"], group["n_polysemantic"]) == (8, 8, 0, 2)
    for name in ("label", "verified", "robust"):
        assert (group["rates"][name]["k"], group["rates"][name]["n"]) == (6, 8)
        assert group["rates"][name]["worst_low"] == group["rates"][name]["worst_high"] == 0.75
    assert group["detection"]["mean"] == 1.0
    assert group["detection"]["floor"] == summary["nulls"]["shuffled"]["floor"] >= 0.5
    assert group["bottom_decile"]["pass_rate"] == 1.0
    assert summary["nulls"]["shuffled"]["verified"]["k"] == 0
    assert summary["nulls"]["shuffled"]["groups"]["top6"]["verified"]["n"] == 6
    assert (summary["n_features"], summary["n_alive"]) == (9, 8)
    assert summary["dead"] == {"never": 1, "threshold": 0, "topk": 9, "train": None}
    assert summary["cost_usd"] == 0.0


def test_recall_by_decile_and_specificity(scored: RunDirectory) -> None:
    group = json.loads(scored.summary.read_text())["groups"]["top6"]
    assert [(one["decile"], one["k"], one["n"]) for one in group["deciles"]] == [
        ("d0", 36, 36),
        *((f"d{i}", 12, 12) for i in range(1, 10)),
    ]
    assert 0.9 < group["deciles"][0]["low"] < group["deciles"][0]["high"] == 1.0
    assert (group["below_10pct_of_max"]["k"], group["below_10pct_of_max"]["n"]) == (12, 12)
    assert [(kind, one["k"], one["n"]) for kind, one in group["specificity"].items()] == [
        ("random", 48, 48),
        ("hard", 48, 48),
    ]
    assert group["floors"]["none"] == 0.5
    assert 0.5 < group["floors"]["token_identity"]["mean"] < 1.0
    assert group["floors"]["position"]["mean"] == pytest.approx(0.5, abs=0.1)
    assert group["scorers"] == {}


def test_what_the_bottom_check_takes_away(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    """A label of the strong half alone is verified; asking for the weak ones, too, takes it away."""
    contexts = {feature: planted[feature] for feature in (0, 1, 5)}
    weak = {"d0", "d1", "below_10pct_of_max"}
    contexts[0] = [
        replace(one, tokens=("x",) * len(one.tokens)) if one.stratum in weak and one.split == "score" else one
        for one in contexts[0]
    ]
    run = make_run(contexts)
    label_features(run, llm="rules")
    row = score_features(run, llm="rules").iloc[0]
    assert (row["verified"], row["robust"], row["d0_hits"], row["below10_hits"]) == (True, False, 0, 0)
    assert [list(row["decile_hits"]), list(row["decile_n"])] == [[0, 0] + [2] * 8, [6] + [2] * 9]
    group = json.loads(run.summary.read_text())["groups"]["ids"]
    applied = group["bottom_decile"]["applied"]
    assert [(applied[name]["k"], applied[name]["n"]) for name in ("verified", "robust", "lost")] == [
        (3, 3),
        (2, 3),
        (1, 3),
    ]
    assert (group["deciles"][0]["k"], group["deciles"][0]["n"]) == (12, 18)
    assert (group["bottom_below_10pct_of_max"]["k"], group["bottom_below_10pct_of_max"]["n"]) == (2, 3)


def test_again_gives_the_same_bytes(scored: RunDirectory) -> None:
    files = scored.scores, scored.scores_csv
    before, summary = [file.read_bytes() for file in files], summarise(scored)
    score_features(scored, llm="rules")
    assert [file.read_bytes() for file in files] == before
    assert summarise(scored) | {"seconds": 0} == summary | {"seconds": 0}


def test_the_csv_has_words_numbers_and_blanks(scored: RunDirectory) -> None:
    lines = scored.scores_csv.read_text().splitlines()
    assert lines[0].startswith("feature,outcome,scored,tp,fn,tn,fp,balanced_accuracy,ba_low,ba_high,mcc,f1,floor_none")
    assert lines[1].startswith("0,ok,true,")
    assert lines[7].startswith("6,ok,false,,,,,,")
    assert "reason" not in lines[0]


def test_the_stage_is_recorded(scored: RunDirectory) -> None:
    manifest = scored.read_manifest()
    assert manifest.judge is not None
    assert manifest.judge.provider == "rules"
    assert scored.is_done("scores")


def test_permuted_labels_are_at_chance(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    run = make_run({feature: planted[feature] for feature in range(6)})
    label_features(run, llm="rules")
    rows = load_label_rows(run)
    permuted = [replace(row, label=rows[i - 1].label, rule=rows[i - 1].rule) for i, row in enumerate(rows)]
    write_labels(run, permuted)
    scores = score_features(run, llm="rules")
    assert scores["balanced_accuracy"].mean() == pytest.approx(0.5, abs=0.12)
    assert not scores["verified"].any()
    assert json.loads(run.summary.read_text())["groups"]["ids"]["rates"]["verified"]["k"] == 0


def test_few_lowest_decile_contexts_are_untestable(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    contexts = {f: planted[f] for f in (0, 2, 6)}
    contexts[0] = [one for one in contexts[0] if one.stratum != "d0" or one.split == "explain"]
    run = make_run(contexts)
    label_features(run, llm="rules")
    frame = score_features(run, llm="rules").set_index("feature")
    assert frame.loc[0, "bottom_verdict"] == "untestable"
    assert frame["robust"].isna().tolist() == [True, False, False]
    group = json.loads(run.summary.read_text())["groups"]["ids"]
    assert group["n_untestable"] == 1
    assert (group["rates"]["robust"]["k"], group["rates"]["robust"]["n"]) == (1, 2)
    assert (group["rates"]["verified"]["k"], group["rates"]["verified"]["n"]) == (2, 3)


def test_nothing_to_test_on_is_a_failure_not_a_verdict(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    contexts = {0: [one for one in planted[0] if one.split == "explain"], 1: planted[1], 2: planted[2]}
    run = make_run(contexts)
    label_features(run, llm="rules")
    row = score_features(run, llm="rules").iloc[0]
    assert row["outcome"] == "error"
    assert "fires in 0" in row["reason"]
    verified = json.loads(run.summary.read_text())["groups"]["ids"]["rates"]["verified"]
    assert (verified["k"], verified["n"], verified["worst_low"], verified["worst_high"]) == (2, 2, 2 / 3, 1.0)


def test_a_summary_can_come_before_the_scores(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    run = make_run({0: planted[0]})
    with pytest.raises(UsageError, match="no labels"):
        score_features(run, llm="rules")
    label_features(run, llm="rules")
    with pytest.raises(UsageError, match="no scores"):
        load_scores(run)
    group = write_summary(run)["groups"]["ids"]
    assert group["rates"]["label"]["k"] == 1
    assert (group["rates"]["verified"]["n"], group["rates"]["verified"]["rate"]) == (0, None)
    assert group["detection"]["mean"] is None


def test_rules_cost_nothing(make_run: Maker, planted: dict[int, list[Context]]) -> None:
    run = make_run({0: planted[0], 1: planted[1]})
    assert estimate_run(run, llm="rules").total.n_requests == 0
    asked = estimate_run(run, llm="openai:a-model")
    assert [asked.label.n_to_send, asked.score.n_to_send, asked.null.n_to_send] == [2, 2, 2]
    assert (asked.total.n_requests, asked.total.cost_usd_high) == (6, None)
    assert asked.total.tokens_in_expected == sum(
        part.tokens_in_expected for part in (asked.label, asked.score, asked.null)
    )
