"""The order in which activations are trained on."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autointerp.errors import UsageError
from autointerp.train import stream_activations
from autointerp.train._order import count_kept, draws


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=20).filter(any),
    n_vectors=st.integers(1, 200),
    skip=st.integers(0, 220),
    batch_windows=st.integers(1, 7),
)
def test_skipping_drops_vectors_from_the_front_and_changes_nothing_else(counts, n_vectors, skip, batch_windows) -> None:
    counts = np.array(counts)

    def given_vectors(skip: int) -> list[tuple[int, int]]:
        found = []
        for draw in draws(counts, n_vectors=n_vectors, skip=skip, batch_windows=batch_windows, seed=3):
            found += list(chain.from_iterable([(row, i) for i in range(counts[row])] for row in draw.rows))[draw.wanted]
        return found

    whole = given_vectors(0)
    assert len(whole) == n_vectors
    assert given_vectors(skip) == whole[skip:]


def test_each_pass_gives_every_vector_once(windows) -> None:
    counts = count_kept(windows, drop_bos=True)
    total = int(counts.sum())
    rows = [draw.rows for draw in draws(counts, n_vectors=2 * total, skip=0, batch_windows=4, seed=0)]
    drawn = np.concatenate(rows)
    assert sorted(drawn[: len(counts)]) == sorted(drawn[len(counts) :]) == list(range(len(counts)))
    assert list(drawn[: len(counts)]) != list(drawn[len(counts) :])


def test_a_skipped_stream_is_the_rest_of_the_whole_one_bit_for_bit(windows, letters) -> None:
    whole = torch.cat(list(stream_activations(letters.Subject(), windows, n_vectors=5000, batch_windows=4, seed=1)))
    late = letters.Subject()
    rest = torch.cat(list(stream_activations(late, windows, n_vectors=5000, batch_windows=4, seed=1, skip=4321)))
    assert torch.equal(rest, whole[4321:])
    assert late.n_calls < 15  # of about 45: the model did not run on what was skipped


def test_bos_the_position_after_it_and_padding_are_left_out_or_kept(windows, letters) -> None:
    for drop_bos, first in ((True, 2), (False, 0)):
        expected = letters.dense(windows, first)
        stream = stream_activations(letters.Subject(), windows, drop_bos=drop_bos, n_vectors=len(expected))
        assert torch.equal(torch.cat(list(stream)).sort(dim=0).values, expected.sort(dim=0).values)


def test_windows_too_short_to_train_on_are_refused(windows) -> None:
    with pytest.raises(UsageError, match="drop_bos"):
        count_kept(replace(windows, lengths=np.full_like(windows.lengths, 2)), drop_bos=True)
