"""A subject model that is small and quick, and text for it."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from autointerp.corpus import Windows, build_windows, open_corpus

D_IN, VOCAB, CONTEXT = 12, 130, 32


class LetterSubject:
    """Each character is a token; residual = its vector + half the previous one's + a little of the position's."""

    name, kind, hook_point, weight_processing = "letters", "decoder", "blocks.0.hook_resid_post", "raw"
    d_model, d_vocab, max_context, bos_id, pad_id = D_IN, VOCAB, CONTEXT, 128, 129
    device = torch.device("cpu")

    def __init__(self, fingerprint: str = "letters-1") -> None:
        generator = torch.Generator().manual_seed(0)
        self.fingerprint = fingerprint
        self.embedding = torch.randn(VOCAB, D_IN, generator=generator)
        self.positions = 0.2 * torch.randn(CONTEXT, D_IN, generator=generator)
        self.n_calls = 0

    def encode(self, text: str) -> list[int]:
        return [min(ord(letter), 127) for letter in text]

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        self.n_calls += 1
        x = self.embedding[tokens] + self.positions[: tokens.shape[1]]
        x[:, 1:] += 0.5 * self.embedding[tokens[:, :-1]]
        return x


def write_corpus(path: Path, n_documents: int = 60, seed: int = 0) -> Path:
    """Documents of random letters, of very different lengths, none alike."""
    rng = np.random.default_rng(seed)
    texts = ["".join(chr(97 + i) for i in rng.integers(0, 26, rng.integers(10, 400))) for _ in range(n_documents)]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def make_windows(folder: Path, *, n_tokens: int = 100_000, n_documents: int = 60) -> Windows:
    corpus = open_corpus(str(write_corpus(folder / "corpus.jsonl", n_documents)))
    out = folder / f"windows-{n_tokens}"
    return build_windows(corpus, LetterSubject(), context_length=CONTEXT, prepend_bos=True, n_tokens=n_tokens, out=out)


def dense(windows: Windows, first: int) -> torch.Tensor:
    """Activations from one position on, window after window, without padding."""
    x = LetterSubject().residuals(torch.from_numpy(np.array(windows.tokens, dtype=np.int64)))
    return torch.cat([row[first:length] for row, length in zip(x, windows.lengths, strict=True)])


@pytest.fixture(scope="session")
def windows(tmp_path_factory: pytest.TempPathFactory) -> Windows:
    return make_windows(tmp_path_factory.mktemp("windows"))


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> LetterSubject:
    """The model that ``train_sae`` gets, whatever it asks for."""
    letters = LetterSubject()
    monkeypatch.setattr(import_module("autointerp.train._begin"), "load_subject", lambda *_, **__: letters)
    return letters


@pytest.fixture(scope="session")
def letters() -> SimpleNamespace:
    """The builders."""
    return SimpleNamespace(
        Subject=LetterSubject, make_windows=make_windows, write_corpus=write_corpus, dense=dense, D_IN=D_IN
    )
