"""The ways to leave activations out span what an SAE encodes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.evaluate.suites._rules import join, removal_rules
from sae import SAEError, SparseActs
from sae.prune import remove_frequent


def acts_of(dense):
    dense = torch.as_tensor(dense, dtype=torch.float32)
    row, feature = dense.nonzero(as_tuple=True)
    return SparseActs(row=row, feature=feature, value=dense[row, feature], n_rows=len(dense), d_sae=dense.shape[1])


def random_acts(seed, n=200, d=12):
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.1, 10, d)
    return acts_of(rng.exponential(scale, (n, d)) * (rng.random((n, d)) < rng.uniform(0.05, 0.9, d)))


def test_frequent_features_go_and_the_others_stay():
    acts = acts_of([[1.0, 2.0], [1.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
    left = remove_frequent(acts, torch.tensor([1.0, 0.25]), 0.5)
    assert left.feature.tolist() == [1]
    assert left.n_rows == 4


def test_a_density_of_another_dictionary_is_refused():
    with pytest.raises(SAEError, match=r"density must have shape \(2,\)"):
        remove_frequent(acts_of([[1.0, 2.0]]), torch.ones(3), 0.5)


def test_joined_batches_are_the_whole():
    whole = random_acts(0)
    dense = torch.zeros(whole.n_rows, whole.d_sae)
    dense[whole.row, whole.feature] = whole.value
    joined = join([acts_of(dense[:50]), acts_of(dense[50:51]), acts_of(dense[51:])])
    for name in ("row", "feature", "value"):
        assert torch.equal(getattr(joined, name), getattr(whole, name))
    assert joined.n_rows == whole.n_rows


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_each_rule_removes_ever_more_from_a_tenth_to_nine_tenths(seed):
    acts = random_acts(seed)
    for rule in removal_rules(acts):
        left = [len(rule.remove(acts, setting).value) / len(acts.value) for setting in rule.settings]
        assert all(more >= less for more, less in zip([1.0, *left], left, strict=False)), rule.name
        assert left[-1] < 0.5, rule.name


def test_a_cutoff_for_all_leaves_the_largest():
    acts = random_acts(3)
    rule = next(rule for rule in removal_rules(acts) if rule.name == "global")
    half = rule.settings[len(rule.settings) // 2]
    left = rule.remove(acts, half)
    assert sorted(left.value.tolist()) == sorted(acts.value[acts.value >= half].tolist())
    assert len(left.value) == pytest.approx(len(acts.value) / 2, abs=1)
