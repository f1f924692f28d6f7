from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae


def numbered(sizes):
    """Tensors [size, 2] whose first column counts all rows."""
    start = 0
    for size in sizes:
        rows = torch.arange(start, start + size).float()
        yield torch.stack([rows, -rows], dim=1)
        start += size


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 17), max_size=12),
    capacity=st.integers(1, 40),
    batch=st.integers(1, 40),
    seed=st.integers(0, 3),
)
def test_what_goes_in_comes_out_once(sizes, capacity, batch, seed):
    batch = min(batch, capacity)
    batches = list(sae.ActivationBuffer(numbered(sizes), capacity=capacity, batch_size=batch, seed=seed))
    rows = torch.cat(batches) if batches else torch.empty(0, 2)
    assert sorted(rows[:, 0].tolist()) == list(range(sum(sizes)))
    assert torch.equal(rows[:, 1], -rows[:, 0])
    assert all(len(part) == batch for part in batches[:-1])
    assert all(0 < len(part) <= batch for part in batches)


def test_a_batch_is_not_changed_by_the_next():
    batches = []
    copies = []
    for part in sae.ActivationBuffer(numbered([50]), capacity=10, batch_size=4, seed=0):
        batches.append(part)
        copies.append(part.clone())
    assert all(torch.equal(part, copy) for part, copy in zip(batches, copies, strict=True))


def test_the_seed_decides_the_order():
    def order(seed):
        buffer = sae.ActivationBuffer(list(numbered([100, 100])), capacity=50, batch_size=10, seed=seed)
        first, again = torch.cat(list(buffer)), torch.cat(list(buffer))
        assert torch.equal(first, again)
        return first[:, 0].tolist()

    assert order(1) != order(2)
    assert order(1) != sorted(order(1))


def test_rows_are_mixed_over_the_whole_store():
    batches = list(sae.ActivationBuffer(numbered([100] * 20), capacity=500, batch_size=50, seed=0))
    first = batches[0][:, 0]
    assert first.max() > 400
    assert first.min() < 100
    delay = torch.cat(batches)[:, 0] - torch.arange(2000)
    assert delay.min() >= -1000  # no vector waits for more than two stores
    assert delay.max() <= 500


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([torch.ones(3, 2), torch.ones(3, 4)], "expected 2, found 4"),
        ([torch.ones(3)], r"found torch.float32 \(3,\)"),
        ([torch.ones(3, 2, dtype=torch.int64)], "torch.int64"),
    ],
)
def test_bad_streams(rows, message):
    with pytest.raises(sae.SAEError, match=message):
        list(sae.ActivationBuffer(rows, capacity=10, batch_size=2, seed=0))


def test_bad_sizes():
    for capacity, batch in ((4, 5), (4, 0)):
        with pytest.raises(sae.SAEError, match=f"batch_size={batch}, capacity={capacity}"):
            sae.ActivationBuffer([], capacity=capacity, batch_size=batch, seed=0)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(0, 17), max_size=12),
    capacity=st.integers(1, 40),
    batch=st.integers(1, 40),
    n_before=st.integers(0, 12),
    opens=st.booleans(),
)
def test_a_resumed_buffer_goes_on_with_the_same_batches(sizes, capacity, batch, n_before, opens):
    batch = min(batch, capacity)
    rows = torch.cat([torch.empty(0, 2), *numbered(sizes)])

    def source():
        return (lambda skip: rows[skip:].split(5)) if opens else rows.split(3)

    def buffer():
        return sae.ActivationBuffer(source(), capacity=capacity, batch_size=batch, seed=1)

    whole = list(buffer())
    stopped = buffer()
    iterator = iter(stopped)
    given_before = [part for _, part in zip(range(n_before), iterator, strict=False)]
    state = copy.deepcopy(stopped.state_dict())
    list(iterator)  # what goes on elsewhere does not matter
    resumed = buffer()
    resumed.load_state_dict(state)
    together = given_before + list(resumed)
    assert len(together) == len(whole)
    assert all(torch.equal(found, wanted) for found, wanted in zip(together, whole, strict=True))
    assert resumed.n_read == len(rows)
    assert len(list(resumed)) == len(whole)  # and then from the start again


def test_a_state_of_another_buffer_is_refused():
    state = sae.ActivationBuffer([], capacity=5, batch_size=2, seed=0).state_dict()
    with pytest.raises(sae.SAEError, match="the state is of a buffer with capacity=5, this one has capacity=6"):
        sae.ActivationBuffer([], capacity=6, batch_size=2, seed=0).load_state_dict(state)
