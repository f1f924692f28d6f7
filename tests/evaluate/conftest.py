"""A model that answers in milliseconds, an SAE for it, and a setting to measure them in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch

import sae
from autointerp.corpus import Windows
from autointerp.evaluate import Firings, Setting, Site
from autointerp.harvest import HarvestConfig, harvest
from autointerp.run import RunDirectory, Silence
from autointerp.subject import Trace

D, VOCAB, CONTEXT = 8, 40, 12
BOS, PAD = 0, 1
PIECES = ["<s>", "<pad>"] + [f"{' ' * (i % 2)}w{i}" for i in range(VOCAB - 2)]


class ToySubject:
    """Residual = the token's vector and a little of the position's; logits see the mean of all residuals so far."""

    name, fingerprint, hook_point, weight_processing = "toy", "toy-1", "blocks.0.hook_resid_post", "raw"
    d_model, d_vocab, max_context, bos_id, pad_id = D, VOCAB, CONTEXT, BOS, PAD
    device = torch.device("cpu")

    def __init__(self, kind: Literal["decoder", "encoder"] = "decoder") -> None:
        random = torch.Generator().manual_seed(0)
        self.kind = kind
        self.embedding = torch.randn(VOCAB, D, generator=random)
        self.positions = 0.2 * torch.randn(CONTEXT, D, generator=random)
        self.W_U = torch.randn(D, VOCAB, generator=random)

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.embedding[tokens] + self.positions[: tokens.shape[1]]

    def logits(self, tokens: torch.Tensor, patch: Callable[[torch.Tensor], torch.Tensor] | None = None) -> torch.Tensor:
        x = self.residuals(tokens)
        x = x if patch is None else patch(x)
        so_far = x.cumsum(dim=1) / torch.arange(1, x.shape[1] + 1)[:, None]
        return torch.tanh(so_far + x) @ self.W_U

    def pieces(self, ids: Any) -> list[str]:
        return [PIECES[i] for i in ids]


def make_windows(n: int = 60, *, seed: int = 0) -> Windows:
    """Windows of Zipf-like tokens after BOS, three to a document, some short."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(1, VOCAB - 1)
    tokens = (2 + random.choice(VOCAB - 2, size=(n, CONTEXT), p=share / share.sum())).astype(np.int32)
    lengths = np.where(random.random(n) < 0.3, random.integers(4, CONTEXT, n), CONTEXT).astype(np.int32)
    tokens[np.arange(CONTEXT) >= lengths[:, None]] = PAD
    tokens[:, 0] = BOS
    document = (np.arange(n) // 3).astype(np.int32)
    names = [f"{seed}-{i}" for i in range(document.max() + 1)]
    frame = pd.DataFrame({"digest": names, "source": "here", "kind": "text", "cluster": range(len(names))})
    return Windows(
        tokens=tokens, lengths=lengths, split=(document % 2).astype(np.uint8), document=document,
        start=np.zeros(n, np.int32), documents=frame, context_length=CONTEXT, prepend_bos=True, pad_id=PAD,
        n_tokens=int(lengths.sum()) - n, corpus_name="toy", notes=[],
    )  # fmt: skip


def plain_sae(**tensors: torch.Tensor) -> sae.SAE:
    """A standard SAE over the toy's residuals, zero wherever nothing is said."""
    d_sae = max((tensors[name].shape[-1] for name in ("W_enc", "b_enc") if name in tensors), default=D)
    cfg = sae.SAEConfig("standard", D, d_sae, metadata=sae.SAEMetadata(dead_train=(0,)))
    zero = {name: torch.zeros(shape) for name, shape in sae.SAE.shapes(cfg).items()}
    return sae.SAE(cfg, **{**zero, **tensors})


def identity_sae() -> sae.SAE:
    """Each dimension as two features, for its positive and its negative side: reconstructs exactly."""
    both = torch.cat([torch.eye(D), -torch.eye(D)], dim=1)
    return plain_sae(W_enc=both, W_dec=both.T.contiguous())


def random_sae(d_sae: int = 24, seed: int = 1) -> sae.SAE:
    """Random directions and thresholds; the first feature is dead."""
    random = torch.Generator().manual_seed(seed)
    W_enc, W_dec = torch.randn(D, d_sae, generator=random), torch.randn(d_sae, D, generator=random)
    b_enc = -2.0 - torch.rand(d_sae, generator=random)
    b_enc[0] = -100.0
    return plain_sae(W_enc=W_enc, b_enc=b_enc, W_dec=torch.nn.functional.normalize(W_dec, dim=1) * 0.4)


def make_setting(
    folder: Path, model: sae.SAE, *, kind: Literal["decoder", "encoder"] = "decoder", **windows: int
) -> Setting:
    """Everything a suite takes, harvested; read whole in batches of 8 windows."""
    subject, text = ToySubject(kind), make_windows(**windows)
    run, config = RunDirectory(folder), HarvestConfig(batch_windows=8, shard_windows=16)
    harvest(run, model=model, subject=subject, windows=text, config=config)
    site = Site("toy", model, subject)  # type: ignore[arg-type]
    return Setting(run, (site,), text, config, n_tokens=text.n_tokens, progress=Silence(), batch_windows=8)


def make_firings(values: Any, *, token: Any = None, position: Any = None, kept: Any = None) -> Firings:
    """Activations given as they are; 12 tokens a window where no positions are given, all in one group."""
    from scipy.sparse import csr_array

    dense = np.asarray(values, np.float32)
    n = len(dense)
    position = np.arange(n) % CONTEXT if position is None else np.asarray(position)
    token = np.full(n, 2) if token is None else np.asarray(token)
    previous = np.where(position == 0, -1, np.roll(token, 1))
    kept = np.ones(n, bool) if kept is None else np.asarray(kept)
    return Firings(csr_array(dense), token, previous, position, kept, np.zeros(n, np.int64))


class DeepSubject(ToySubject):
    """Three blocks, each adding to every residual something of those before it; logits are linear in the last."""

    n_layers, max_context = 3, 4 * CONTEXT

    def __init__(self, kind: Literal["decoder", "encoder"] = "decoder", *, mixing: float = 1.0) -> None:
        super().__init__(kind)
        random = torch.Generator().manual_seed(5)
        self.positions = 0.2 * torch.randn(self.max_context, D, generator=random)
        self.blocks = mixing * torch.randn(self.n_layers, D, D, generator=random) / D**0.5

    def at(self, hook_point: str) -> DeepSubject:
        other = copy.copy(self)
        other.hook_point = hook_point
        return other

    def trace(self, tokens: torch.Tensor, *, read: Any = (), patches: Any = None) -> Trace:
        x, seen = super().residuals(tokens), {}
        for number, block in enumerate(self.blocks):
            name = f"blocks.{number}.hook_resid_post"
            if number:
                so_far = x.cumsum(dim=1) / torch.arange(1, x.shape[1] + 1)[:, None]
                x = x + torch.tanh(so_far @ block)
            if name in read:
                seen[name] = x
            x = (patches or {}).get(name, lambda same: same)(x)
        return Trace(seen, None if self.kind == "encoder" else x @ self.W_U)

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.trace(tokens, read=[self.hook_point]).activations[self.hook_point]

    def logits(self, tokens: torch.Tensor, patch: Any = None) -> torch.Tensor:
        return self.trace(tokens, patches={} if patch is None else {self.hook_point: patch}).logits

    def unembedding(self) -> torch.Tensor:
        return self.W_U


def make_deep(
    folder: Path, sites: Sequence[tuple[str, int, sae.SAE]], *, subject: DeepSubject | None = None, n: int = 60
) -> Setting:
    """A setting without a harvest: SAEs by name and block, on the deep model."""
    subject, text = subject or DeepSubject(), make_windows(n)
    placed = tuple(Site(name, model, subject.at(f"blocks.{block}.hook_resid_post")) for name, block, model in sites)
    config = HarvestConfig(batch_windows=8, shard_windows=16)
    return Setting(RunDirectory(folder), placed, text, config, text.n_tokens, Silence(), batch_windows=8)


@pytest.fixture(scope="session")
def deep() -> SimpleNamespace:
    """The builders for what several layers are needed for."""
    return SimpleNamespace(Subject=DeepSubject, setting=make_deep)


@pytest.fixture(scope="session")
def toy() -> SimpleNamespace:
    """The builders."""
    return SimpleNamespace(
        Subject=ToySubject, make_windows=make_windows, plain_sae=plain_sae, identity_sae=identity_sae,
        random_sae=random_sae, make_setting=make_setting, make_firings=make_firings,
        D=D, VOCAB=VOCAB, CONTEXT=CONTEXT, PIECES=PIECES,
    )  # fmt: skip
