"""Which windows are trained on, and which are held out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from autointerp.corpus import build_windows, open_corpus
from autointerp.train import TrainingConfig
from autointerp.train._text import part


@pytest.mark.parametrize("n_tokens", [1000, 3001, 8000])
def test_holding_text_out_does_not_change_what_is_trained_on(n_tokens: int, letters, tmp_path: Path) -> None:
    alone = letters.make_windows(tmp_path, n_tokens=n_tokens)
    more = letters.make_windows(tmp_path, n_tokens=n_tokens + 2000)
    training = part(more, TrainingConfig(hook_point="x", n_tokens=n_tokens)).training
    assert np.array_equal(training.tokens, alone.tokens)
    assert np.array_equal(training.lengths, alone.lengths)
    assert training.n_tokens == alone.n_tokens


def test_held_out_documents_are_none_of_the_training_ones_nor_nearly(letters, tmp_path: Path) -> None:
    file = letters.write_corpus(tmp_path / "corpus.jsonl", 40)
    texts = [json.loads(line)["text"] for line in file.read_text().splitlines()]
    with file.open("a") as out:
        out.writelines(json.dumps({"text": f"{text}."}) + "\n" for text in texts)  # near-duplicates of all
    windows = build_windows(
        open_corpus(str(file)),
        letters.Subject(),
        context_length=32,
        prepend_bos=True,
        n_tokens=10**6,
        out=tmp_path / "windows",
    )
    text = part(windows, TrainingConfig(hook_point="x", n_tokens=windows.n_tokens // 4))
    assert text.held_out is not None
    cluster = windows.documents["cluster"].to_numpy()
    seen, kept = set(cluster[text.training.document]), set(cluster[text.held_out.document])
    assert not seen & kept
    assert len(seen) > 5
    nothing_new = part(windows, TrainingConfig(hook_point="x", n_tokens=windows.n_tokens // 2 + 200))
    assert nothing_new.held_out is None
