"""The text that ships with Python, with the tokenizer that ships with the package."""

from __future__ import annotations

import pytest

from autointerp.corpus import ReadableCorpus, build_windows
from autointerp.corpus._cut import split_text
from autointerp.corpus._python import topics
from autointerp.subject import load_subject


@pytest.fixture(scope="module")
def bundled():
    return load_subject("bundled", hook_point="blocks.2.hook_resid_pre")


def test_cutting_a_text_in_front_of_white_space_does_not_change_its_tokens(bundled):
    text = "\n\n".join(document.text for document in topics())
    pieces = list(split_text(text, 5000))
    assert len(pieces) > 50
    assert [i for piece in pieces for i in bundled.encode(piece)] == bundled.encode(text)


def test_windows_read_as_their_documents(bundled, tmp_path):
    documents = list(topics())
    corpus = ReadableCorpus("topics", lambda _tally: iter(documents))
    windows = build_windows(corpus, bundled, context_length=128, prepend_bos=True, n_tokens=50_000, out=tmp_path)
    texts = {document.source: document.text for document in documents}
    for i in range(windows.n_windows):
        ids = windows.tokens[i][: windows.lengths[i]].tolist()
        source = windows.documents["source"][windows.document[i]].split("#")[0]
        assert ids[0] == bundled.bos_id
        text = "".join(bundled.pieces(ids[1:]))
        # a character cut into several tokens shows as U+FFFD
        assert text in texts[source] or "\ufffd" in text
    assert sum("\ufffd" in text for text in texts.values()) == 0
    assert 0.3 < windows.split.mean() < 0.7
