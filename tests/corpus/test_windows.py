"""Windows are consecutive pieces of one document each, and a folder of them is whole or refused."""

from __future__ import annotations

import itertools
import json
import random
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autointerp.corpus import Document, ReadableCorpus, Windows, build_windows
from autointerp.errors import UsageError


def corpus_of(texts, name="test"):
    return ReadableCorpus(name, lambda _tally: (Document(text, f"doc{i}") for i, text in enumerate(texts)))


def random_texts(n, words, seed=0):
    rng = random.Random(seed)
    return [" ".join(f"w{rng.randrange(5000)}" for _ in range(words)) for _ in range(n)]


def build(texts, subject, out, **options):
    settings_ = {"context_length": 16, "prepend_bos": True, "n_tokens": 10**6} | options
    return build_windows(corpus_of(texts), subject, out=out, **settings_)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=12, max_size=30),
    context_length=st.integers(8, 20),
    prepend_bos=st.booleans(),
    section_windows=st.integers(1, 3),
)
@settings(max_examples=25, deadline=None)
def test_windows_of_a_document_are_its_tokens_and_nobody_elses(
    new_subject, lengths, context_length, prepend_bos, section_windows
):
    from autointerp.corpus import _cut

    subject = new_subject()
    texts = [" ".join(f"d{i}t{j}" for j in range(n)) for i, n in enumerate(lengths)]
    room = context_length - prepend_bos
    expected = {}
    for i, text in enumerate(texts):
        ids = subject.encode(text)
        tail = len(ids) % room
        expected[f"doc{i}"] = ids[: len(ids) - tail] if tail < 8 - prepend_bos else ids
    expected = {source: ids for source, ids in expected.items() if ids}
    with tempfile.TemporaryDirectory() as out, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_cut, "SECTION_WINDOWS", section_windows)
        try:
            windows = build(texts, subject, Path(out), context_length=context_length, prepend_bos=prepend_bos)
        except UsageError as error:
            if "into one split" not in str(error) and expected:
                raise
            return
        found: dict[str, list[int]] = {}
        for i in range(windows.n_windows):
            row = windows.tokens[i]
            length, document = int(windows.lengths[i]), windows.documents.iloc[windows.document[i]]
            assert 8 <= length <= context_length
            assert (row[length:] == subject.pad_id).all()
            if prepend_bos:
                assert row[0] == subject.bos_id
            earlier = windows.lengths[:i][windows.document[:i] == windows.document[i]] - prepend_bos
            assert windows.start[i] == earlier.sum()
            found.setdefault(document.source.split("#")[0], []).extend(row[int(prepend_bos) : length].tolist())
        assert found == expected
        assert windows.n_tokens == sum(map(len, expected.values()))
        # one split a document row
        assert all(len(set(windows.split[windows.document == d])) == 1 for d in range(len(windows.documents)))


@given(order=st.permutations(range(40)))
@settings(max_examples=8, deadline=None)
def test_splits_do_not_depend_on_the_order_of_documents(new_subject, order):
    texts = random_texts(30, 40)
    texts += [text + " and a few more words" for text in texts[:10]]
    splits = []
    for chosen in (range(40), order):
        subject = new_subject()
        subject.encode(" ".join(texts))
        with tempfile.TemporaryDirectory() as out:
            windows = build([texts[i] for i in chosen], subject, Path(out))
            document_split = dict(zip(windows.document, windows.split, strict=True))
            splits.append({digest: int(document_split[i]) for i, digest in enumerate(windows.documents["digest"])})
    assert splits[0] == splits[1]


def test_near_duplicates_land_together(subject, tmp_path):
    rng = random.Random(1)
    texts = []
    for text in random_texts(60, 120, seed=1):
        words = text.split()
        words[rng.randrange(120)] = "changed"
        texts += [text, " ".join(words)]
    windows = build(texts, subject, tmp_path)
    clusters = windows.documents["cluster"].to_numpy()
    assert (clusters[0::2] == clusters[1::2]).all()
    assert len(set(clusters)) == 60
    split = dict(zip(windows.document, windows.split, strict=True))
    assert all(split[i] == split[i + 1] for i in range(0, 120, 2))
    assert 15 <= sum(split[i] for i in range(0, 120, 2)) <= 45  # about half


def test_a_giant_document_is_cut_into_sections_for_both_splits(subject, tmp_path):
    (text,) = random_texts(1, 16 * 64 * 30, seed=2)
    windows = build([text], subject, tmp_path, prepend_bos=False)
    assert windows.documents["source"].tolist() == [f"doc0#{i}" for i in range(30)]
    assert np.bincount(windows.document).tolist() == [64] * 30
    assert set(windows.split) == {0, 1}
    assert windows.start.max() == 63 * 16
    assert windows.notes == ["The corpus holds 30,720 tokens in windows, of the 1,000,000 asked for."]


def test_a_small_single_document_is_cut_finer(subject, tmp_path):
    (text,) = random_texts(1, 16 * 100, seed=3)
    windows = build([text], subject, tmp_path, prepend_bos=False)
    assert len(windows.documents) == 20
    assert any("sections of 5 windows" in note for note in windows.notes)


def test_repetitive_text_has_only_one_split(subject, tmp_path):
    with pytest.raises(UsageError, match="1 apart from near-duplicates"):
        build(["the same words again and again " * 5000], subject, tmp_path)
    assert not (tmp_path / "meta.json").exists()


