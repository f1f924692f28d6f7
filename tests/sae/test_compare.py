from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

import sae
from sae._config import ARCHITECTURES
from sae.compare import _twins, decoder_twins, sum_random_pairs


def planted() -> torch.Tensor:
    """Orthogonal rows; 4 and 7 copy row 1 at other lengths, 5 opposes row 2, 6 and 8 are zero."""
    rows = torch.eye(10)
    rows[4], rows[7], rows[5] = 3 * rows[1], 0.1 * rows[1], -rows[2]
    rows[6] = rows[8] = 0
    return rows


def test_copies_point_at_the_lowest_index():
    expected = [-1, -1, -1, -1, 1, -1, -1, 1, -1, -1]
    found = decoder_twins(planted())
    assert found.tolist() == expected
    assert found.dtype == torch.int64


def test_features_that_are_not_alive_match_nothing():
    alive = torch.ones(10, dtype=torch.bool)
    alive[1] = False
    assert decoder_twins(planted(), alive=alive).tolist() == [-1, -1, -1, -1, -1, -1, -1, 4, -1, -1]


def test_a_chain_is_one_cluster():
    angles = torch.tensor([0.5, 0.3, 0.1, 2.0])  # neighbours are 0.2 apart: cosine 0.98; the ends 0.4: 0.92
    rows = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert decoder_twins(rows, 0.97).tolist() == [-1, 0, 0, -1]
    assert decoder_twins(rows, 0.99).tolist() == [-1, -1, -1, -1]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 20), block=st.integers(1, 300))
def test_blocks_do_not_matter(seed, block):
    rows = torch.randn(30, 2, generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_twins, "BLOCK_ELEMENTS", block)
        found = decoder_twins(rows, 0.995).tolist()
    cosines = normalize(rows, dim=1) @ normalize(rows, dim=1).T
    linked = (cosines > 0.995) | torch.eye(30, dtype=torch.bool)
    reached = torch.linalg.matrix_power(linked.double(), 30) > 0  # through any number of links
    lowest = reached.int().argmax(dim=1).tolist()
    assert found == [-1 if first == i else first for i, first in enumerate(lowest)]


def test_bad_arguments():
    with pytest.raises(sae.SAEError, match="threshold"):
        decoder_twins(planted(), 1.0)
    with pytest.raises(sae.SAEError, match=r"\(10,\), found \(9,\)"):
        decoder_twins(planted(), alive=torch.ones(9, dtype=torch.bool))


@pytest.mark.parametrize("d_sae", [14, 15])
def test_pairs_share_their_sum(make_sae, d_sae):
    model = make_sae(d_sae=d_sae)
    before = model.fingerprint()
    worse = sum_random_pairs(model, seed=3)
    assert model.fingerprint() == before
    assert torch.equal(worse.W_dec, model.W_dec)
    assert torch.equal(worse.b_dec, model.b_dec)
    n_changed = 0
    for i in range(d_sae):
        twins = [j for j in range(d_sae) if j != i and torch.equal(worse.W_enc[:, j], worse.W_enc[:, i])]
        if not twins:
            assert torch.equal(worse.W_enc[:, i], model.W_enc[:, i])
            continue
        (j,) = twins
        torch.testing.assert_close(worse.W_enc[:, i], model.W_enc[:, i] + model.W_enc[:, j])
        torch.testing.assert_close(worse.b_enc[[i, j]], (model.b_enc[i] + model.b_enc[j]).expand(2))
        n_changed += 1
    assert n_changed == 14


def test_pairs_follow_the_seed(make_sae):
    model = make_sae()
    assert sum_random_pairs(model, 1).fingerprint() == sum_random_pairs(model, 1).fingerprint()
    assert sum_random_pairs(model, 1).fingerprint() != sum_random_pairs(model, 2).fingerprint()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pairs_of_any_architecture_encode_alike(make_sae, architecture):
    model = make_sae(architecture=architecture, d_sae=14)
    worse = sum_random_pairs(model, seed=3)
    assert torch.equal(worse.W_dec, model.W_dec)
    assert torch.equal(worse.b_dec, model.b_dec)
    order = torch.randperm(14, generator=torch.Generator().manual_seed(3))
    i, j = order[0], order[7]
    for name, tensor in worse.tensors().items():
        if name not in {"W_dec", "b_dec"}:
            before = model.plain().tensors()[name]
            torch.testing.assert_close(tensor[..., i], tensor[..., j])
            total = before[..., i] + before[..., j]
            torch.testing.assert_close(tensor[..., i], total / 2 if name == "r_mag" else total)
    f = worse.encode(5 * torch.randn(30, 6))
    assert (f > 0).any()
    if architecture != "topk":  # there one of the two may take the last place
        torch.testing.assert_close(f[:, i], f[:, j])
