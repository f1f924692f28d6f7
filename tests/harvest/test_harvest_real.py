"""A real model on real stories: one pass equals seven shards in another order, and contexts come back."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import numpy as np
import pytest
import torch

from autointerp.harvest import (
    ContextConfig,
    HarvestConfig,
    harvest,
    list_shards,
    load_contexts,
    load_features,
    load_sketch,
    merge,
    sketch_shard,
    write_contexts,
)
from autointerp.run import RunDirectory


@pytest.mark.slow
def test_stories(stories260k: Path, tinystories: Path, tmp_path: Path):
    import sae
    from autointerp.corpus import build_windows, open_corpus
    from autointerp.subject import load_subject

    torch.manual_seed(0)
    subject = load_subject(str(stories260k), hook_point="blocks.2.hook_resid_pre")
    windows = build_windows(
        open_corpus(str(tinystories)),
        subject,
        context_length=64,
        prepend_bos=True,
        n_tokens=40_000,
        out=tmp_path / "windows",
    )
    d_in, d_sae = subject.d_model, 256
    x = subject.residuals(torch.from_numpy(windows.tokens[:64].astype(np.int64))).flatten(0, 1)
    W_enc = torch.nn.functional.normalize(torch.randn(d_in, d_sae), dim=0)
    pre = (x - x.mean(0)) @ W_enc
    weights = {
        "W_enc": W_enc,
        "b_enc": -pre.quantile(0.97, dim=0),
        "W_dec": torch.randn(d_sae, d_in),
        "b_dec": x.mean(0),
    }
    model = sae.SAE(sae.SAEConfig("standard", d_in, d_sae), **weights)
    run, config = RunDirectory(tmp_path), HarvestConfig(k_top=16, k_sample=64, shard_windows=48)
    inputs = {"model": model, "subject": subject, "windows": windows}
    harvest(run, **inputs, config=config)

    shards = [shard for shard in list_shards(windows, config) if shard.name.startswith("explain")]
    assert len(shards) >= 7
    order = np.random.default_rng(0).permutation(len(shards))
    apart = reduce(merge, [sketch_shard(shards[i], **inputs, config=config) for i in order])
    whole = load_sketch(run, "explain")
    assert apart.shards == whole.shards
    assert all((array == whole.arrays()[name]).all() for name, array in apart.arrays().items())

    table = load_features(run)
    assert 0.01 < table["density"].median() < 0.1
    chosen = table["n_active"].nlargest(20).index.tolist()
    write_contexts(run, chosen, **inputs, config=ContextConfig())
    contexts = load_contexts(run)
    assert sorted(contexts) == sorted(chosen)
    strata = {c.stratum for cs in contexts.values() for c in cs}
    assert {"top", "d0", "d9", "negative_random", "negative_hard"} <= strata
    for c in (c for cs in contexts.values() for c in cs):
        assert c.is_positive == (c.activations[c.peak] > 0)