def test_it_stops_at_the_number_of_tokens(subject, tmp_path):
    calls = []
    windows = build(
        random_texts(200, 45),
        subject,
        tmp_path,
        n_tokens=1000,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert 1000 <= windows.n_tokens < 1000 + 15
    assert windows.notes == []
    assert subject.calls < 30  # later documents are not tokenised
    assert calls[-1] == (1000, 1000)
    assert calls == sorted(calls)


def test_a_huge_line_is_tokenised_in_pieces(subject, tmp_path):
    (text,) = random_texts(1, 400_000, seed=4)
    windows = build([text], subject, tmp_path, n_tokens=30_000)
    assert windows.n_tokens >= 30_000
    assert subject.calls <= 4  # of about 36 pieces


@settings(deadline=None)
@given(text=st.text(alphabet="ab \n\té", max_size=200), size=st.integers(1, 30))
def test_pieces_of_a_text_are_the_text(text, size):
    from autointerp.corpus._cut import split_text

    pieces = list(split_text(text, size))
    assert "".join(pieces) == text
    assert all(len(piece) <= size for piece in pieces)
    for left, right in itertools.pairwise(pieces):  # cut inside a word only where a piece has no space
        assert right[0].isspace() or not left.strip() or not any(c in " \n" for c in left.lstrip())


def test_wrong_settings(subject, tmp_path):
    texts = random_texts(30, 40)
    for options, expected in [
        ({"context_length": 7}, "at least 8"),
        ({"context_length": 65}, "takes at most 64"),
        ({"n_tokens": 0}, "at least 1"),
    ]:
        with pytest.raises(UsageError, match=expected):
            build(texts, subject, tmp_path, **options)
    with pytest.raises(UsageError, match="no document has 8 tokens"):
        build(["a few words"], subject, tmp_path)
    subject.bos_id = None
    with pytest.raises(UsageError, match="no BOS token"):
        build(texts, subject, tmp_path)
    assert not build(texts, subject, tmp_path, prepend_bos=False).prepend_bos


def test_opened_windows_are_those_that_were_built(subject, tmp_path):
    built = build(random_texts(40, 50), subject, tmp_path)
    opened = Windows.open(tmp_path)
    for name in ("tokens", "lengths", "split", "document", "start"):
        assert np.array_equal(getattr(built, name), getattr(opened, name))
        assert getattr(opened, name).dtype == getattr(built, name).dtype
    assert isinstance(opened.tokens, np.memmap)
    assert opened.documents.equals(built.documents)
    assert opened.documents.columns.tolist() == ["digest", "source", "kind", "cluster"]
    assert (opened.corpus_name, opened.context_length, opened.pad_id, opened.prepend_bos) == ("test", 16, 1, True)
    assert opened.fingerprint == built.fingerprint == json.loads((tmp_path / "meta.json").read_text())["fingerprint"]


def test_building_again_gives_the_same_fingerprint_and_other_text_another(new_subject, tmp_path):
    texts = random_texts(40, 50)
    one, again, other = (
        build(t, new_subject(), tmp_path / name).fingerprint
        for t, name in [(texts, "a"), (texts, "b"), (texts[1:], "c")]
    )
    assert one == again != other


def test_half_written_and_damaged_folders_are_refused_and_rebuilt(subject, tmp_path):
    texts = random_texts(40, 50)
    with pytest.raises(UsageError, match="no windows here"):
        Windows.open(tmp_path / "none")
    fingerprint = build(texts, subject, tmp_path).fingerprint
    for name in ("meta.json", "tokens.npy", "index.parquet", "documents.parquet"):
        (tmp_path / name).unlink()
        with pytest.raises(UsageError, match=rf"{re.escape(name)} is missing"):
            Windows.open(tmp_path)
        assert build(texts, subject, tmp_path).fingerprint == fingerprint
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:60])
        with pytest.raises(UsageError, match="can't be read"):
            Windows.open(tmp_path)
        assert build(texts, subject, tmp_path).fingerprint == fingerprint
    tokens = np.load(tmp_path / "tokens.npy")
    np.save(tmp_path / "tokens.npy", tokens[:-1])
    with pytest.raises(UsageError, match="do not belong together"):
        Windows.open(tmp_path)
    np.save(tmp_path / "tokens.npy", tokens + 1)
    with pytest.raises(UsageError, match="not those that meta"):
        Windows.open(tmp_path)


@pytest.mark.parametrize("split", [None, "explain", "score"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_hold_every_window_once_in_one_shape(subject, tmp_path, split, size):
    windows = build(random_texts(40, 50), subject, tmp_path)
    seen = []
    for ids, tokens in windows.batches(split, size):
        assert tokens.shape == (size, 16)
        assert ids.dtype == tokens.dtype == np.int64
        assert np.array_equal(tokens[: len(ids)], windows.tokens[ids])
        assert (tokens[len(ids) :] == windows.pad_id).all()
        seen += ids.tolist()
    wanted = range(windows.n_windows) if split is None else np.flatnonzero(windows.split == (split == "score"))
    assert seen == list(wanted)
    assert seen


def test_there_are_two_splits(subject, tmp_path):
    windows = build(random_texts(40, 50), subject, tmp_path)
    with pytest.raises(UsageError, match="explain and score"):
        windows.rows("test")
