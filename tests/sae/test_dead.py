"""When a feature counts as dead."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from autointerp.harvest import FeatureSketch, SketchSpec
from sae.training._firing import FiringRecord

seeds = st.integers(0, 2**32 - 1)
CPU = torch.device("cpu")


def test_a_feature_is_dead_after_a_window_without_firing():
    record = FiringRecord(3, window=10, device=CPU)
    record.record(1, torch.tensor([1.0, 0.0, 0.0]))
    assert record.dead(9).tolist() == []
    assert record.dead(10).tolist() == [1, 2]
    assert record.dead(11).tolist() == [0, 1, 2]
    record.mark_resampled(10, torch.tensor([1]))
    record.record(10, torch.tensor([0.0, 0.0, 2.0]))
    assert record.to_resample(11).tolist() == [0]  # 1 has a window to prove itself,
    assert record.dead(11).tolist() == [0, 1]  # but until then it is still dead
    assert record.to_resample(20).tolist() == [0, 1, 2]


def test_without_a_window_only_what_never_fired_is_dead():
    record = FiringRecord(3, window=None, device=CPU)
    record.record(1, torch.tensor([1.0, 0.0, 0.0]))
    assert record.dead(1000).tolist() == record.to_resample(1000).tolist() == [1, 2]
    record.mark_resampled(1000, torch.tensor([1]))
    record.record(1001, torch.tensor([0.0, 0.0, 1.0]))
    assert record.to_resample(2000).tolist() == [1]


@given(seeds, st.integers(1, 15), st.integers(0, 15))
def test_a_longer_window_never_makes_more_features_dead(seed, window, longer):
    counts = torch.rand(30, 12, generator=torch.Generator().manual_seed(seed)) < torch.linspace(0, 0.3, 12)
    dead = []
    for one in (window, window + longer, None):
        record = FiringRecord(12, window=one, device=CPU)
        for step, fired in enumerate(counts, start=1):
            record.record(step, fired)
        dead.append(set(record.dead(30).tolist()))
    never = set((~counts.any(dim=0)).nonzero().squeeze(1).tolist())
    assert dead[0] >= dead[1] >= never == dead[2]


def test_a_record_goes_on_where_it_was_saved():
    record = FiringRecord(3, window=10, device=CPU)
    record.record(4, torch.tensor([1.0, 0.0, 0.0]))
    record.mark_resampled(5, torch.tensor([2]))
    other = FiringRecord(3, window=10, device=CPU)
    saved = record.state_dict()
    record.record(6, torch.ones(3))  # what is saved does not change any more
    other.load_state_dict(saved)
    assert other.dead(14).tolist() == [0, 1, 2]
    assert other.to_resample(14).tolist() == [0, 1]


STRONG = 30
ONLY_EARLY, CROWDED, WEAK_CROWDED, WEAK_ALONE, NEVER = range(STRONG, STRONG + 5)
"""Thirty features fire strongly on all tokens but the last ten; of the others every one differs in when it is dead."""


def planted() -> np.ndarray:
    """Activations [200 tokens, 35 features], in the order of training."""
    acts = np.zeros((200, STRONG + 5), np.float32)
    acts[:190, :STRONG] = 1 + np.random.default_rng(0).random((190, STRONG), np.float32)
    acts[:50, ONLY_EARLY] = 5
    acts[:190, CROWDED] = 0.5
    acts[:190, WEAK_CROWDED] = 0.05
    acts[190:, WEAK_ALONE] = 0.05
    return acts


def sketch_of(acts: np.ndarray, threshold: float) -> FeatureSketch:
    sketch = FeatureSketch(SketchSpec(d_sae=acts.shape[1], context_length=1, dead_threshold=threshold, source="test"))
    token, feature = np.nonzero(acts)
    nowhere = np.zeros_like(token)
    sketch.update(token, nowhere, feature, acts[token, feature], token_positions=np.zeros(len(acts), np.int64))
    return sketch


def test_the_three_definitions_differ():
    acts = planted()
    record = FiringRecord(acts.shape[1], window=10, device=CPU)
    for step in range(1, 21):  # ten tokens a step
        record.record(step, torch.from_numpy((acts[10 * (step - 1) : 10 * step] > 0).sum(axis=0)))
    sketch = sketch_of(acts, 0.07)
    dead_train = set(record.dead(20).tolist())
    dead_threshold = set(np.flatnonzero(sketch.n_above_threshold == 0))
    dead_topk = set(np.flatnonzero(sketch.n_in_top_of_token == 0))
    assert dead_train == {ONLY_EARLY, NEVER}
    assert dead_threshold == {WEAK_CROWDED, WEAK_ALONE, NEVER}
    # CROWDED: the threshold counts before anything is cut
    assert dead_topk == {CROWDED, WEAK_CROWDED, WEAK_ALONE, NEVER}


@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_more_features_are_dead_above_a_higher_threshold(seed, one, other):
    rng = np.random.default_rng(seed)
    acts = rng.random((20, 12), np.float32) * (rng.random((20, 12)) < 0.2) * np.linspace(0, 1, 12, dtype=np.float32)
    low, high = (sketch_of(acts, threshold).n_above_threshold == 0 for threshold in sorted((one, other)))
    assert not (low & ~high).any()
    assert (low == (acts.max(axis=0) <= min(one, other))).all()
