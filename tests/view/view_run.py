"""Makes a small real run: the bundled model, an SAE whose features are single tokens, and text of a few words."""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch

import autointerp
import sae
from autointerp.subject import load_subject

HOOK_POINT = "blocks.0.hook_resid_pre"
"""There a residual is a token's embedding, so that a feature can be a token."""
WORDS = (" self", " return", " the", " value", " in", " for", " if", " not", " name", " list", " def", " print")
DEAD, TWIN = len(WORDS), len(WORDS) + 1
"""A feature that never fires, and one that repeats feature 0."""
D_SAE = len(WORDS) + 2


def _make_sae(folder: Path) -> Path:
    subject = load_subject("bundled", hook_point=HOOK_POINT)
    ids = torch.tensor([subject.encode(word) for word in WORDS])  # [n, 1]: each word is one token
    rows = torch.nn.functional.normalize(subject.residuals(ids)[:, 0], dim=-1)  # [n, d]
    rows = torch.cat([rows, -rows.mean(dim=0, keepdim=True), rows[:1]])
    norm = subject.residuals(ids)[:, 0].norm(dim=-1)
    bias = torch.cat([-0.8 * norm, torch.tensor([-1e6]), -0.8 * norm[:1]])
    metadata = sae.SAEMetadata(model_name="bundled", hook_name=HOOK_POINT, context_size=32, prepend_bos=True)
    cfg = sae.SAEConfig("standard", rows.shape[1], D_SAE, apply_b_dec_to_input=False, metadata=metadata)
    model = sae.SAE(cfg, W_enc=rows.T.contiguous(), b_enc=bias, W_dec=rows, b_dec=torch.zeros(rows.shape[1]))
    sae.save(model, folder)
    return folder


def make_run(folder: Path) -> None:
    """Write ``folder/sae`` and ``folder/run``, labelled and scored with the rules."""
    chance = random.Random(0)
    words = [*WORDS, " apple", " of", " green", " tree", " house", "\n", " 12", "(", ")"]
    texts = ["".join(chance.choices(words, k=60)) for _ in range(120)]
    corpus = folder / "text.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    autointerp.label(
        _make_sae(folder / "sae"), folder / "run", corpus=str(corpus), features="top5,random:9", n_tokens=6_000
    )
    autointerp.score(folder / "run")
