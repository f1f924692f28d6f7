"""The suite ``features``: tokens, kinds, company and similarities of planted features."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from autointerp.evaluate import as_svg
from autointerp.evaluate.suites import features
from autointerp.evaluate.suites.features._alike import clusters
from autointerp.evaluate.suites.features._decoder_map import nearest_cosine
from autointerp.evaluate.suites.features._kinds import KINDS, kind_of, token_kinds
from autointerp.evaluate.suites.features._similarity import (
    block_mean,
    by_decoder,
    by_occurrence,
    by_token_type,
    extremes,
)
from autointerp.evaluate.suites.features._together import together
from autointerp.evaluate.suites.features._tokens import tokens_by_bin, tokens_picture, top_token_share

decoder_map = import_module("autointerp.evaluate.suites.features._decoder_map")


def ids(n: int) -> np.ndarray:
    return np.arange(n)


def spell(tokens) -> list[str]:
    return [f"t{i}" for i in tokens]


def test_tokens_are_counted_in_the_bin_of_their_activation(toy) -> None:
    values = np.array([[0.5], [1.0], [9.5], [10.0], [10.0], [0.0]])
    firings = toy.make_firings(values, token=[5, 6, 7, 7, 8, 9])
    table = tokens_by_bin(firings, np.array([0]), spell)
    rows = list(table[["bin", "token", "count", "n"]].itertuples(index=False, name=None))
    assert rows == [(1, "t5", 1, 1), (2, "t6", 1, 1), (10, "t7", 2, 3), (10, "t8", 1, 3)]
    assert table["share"].tolist() == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert (table["low"].iloc[-1], table["high"].iloc[-1]) == pytest.approx((9, 10))
    assert top_token_share(firings, np.array([0]), seed=0).value == pytest.approx(2 / 5)


def test_a_bin_names_its_five_most_frequent_tokens(toy) -> None:
    token = np.repeat(np.arange(10, 18), np.arange(1, 9))
    table = tokens_by_bin(toy.make_firings(np.ones((len(token), 1)), token=token), np.array([0]), spell)
    assert table["token_id"].tolist() == [17, 16, 15, 14, 13]
    assert table["n"].unique().tolist() == [len(token)]


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        (" the", "word"), ("ing", "word part"), (" 12", "number"), ("3", "number"), (" ==", "punctuation"),
        ("\n    ", "newline"), ("   ", "space"), ("x1", "mixed"), (" self.", "mixed"), ("", "space"), (" é", "word"),
    ],
)  # fmt: skip
def test_kinds_of_token(piece: str, kind: str) -> None:
    assert kind_of(piece) == kind


def test_a_feature_of_numbers_fires_on_numbers(toy) -> None:
    pieces = {0: " a", 1: "7", 2: "."}
    token = np.array([0, 0, 1, 1, 2, 2, 0, 0])
    firings = toy.make_firings((token == 1)[:, None], token=token)
    table = token_kinds(firings, np.array([0]), lambda tokens: [pieces[i] for i in tokens]).set_index("kind")
    assert table.loc["number", "share"] == 1
    assert table.loc["number", "ratio"] == pytest.approx(4)
    assert table["text_share"].sum() == pytest.approx(1)
    assert table["n"].to_dict() == {kind: 2 if kind == "number" else 0 for kind in KINDS}


def test_company_is_the_textbooks() -> None:
    random = np.random.default_rng(0)
    first = random.random(400) < 0.3
    active = np.stack([first, first, random.random(400) < 0.3, ~first, np.zeros(400)], axis=1).astype(float)
    table = together(csr_array(active), np.array([0, 4]))
    assert set(table["feature"]) == {0}
    assert table["other"].tolist() == [1, 2]
    twin, other = table.iloc[0], table.iloc[1]
    assert (twin["correlation"], twin["jaccard"]) == pytest.approx((1, 1))
    assert twin["lift"] == pytest.approx(400 / first.sum())
    assert other["correlation"] == pytest.approx(np.corrcoef(active[:, 0], active[:, 2])[0, 1])
    assert other["n_both"] == (active[:, 0] * active[:, 2]).sum()


def test_similarities_are_the_textbooks(toy) -> None:
    random = np.random.default_rng(1)
    values = random.random((200, 5)) * (random.random((200, 5)) < 0.3)
    token = random.integers(0, 20, 200)
    firings = toy.make_firings(values, token=token)
    stored = firings.values.toarray().astype(float)
    assert by_occurrence(firings, ids(5)) == pytest.approx(np.corrcoef(stored.T))
    largest = np.stack([stored[token == t].max(axis=0) for t in np.unique(token)])  # [types, 5]
    unit = largest / np.linalg.norm(largest, axis=0)
    assert by_token_type(firings, ids(5)) == pytest.approx(unit.T @ unit)
    W_dec = torch.randn(5, 3)
    expected = torch.nn.functional.cosine_similarity(W_dec[:, None], W_dec[None], dim=-1)
    assert by_decoder(W_dec, ids(5)) == pytest.approx(expected.numpy(), abs=1e-6)


def test_features_of_one_frequent_token_are_alike_by_type_and_not_by_occurrence(toy) -> None:
    random = np.random.default_rng(2)
    token = random.integers(0, 4, 3000)
    values = (random.random((3000, 6)) < 0.05) * (token == 1)[:, None]
    firings = toy.make_firings(values, token=token)
    every = ids(6)
    assert block_mean(by_token_type(firings, every), every, every)[0] == pytest.approx(1)
    assert abs(block_mean(by_occurrence(firings, every), every, every)[0]) < 0.1


def test_features_of_the_first_token_are_a_block_only_with_first_positions(toy) -> None:
    random = np.random.default_rng(3)
    at = np.tile(np.arange(toy.CONTEXT), 100)
    token = random.integers(2, 40, len(at))
    own = np.stack([(token == 2 + i) * 1.0 for i in range(8)], axis=1)
    firings = toy.make_firings(own + 50.0 * (at == 0)[:, None], token=token, position=at, kept=at > 0)
    every = ids(8)
    with_first = block_mean(by_token_type(firings, every), every, every)[0]
    without = block_mean(by_token_type(firings.counted, every), every, every)[0]
    assert with_first > 0.9
    assert abs(without) < 0.05


def test_a_feature_that_never_fires_has_no_similarity(toy) -> None:
    firings = toy.make_firings(np.array([[1.0, 0.0], [0.0, 0.0]]))
    for similarity in (by_token_type(firings, ids(2)), by_occurrence(firings, ids(2))):
        assert np.isnan(similarity[1]).all()
        assert similarity[0, 0] == pytest.approx(1)


def test_extremes_are_the_most_and_the_least_selective(toy) -> None:
    values = np.zeros((100, 5))
    for feature, (n, value) in enumerate([(20, 1.0), (20, 9.0), (90, 0.1), (20, 3.0), (5, 99.0)]):
        values[:n, feature] = value
    firings = toy.make_firings(values)
    assert extremes(firings, 2).tolist() == [1, 3, 0, 2]  # the last fires too rarely to be ranked
    assert extremes(firings, 25).tolist() == [1, 3, 0, 2]


def test_the_error_of_a_block_is_the_jackknife_over_features() -> None:
    random = np.random.default_rng(4)
    matrix = random.random((12, 12))
    matrix += matrix.T
    rows, columns = ids(5), np.arange(5, 12)
    mean, error = block_mean(matrix, rows, columns)
    assert mean == pytest.approx(matrix[:5, 5:].mean())
    left_out = [np.delete(matrix[:5, 5:], i, axis=0).mean() for i in range(5)]
    left_out += [np.delete(matrix[:5, 5:], i, axis=1).mean() for i in range(7)]
    assert error == pytest.approx(np.sqrt(11 * np.var(left_out)))
    inside, _ = block_mean(matrix, rows, rows)
    assert inside == pytest.approx(matrix[:5, :5][~np.eye(5, dtype=bool)].mean())


def test_two_planted_groups_are_two_clusters() -> None:
    matrix = np.full((6, 6), 0.1)
    matrix[:3, :3] = matrix[3:, 3:] = 0.9
    matrix[5, :] = matrix[:, 5] = np.nan
    np.fill_diagonal(matrix, 1)
    table = clusters(ids(6) + 10, {"decoder": matrix})
    numbers = table["cluster_decoder"].tolist()
    assert len(set(numbers[:3])) == len(set(numbers[3:5])) == 1
    assert len(set(numbers)) == 3
    assert table["size_decoder"].tolist() == [3, 3, 3, 2, 2, 1]
    assert table["half"].tolist() == ["top"] * 3 + ["bottom"] * 3


def test_the_nearest_direction_is_another_and_alive(monkeypatch) -> None:
    unit = torch.nn.functional.normalize(torch.randn(30, 4), dim=1)
    among = np.arange(20)
    cosines = (unit @ unit.T).numpy()
    np.fill_diagonal(cosines, -np.inf)
    expected = cosines[:, among].max(axis=1)
    monkeypatch.setattr(decoder_map, "BLOCK_ELEMENTS", 70)
    assert nearest_cosine(unit, ids(30), among) == pytest.approx(expected)
    assert np.isnan(nearest_cosine(unit, ids(2), np.array([], np.int64))).all()
    assert np.isnan(nearest_cosine(unit, np.array([3]), np.array([3]))).all()


def test_hostile_tokens_are_drawn_as_they_are(toy) -> None:
    firings = toy.make_firings(np.ones((6, 1)), token=[0, 0, 0, 1, 1, 2])
    table = tokens_by_bin(firings, np.array([0]), lambda tokens: [["$x^{$", "_y", "\u202e"][i] for i in tokens])
    svg = as_svg(tokens_picture(table, [0]).figure)
    assert "x^{" in svg
    assert "\\u202e" in svg
    assert "_y" in svg


def test_the_suite_covers_sample_and_selection_the_same_way_twice(toy, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(decoder_map, "umap", lambda points, seed: points[:, :2])  # it takes seconds to compile
    setting = toy.make_setting(tmp_path, toy.random_sae(d_sae=60))
    setting.run.update(lambda manifest: manifest.config.update(groups={"top": [7, 9]}))
    found = features.measure(setting)
    assert set(found.pictures) == {"tokens_by_bin", "similarity", "clustered", "decoder_map"}
    tables = {name: table.frame for name, table in found.tables.items()}
    assert {7, 9} <= set(tables["token_kinds"]["feature"])
    assert len(tables["decoder_map"]) == 60
    assert tables["decoder_map"][["pca_1", "pca_2", "umap_1", "umap_2"]].notna().all(axis=None)
    assert len(tables["similarity_blocks"]) == 18
    again = features.measure(setting)
    for name, table in tables.items():
        assert table.equals(again.tables[name].frame), name


def test_an_sae_that_never_fires_says_so(toy, tmp_path) -> None:
    found = features.measure(toy.make_setting(tmp_path, toy.plain_sae()))
    assert any("No feature fires" in note for note in found.notes)
    assert any("no UMAP" in note for note in found.notes)
    assert set(found.tables) == {"decoder_map"}
