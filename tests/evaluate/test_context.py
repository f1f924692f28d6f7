"""The suite ``context``: longer windows hold the same text, and an SAE that fails beyond its context is seen to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import sae
from autointerp.evaluate.suites import context
from autointerp.evaluate.suites.context._long_windows import join_windows


def one_text(toy, n: int = 60):
    """Windows of which every three follow each other in their document."""
    windows = toy.make_windows(n)
    lengths = windows.lengths.copy()
    lengths[np.arange(n) % 3 < 2] = toy.CONTEXT  # only a document's last window may be short
    tokens = windows.tokens.copy()
    tokens[:, 1:][tokens[:, 1:] == windows.pad_id] = 5
    start = (np.arange(n) % 3 * (toy.CONTEXT - 1)).astype(np.int32)
    return dataclasses.replace(windows, tokens=tokens, lengths=lengths, start=start)


def test_long_windows_are_the_document_without_gaps(toy):
    windows = one_text(toy)
    longer = join_windows(windows, 20)
    assert longer.context_length == 20
    assert (longer.lengths == 20).all()
    assert (longer.tokens[:, 0] == windows.tokens[0, 0]).all()  # BOS, once
    for document in range(20):
        rows = np.flatnonzero(windows.document == document)
        text = np.concatenate([windows.tokens[row, 1 : windows.lengths[row]] for row in rows])
        mine = np.flatnonzero(longer.document == document)
        joined = np.concatenate([longer.tokens[row, 1:] for row in mine])
        assert joined.tolist() == text[: len(joined)].tolist()
        assert len(text) - len(joined) < 19  # whatever fills a window is in one
        assert (longer.split[mine] == windows.split[rows[0]]).all()


def test_the_order_of_the_windows_does_not_matter(toy):
    windows = one_text(toy)
    order = np.random.default_rng(0).permutation(len(windows.lengths))
    arrays = {name: getattr(windows, name)[order] for name in ("tokens", "lengths", "split", "document", "start")}
    shuffled = dataclasses.replace(windows, **arrays)
    assert np.array_equal(join_windows(shuffled, 20).tokens, join_windows(windows, 20).tokens)


def test_there_are_no_windows_longer_than_any_document(toy):
    assert join_windows(one_text(toy), 36) is None


@pytest.fixture
def blind_beyond(toy, deep, tmp_path):
    """An SAE trained with 12 tokens that misses one dimension, which is only in use from position 12 on."""
    subject = deep.Subject()
    subject.embedding = subject.embedding.clone()
    subject.embedding[:, 0] = 0
    subject.positions[:12, 0], subject.positions[12:, 0] = 0, torch.linspace(-3, 3, 36)
    both = torch.cat([torch.eye(toy.D), -torch.eye(toy.D)], dim=1)
    both[0] = 0
    model = toy.plain_sae(W_enc=both, W_dec=both.T.contiguous())
    metadata = sae.SAEMetadata(context_size=12)
    model.cfg = dataclasses.replace(model.cfg, metadata=metadata)
    setting = deep.setting(tmp_path, [("blind", 0, model)], subject=subject)
    return dataclasses.replace(setting, windows=one_text(toy))


def test_an_sae_that_fails_beyond_its_context_is_seen_to(blind_beyond):
    found = context.measure(blind_beyond)
    frame = found.tables["positions"].frame
    inside, beyond = frame[~frame["beyond"]], frame[frame["beyond"]]
    assert inside["last_position"].max() == 11
    assert beyond["first_position"].min() == 12
    np.testing.assert_allclose(inside["fvu"], 0, atol=1e-10)
    np.testing.assert_allclose(inside["ce_difference"], 0, atol=1e-6)
    assert (beyond["fvu"] > 0.05).all()
    assert (beyond["ce_difference"].abs() > 1e-3).all()
    assert not found.notes
    assert "positions" in found.pictures


def test_without_long_documents_only_the_inside_is_measured(toy, deep, tmp_path, blind_beyond):
    windows = blind_beyond.windows
    apart = dataclasses.replace(
        windows,
        document=np.arange(60, dtype=np.int32),
        documents=windows.documents.iloc[np.zeros(60, int)].assign(cluster=range(60)),
    )
    found = context.measure(dataclasses.replace(blind_beyond, windows=apart))
    assert not found.tables["positions"].frame["beyond"].any()
    assert "fewer than 10 pieces" in found.notes[0]


def test_a_model_that_takes_no_more_is_said_to(toy, deep, tmp_path):
    subject = deep.Subject()
    subject.max_context = toy.CONTEXT
    found = context.measure(deep.setting(tmp_path, [("one", 1, toy.random_sae())], subject=subject))
    assert "the model takes no longer window" in found.notes[0]
    assert found.tables["positions"].frame["n_tokens"].sum() > 0
