"""What is measured on a finished SAE, against the same said directly."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch

import sae
from autointerp.train import evaluate_sae
from autointerp.train._evaluation import measure


def make_sae(d_in: int, d_sae: int = 20) -> sae.SAE:
    generator = torch.Generator().manual_seed(0)
    W_enc = torch.randn(d_in, d_sae, generator=generator)
    b_enc = torch.full((d_sae,), -2.0)
    b_enc[3], b_enc[4] = -1e6, 1e6  # one that never fires, and one that always does
    W_enc[:, 5], b_enc[5] = 0.0, 0.01  # one that fires, but never above the threshold
    cfg = sae.SAEConfig("standard", d_in, d_sae, metadata=sae.SAEMetadata(n_dead_train=7))
    b_dec = torch.zeros(d_in)
    W_dec = 0.1 * torch.randn(d_sae, d_in, generator=generator)
    W_dec[4] = 0.0
    return sae.SAE(cfg, W_enc=W_enc, b_enc=b_enc, W_dec=W_dec, b_dec=b_dec)


def test_numbers_are_those_of_one_dense_batch(windows, letters) -> None:
    model = make_sae(letters.D_IN)
    found = evaluate_sae(model, letters.Subject(), windows, drop_bos=True, n_tokens=10**9, held_out=True)
    x = letters.dense(windows, 2)
    features = model.encode(x)
    y = model.decode(features)
    assert found["n_tokens"] == len(x)
    assert found["l0"] == pytest.approx(float((features > 0).sum(1).float().mean()))
    assert found["mse"] == pytest.approx(float((x - y).square().mean()), rel=1e-5)
    assert found["fvu"] == pytest.approx(sae.metrics.fvu(x, y), rel=1e-5)
    assert found["cosine"] == pytest.approx(float(torch.cosine_similarity(x, y).mean()), rel=1e-5)
    assert found["l2_ratio"] == pytest.approx(float((y.norm(dim=1) / x.norm(dim=1)).mean()), rel=1e-5)
    peaks, share = features.max(dim=0).values, (features > 0).double().mean(dim=0)
    assert found["dead"] == {
        "train_window": 7,
        "threshold": int((peaks <= 0.07).sum()),
        "threshold_value": 0.07,
        "never": int((peaks == 0).sum()),
    }
    assert found["dead"]["threshold"] > found["dead"]["never"] >= 1
    assert found["density"]["max"] == 1.0
    assert found["density"]["median"] == pytest.approx(float(share[share > 0].quantile(0.5)))
    assert found["density"]["n_above_10pct"] == int((share > 0.1).sum())


def test_blocks_do_not_matter(letters, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = make_sae(letters.D_IN), torch.randn(300, letters.D_IN, generator=torch.Generator().manual_seed(1))
    quality, firing = measure(model, [x])
    monkeypatch.setattr(import_module("autointerp.train._evaluation"), "_BLOCK_ELEMENTS", 20 * 7)
    again, firing_again = measure(model, [x[:100], x[100:]])
    assert again.fvu == pytest.approx(quality.fvu)
    assert (firing.n_active == firing_again.n_active).all()
    assert firing.max_activation == pytest.approx(firing_again.max_activation)


def test_an_sae_that_never_fires_has_no_density(letters) -> None:
    from autointerp.train._evaluation import describe_density

    model = make_sae(letters.D_IN)
    model.b_enc.data.fill_(-1e9)
    _, firing = measure(model, [torch.randn(10, letters.D_IN)])
    assert describe_density(firing)["median"] is None


def test_nothing_to_measure_is_an_error(letters) -> None:
    with pytest.raises(sae.SAEError, match="no activation"):
        measure(make_sae(letters.D_IN), [])
