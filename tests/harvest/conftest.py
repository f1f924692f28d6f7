"""A subject, an SAE and windows that are small, deterministic, and have the attributes of the real ones."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import sae
from autointerp.harvest import HarvestConfig, harvest
from autointerp.run import RunDirectory

D_IN, D_SAE, VOCAB, CONTEXT = 12, 40, 50, 16
BOS, PAD = 0, 1
ALWAYS_ON = 5
"""A feature that is active on every token, so it has no negatives."""
NEVER_ON = 7
TWIN, TWIN_OF = 9, 8


class TinySubject:
    """Residual = the token's vector + a part of the previous token's + a little of the position's."""

    name, fingerprint, kind, hook_point, weight_processing = (
        "tiny",
        "tiny-1",
        "decoder",
        "blocks.0.hook_resid_pre",
        "raw",
    )
    d_model, d_vocab, max_context, bos_id, pad_id = D_IN, VOCAB, CONTEXT, BOS, PAD
    device = torch.device("cpu")

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.embedding = torch.randn(VOCAB, D_IN, generator=generator)
        self.positions = 0.2 * torch.randn(CONTEXT, D_IN, generator=generator)
        self.shapes: set[tuple[int, ...]] = set()
        self.n_calls = 0

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        self.shapes.add(tuple(tokens.shape))
        self.n_calls += 1
        x = self.embedding[tokens] + self.positions
        x[:, 1:] += 0.5 * self.embedding[tokens[:, :-1]]
        return x

    def pieces(self, ids) -> list[str]:
        return [PIECES[i] for i in ids]


PIECES = ["<s>", "<pad>"] + [f"{' ' * (i % 2)}{'Word' if i % 3 else 'word'}{i // 4}" for i in range(VOCAB - 2)]


@dataclass(frozen=True)
class TinyWindows:
    """The documented attributes of ``Windows``."""

    tokens: np.ndarray
    lengths: np.ndarray
    split: np.ndarray
    document: np.ndarray
    start: np.ndarray
    documents: pd.DataFrame
    context_length: int
    prepend_bos: bool
    corpus_name: str = "tiny"
    model_reads: np.ndarray | None = None

    @property
    def n_tokens(self) -> int:
        return int(self.lengths.sum()) - len(self.lengths) * self.prepend_bos

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.tokens.tobytes() + self.lengths.tobytes() + self.split.tobytes()).hexdigest()


def make_windows(n: int = 60, *, seed: int = 0, prepend_bos: bool = True) -> TinyWindows:
    """Windows of Zipf-like tokens, three to a document, some short."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, VOCAB - 1)
    tokens = (2 + rng.choice(VOCAB - 2, size=(n, CONTEXT), p=share / share.sum())).astype(np.int32)
    lengths = np.where(rng.random(n) < 0.3, rng.integers(2, CONTEXT, n), CONTEXT).astype(np.int32)
    tokens[np.arange(CONTEXT) >= lengths[:, None]] = PAD
    if prepend_bos:
        tokens[:, 0] = BOS
    document = (np.arange(n) // 3).astype(np.int32)
    digests = [hashlib.sha256(f"{seed} {i}".encode()).hexdigest() for i in range(document.max() + 1)]
    documents = pd.DataFrame({"digest": digests, "source": "here", "kind": "text", "cluster": range(len(digests))})
    split = (document % 2).astype(np.uint8)
    return TinyWindows(tokens, lengths, split, document, np.zeros(n, np.int32), documents, CONTEXT, prepend_bos)


def make_model() -> sae.SAE:
    """Random, with a feature always on, one never on, and two with one decoder direction."""
    generator = torch.Generator().manual_seed(1)
    W_enc = torch.randn(D_IN, D_SAE, generator=generator)
    b_enc = -3.0 - 3.0 * torch.rand(D_SAE, generator=generator)
    W_dec = torch.randn(D_SAE, D_IN, generator=generator)
    b_enc[ALWAYS_ON], b_enc[NEVER_ON] = 100.0, -100.0
    W_dec[TWIN] = 3 * W_dec[TWIN_OF]
    metadata = sae.SAEMetadata(dead_train=(NEVER_ON,))
    cfg = sae.SAEConfig("standard", D_IN, D_SAE, metadata=metadata)
    return sae.SAE(cfg, W_enc=W_enc, b_enc=b_enc, W_dec=W_dec, b_dec=torch.zeros(D_IN))


@dataclass
class Parts:
    """Everything a harvest takes."""

    model: sae.SAE
    subject: TinySubject
    windows: TinyWindows
    config: HarvestConfig

    @property
    def inputs(self) -> dict[str, object]:
        return {"model": self.model, "subject": self.subject, "windows": self.windows}

    def harvest(self, folder: Path, **options) -> RunDirectory:
        run = RunDirectory(folder)
        harvest(run, **self.inputs, config=self.config, **options)
        return run

    def with_config(self, **changes) -> Parts:
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **changes))

    def dense(self) -> np.ndarray:
        """Activations of every window, [n, t, F], computed all at once."""
        tokens = torch.from_numpy(self.windows.tokens.astype(np.int64))
        return self.model.encode(TinySubject().residuals(tokens)).numpy()

    def counts(self) -> np.ndarray:
        """Tokens that count, [n, t], said another way than in the code under test."""
        mask = np.zeros(self.windows.tokens.shape, bool)
        for window, length in enumerate(self.windows.lengths):
            real = range(int(self.windows.prepend_bos), length)
            mask[window, list(real)[self.config.skip_positions :]] = True
            mask[window, 0] |= self.config.keep_bos and self.windows.prepend_bos
        return mask


def make_parts(**windows) -> Parts:
    config = HarvestConfig(batch_windows=4, k_top=6, k_sample=12, shard_windows=8)
    return Parts(make_model(), TinySubject(), make_windows(**windows), config)


@pytest.fixture
def parts() -> Parts:
    return make_parts()


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """The builders, and the names of the special tokens and features."""
    names = "ALWAYS_ON BOS D_SAE NEVER_ON PAD TWIN TWIN_OF TinySubject make_model make_parts make_windows"
    return SimpleNamespace(**{name: globals()[name] for name in names.split()})
