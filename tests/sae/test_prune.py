from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
from sae import prune


def _acts(seed, n, d_sae, share, grain):
    """Features of a batch; a grain makes values that repeat."""
    random = torch.Generator().manual_seed(seed)
    value = torch.rand(n, d_sae, generator=random) + 0.01
    if grain:
        value = (value * grain).ceil() / grain
    return value * (torch.rand(n, d_sae, generator=random) < share)


dense_acts = st.builds(
    _acts,
    st.integers(0, 10_000),
    st.integers(0, 6),
    st.integers(1, 9),
    st.floats(0, 1),
    st.sampled_from([0, 3]),
)


def as_sparse(f):
    row, feature = f.nonzero(as_tuple=True)
    return sae.SparseActs(row, feature, f[row, feature], *f.shape)


def as_dense(acts):
    f = torch.zeros(acts.n_rows, acts.d_sae)
    f[acts.row, acts.feature] = acts.value
    return f


RULES = {
    "lowest": (lambda f, s, _: prune.remove_lowest(f, s), [0, 1, 2, 5, 100]),
    "below": (lambda f, s, _: prune.remove_below(f, s), [0.0, 0.2, 0.5, 0.9, 2.0]),
    "share": (lambda f, s, r: prune.remove_below_share_of_max(f, prune.feature_max(r), s), [0.0, 0.1, 0.5, 1.0]),
    "quantile": (lambda f, s, r: prune.remove_below_quantile(f, prune.feature_quantiles(r, s)), [0.0, 0.1, 0.5, 1.0]),
}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=40, deadline=None)
@given(f=dense_acts)
def test_every_rule_removes_more_and_changes_nothing_else(rule, f):
    remove, steps = RULES[rule]
    before = f.clone()
    kept = [remove(f, step, f) for step in steps]
    assert torch.equal(f, before)
    assert torch.equal(kept[0], f)  # the first setting removes nothing
    for more, fewer in itertools.pairwise(kept):
        assert bool(((fewer == more) | (fewer == 0)).all())  # a subset, at the same values
    for step, dense in zip(steps, kept, strict=True):
        sparse = remove(as_sparse(f), step, as_sparse(f))
        assert torch.equal(as_dense(sparse), dense)
        flat = sparse.row * sparse.d_sae + sparse.feature
        assert bool((flat.diff() > 0).all())  # still sorted by row, then by feature


@settings(max_examples=40, deadline=None)
@given(f=dense_acts, k=st.integers(0, 5))
def test_remove_lowest_takes_exactly_the_k_weakest_of_each_input(f, k):
    kept = prune.remove_lowest(f, k)
    for row, left in zip(f, kept, strict=True):
        active = row[row > 0]
        expected = active.sort().values[k:]
        assert torch.equal(left[left > 0].sort().values, expected)


def test_of_equal_activations_the_lowest_feature_goes_first():
    f = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]])
    assert prune.remove_lowest(f, 2).tolist() == [[2.0, 0.0, 0.0, 1.0, 0.0]]


def test_share_and_quantile_differ_on_skewed_activations():
    f = torch.tensor([[100.0], [3.0], [2.0], [1.0], [0.0]])
    assert prune.remove_below_share_of_max(f, prune.feature_max(f), 0.1).flatten().tolist() == [100, 0, 0, 0, 0]
    assert prune.remove_below_quantile(f, prune.feature_quantiles(f, 0.1)).flatten().tolist() == [100, 3, 2, 0, 0]


@settings(max_examples=40, deadline=None)
@given(f=dense_acts, q=st.floats(0, 1))
def test_references_agree_with_numpy(f, q):
    found = prune.feature_quantiles(f, q)
    for feature in range(f.shape[1]):
        active = f[:, feature][f[:, feature] > 0].double().numpy()
        expected = np.quantile(active, q) if len(active) else 0.0
        assert float(found[feature]) == pytest.approx(expected, rel=1e-5)
        assert float(prune.feature_max(f)[feature]) == pytest.approx(active.max() if len(active) else 0.0)


def test_the_curve_records_what_sparsity_costs():
    eye, zero = torch.eye(12), torch.zeros(12)
    cfg = sae.SAEConfig(architecture="standard", d_in=12, d_sae=12)
    model = sae.SAE(cfg, W_enc=eye, b_enc=zero, W_dec=eye, b_dec=zero)  # reconstructs what is above zero
    x = torch.rand(100, 12, generator=torch.Generator().manual_seed(0))
    cutoffs = [0.0, 0.3, 0.5, 100.0]
    points = prune.removal_curve(model, torch.split(x, 30), prune.remove_below, cutoffs)
    assert [point.setting for point in points] == cutoffs
    l0s, mses = [point.quality.l0 for point in points], [point.quality.mse for point in points]
    assert l0s == sorted(l0s, reverse=True)
    assert mses == sorted(mses)
    assert (l0s[0], l0s[-1]) == (12.0, 0.0)
    assert mses[0] == 0
    assert mses[-1] == pytest.approx(float(x.double().square().mean()))
    assert mses[2] == pytest.approx(float((x * (x < 0.5)).double().square().mean()))
    assert l0s[2] == pytest.approx(float((x >= 0.5).double().sum(dim=1).mean()))


def test_bad_settings_are_refused(make_sae):
    f = torch.rand(3, 4)
    for call, message in [
        (lambda: prune.remove_lowest(f, -1), "k must not be negative"),
        (lambda: prune.remove_lowest(f[0], 1), r"features must be \[n, d_sae\]"),
        (lambda: prune.remove_below_share_of_max(f, torch.ones(4), 1.5), "share must lie"),
        (lambda: prune.remove_below_share_of_max(f, torch.ones(5), 0.5), r"maxima must have shape \(4,\)"),
        (lambda: prune.remove_below_quantile(f, torch.ones(3)), r"quantiles must have shape \(4,\)"),
        (lambda: prune.feature_quantiles(f, -0.1), "q must lie"),
        (lambda: prune.removal_curve(make_sae(), [], prune.remove_below, [0.1]), "no batch"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            call()
