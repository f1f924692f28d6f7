"""What each null replaces, on a small subject; and what the summary says of null runs."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import sae
from autointerp.corpus import Windows
from autointerp.errors import UsageError
from autointerp.score import summarise
from autointerp.score.nulls import (
    NULLS,
    null_directory,
    null_recipe,
    parse_nulls,
    random_directions,
    shuffle_activations,
    train_null,
)

D, CONTEXT, VOCAB = 8, 12, 40


class ASubject:
    """A residual is its token's own vector, with a little of the position's."""

    d_model = D

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.embedding = torch.randn(VOCAB, D, generator=generator)
        self.position = 0.1 * torch.randn(CONTEXT, D, generator=generator)

    def residuals(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.embedding[tokens] + self.position


@pytest.fixture(scope="module")
def windows() -> Windows:
    rng = np.random.default_rng(0)
    n = 200
    lengths = np.where(np.arange(n) % 4 == 0, rng.integers(3, CONTEXT, n), CONTEXT).astype(np.int32)
    lengths[-1] = 2  # the only one of its length
    tokens = rng.integers(2, VOCAB, (n, CONTEXT)).astype(np.int32)
    tokens[:, 0] = 0
    tokens[np.arange(CONTEXT) >= lengths[:, None]] = 1
    return Windows(
        tokens=tokens,
        lengths=lengths,
        split=(np.arange(n) % 2).astype(np.uint8),
        document=np.arange(n, dtype=np.int32),
        start=np.zeros(n, np.int32),
        documents=pd.DataFrame({"digest": [f"d{i}" for i in range(n)]}),
        context_length=CONTEXT,
        prepend_bos=True,
        pad_id=1,
        n_tokens=int(lengths.sum()) - n,
        corpus_name="here",
        notes=[],
    )


def test_names() -> None:
    assert parse_nulls("shuffled_labels") == ()
    assert parse_nulls("all") == tuple(NULLS)[1:]
    assert parse_nulls("random_directions, shuffled_activations") == ("shuffled_activations", "random_directions")
    with pytest.raises(UsageError, match="'random' is not a null"):
        parse_nulls("random")


def test_shuffled_activations_move_whole_windows_to_others_of_their_length(windows: Windows) -> None:
    moved = shuffle_activations(windows, seed=0)
    assert moved.n_windows == windows.n_windows - 1
    assert moved.n_tokens == windows.n_tokens - 1
    reads = moved.model_reads
    assert reads is not None
    assert sorted(map(bytes, reads)) == sorted(map(bytes, moved.tokens)) == sorted(map(bytes, windows.tokens[:-1]))
    assert not (reads == moved.tokens).all(axis=1).any()
    assert ((reads == 1) == (moved.tokens == 1)).all()  # padding stays where it was
    assert moved.fingerprint not in {windows.fingerprint, replace(moved, model_reads=None).fingerprint}
    assert moved.fingerprint == shuffle_activations(windows, seed=0).fingerprint
    assert moved.fingerprint != shuffle_activations(windows, seed=1).fingerprint


def test_random_directions_fire_as_often_as_the_real_features(windows: Windows) -> None:
    densities = [0.003, 0.02, 0.1, 0.5]
    subject = ASubject()
    model = random_directions(
        densities, sae.SAEMetadata(hook_name="here"), subject=subject, windows=windows, drop_bos=True, seed=0
    )
    torch.testing.assert_close(model.W_enc.norm(dim=0), torch.ones(4))
    acts = model.encode(subject.residuals(torch.from_numpy(windows.tokens.astype(np.int64))))
    counted = (np.arange(CONTEXT) >= 2) & (np.arange(CONTEXT) < windows.lengths[:, None])
    found = (acts[torch.from_numpy(counted)] > 0).float().mean(dim=0)
    assert found.tolist() == pytest.approx(densities, abs=0.002)
    assert model.cfg.metadata.hook_name == "here"


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_decoder_stays_random_and_its_encoder_learns(windows: Windows, frozen: bool) -> None:
    recipe = null_recipe(d_sae=32, l0=3.2, n_vectors=5000, device="cpu", seed=0)
    assert (recipe.k, recipe.n_tokens, recipe.d_sae) == (3, 15_000, 32)
    recipe = replace(recipe, batch_size=128, n_tokens=12_800)
    trained = train_null(
        recipe, sae.SAEMetadata(extra={"training": {}}), subject=ASubject(), windows=windows, drop_bos=True,
        frozen_decoder=frozen,
    )  # fmt: skip
    start = torch.nn.functional.normalize(torch.randn(32, D, generator=torch.Generator().manual_seed(0)), dim=1)
    assert torch.allclose(trained.W_dec, start, atol=1e-5) == frozen
    x = ASubject().residuals(torch.arange(2, VOCAB)[:, None].expand(-1, CONTEXT))[:, 2:].reshape(-1, D)
    fvu = (trained(x) - x).var(dim=0).sum() / x.var(dim=0).sum()
    assert float(fvu) < 0.6
    assert "training" not in trained.cfg.metadata.extra


def test_a_frozen_decoder_is_neither_tied_nor_resampled() -> None:
    for more in ({"architecture": "tied"}, {"resample_every": 2}):
        config = sae.TrainConfig(n_tokens=64, batch_size=8, d_sae=4, l1_coefficient=1.0, **more)
        with pytest.raises(sae.SAEError, match="frozen decoder"):
            sae.train_frozen_decoder([torch.randn(64, D)], config)
    config = sae.TrainConfig(n_tokens=64, batch_size=8, d_sae=4, l1_coefficient=1.0)
    with pytest.raises(sae.SAEError, match="ended after 32"):
        sae.train_frozen_decoder([torch.randn(32, D)], config)


def test_the_summary_takes_in_nulls_of_the_same_labeler_and_judge(make_run, planted) -> None:
    from autointerp.label import label_features
    from autointerp.score import score_features

    run = make_run(planted)
    label_features(run, llm="rules")
    score_features(run, llm="rules")
    assert set(summarise(run)["nulls"]) == {"shuffled"}
    null = null_directory(run, "random_directions")
    assert null.journal == run.journal
    null.path.mkdir(parents=True)
    for name in ("contexts", "features", "scores", "scores_csv", "labels", "summary", "manifest_file"):
        source, target = getattr(run, name), getattr(null, name)
        target.write_bytes(source.read_bytes())
    frame = pd.read_parquet(null.features).assign(density=0.25)
    frame.to_parquet(null.features)
    found = summarise(run)["nulls"]["random_directions"]
    assert found["rates"] == json.loads(null.summary.read_text())["groups"]["ids"]["rates"]
    assert found["l0"] == 0.25 * len(frame)

    def by_another(manifest: SimpleNamespace) -> None:
        manifest.judge = manifest.judge.model_copy(update={"provider": "openai:x"})

    null.update(by_another)
    assert set(summarise(run)["nulls"]) == {"shuffled"}
