from __future__ import annotations

import numpy as np
import pytest
import torch

import sae
from sae import _sparse_rows, finetune
from sae.architectures import REGISTRY, build
from sae.finetune import _moments

EXTRA = {"topk": {"k": 3}, "batchtopk": {"k": 3}, "matryoshka": {"k": 3, "widths": (4, 14)}}


pytestmark = pytest.mark.usefixtures("one_thread")


def make(architecture="standard", d_in=6, d_sae=14, seed=0, **config):
    """A random SAE of any architecture; about half of its features fire."""
    cfg = sae.SAEConfig(architecture, d_in, d_sae, **EXTRA.get(architecture, {}), **config)
    random = torch.Generator().manual_seed(seed)
    shapes = REGISTRY[architecture].shapes(cfg)
    return build(cfg, {name: 0.5 * torch.randn(shape, generator=random) for name, shape in shapes.items()})


def inputs(n=700, d_in=6, seed=1):
    return torch.randn(n, d_in, generator=torch.Generator().manual_seed(seed)) + 0.3


def solve(name):
    """One of the two ways, run until it is there."""
    if name == "least_squares":
        return finetune.least_squares
    return lambda model, batches, **how: finetune.gradient_steps(model, batches, n_steps=2000, lr=0.03, **how)


def mse(model, x):
    return float((model(x).double() - x.double()).square().mean())


@pytest.mark.parametrize("b_dec", [False, True])
@pytest.mark.parametrize("tune", ["scale", "decoder"])
@pytest.mark.parametrize("architecture", REGISTRY)
def test_the_encoder_keeps_its_bits_and_the_error_falls(architecture, tune, b_dec):
    model, x = make(architecture), inputs()
    before = model.fingerprint()
    if architecture == "gated" and b_dec:
        with pytest.raises(sae.SAEError, match="gated SAE reads x - b_dec"):
            finetune.least_squares(model, [x], tune=tune, b_dec=b_dec)
        model = make(architecture, apply_b_dec_to_input=False)
        before = model.fingerprint()
    for tuned in (
        finetune.least_squares(model, torch.split(x, 300), tune=tune, b_dec=b_dec),
        finetune.gradient_steps(model, torch.split(x, 100), n_steps=50, lr=0.02, tune=tune, b_dec=b_dec),
    ):
        assert torch.equal(tuned.sae.encode(x), model.encode(x))
        assert torch.equal(tuned.sae.encode_sparse(x).feature, model.encode_sparse(x).feature)
        assert mse(tuned.sae, x) < 0.99 * mse(model, x)
        assert torch.equal(tuned.sae.b_dec, model.b_dec) != b_dec
        if tune == "scale":
            torch.testing.assert_close(tuned.sae.W_dec, tuned.scale[:, None] * model.W_dec)
        else:
            assert tuned.scale is None
    assert model.fingerprint() == before  # the given one is untouched


@pytest.mark.parametrize("b_dec", [False, True])
@pytest.mark.parametrize("tune", ["scale", "decoder"])
def test_closed_form_is_the_least_squares_solution(tune, b_dec):
    model, x = make(), inputs()
    f = model.encode(x).double()
    ones = torch.ones(len(x), 1, dtype=torch.float64)
    target = x.double() if b_dec else x.double() - model.b_dec
    if tune == "decoder":
        design = torch.cat([f, ones], dim=1) if b_dec else f
        expected = np.linalg.lstsq(design.numpy(), target.numpy(), rcond=None)[0]
    else:  # one column a feature, one row an input and dimension
        design = torch.einsum("nf,fd->ndf", f, model.W_dec.double()).reshape(-1, 14)
        if b_dec:
            design = torch.cat([design, torch.eye(6, dtype=torch.float64).repeat(len(x), 1)], dim=1)
        expected = np.linalg.lstsq(design.numpy(), target.reshape(-1).numpy(), rcond=None)[0]
    tuned = finetune.least_squares(model, torch.split(x, 333), tune=tune, b_dec=b_dec)
    found = tuned.scale if tune == "scale" else tuned.sae.W_dec
    np.testing.assert_allclose(found.numpy(), expected[:14], rtol=1e-4, atol=1e-5)
    if b_dec:
        rest = expected[14:].reshape(-1)
        np.testing.assert_allclose(tuned.sae.b_dec.numpy(), rest, rtol=1e-4, atol=1e-5)
    assert tuned.n_rows == len(x)


@pytest.mark.parametrize("b_dec", [False, True])
@pytest.mark.parametrize("tune", ["scale", "decoder"])
def test_gradient_steps_reach_the_closed_form(tune, b_dec):
    model, x = make(d_in=20), inputs(n=300, d_in=20)  # more dimensions than features: well-conditioned equations
    best = finetune.least_squares(model, [x], tune=tune, b_dec=b_dec)
    found = solve("gradient_steps")(model, [x], tune=tune, b_dec=b_dec)
    torch.testing.assert_close(found.sae.W_dec, best.sae.W_dec, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(found.sae.b_dec, best.sae.b_dec, rtol=1e-2, atol=1e-2)
    gained = mse(model, x) - mse(best.sae, x)
    assert 0 <= mse(found.sae, x) - mse(best.sae, x) + 1e-7 < 1e-3 * gained + 2e-7
    assert found.n_rows == 2000 * len(x)


@pytest.mark.parametrize("way", ["least_squares", "gradient_steps"])
def test_scale_undoes_the_shrinkage_of_a_known_penalty(way):
    """One feature at a time, of strength g: the best L1 activation is g - lambda / 2."""
    penalty, strengths = 0.8, torch.linspace(1.0, 3.0, 8)
    eye = torch.eye(8)
    cfg = sae.SAEConfig("standard", 8, 8)
    model = build(cfg, {"W_enc": eye, "b_enc": -penalty / 2 * torch.ones(8), "W_dec": eye, "b_dec": torch.zeros(8)})
    x = strengths[:, None] * eye
    torch.testing.assert_close(model.encode(x).diagonal(), strengths - penalty / 2)
    tuned = solve(way)(model, [x], tune="scale")
    torch.testing.assert_close(tuned.scale, strengths / (strengths - penalty / 2), rtol=1e-4, atol=1e-4)
    assert sae.metrics.l2_ratio(x, model(x)) < 0.85
    assert sae.metrics.l2_ratio(x, tuned.sae(x)) == pytest.approx(1, abs=1e-4)


def test_scale_undoes_the_shrinkage_of_a_training():
    penalty, strengths = 0.6, torch.linspace(1.0, 2.5, 8)
    probes = strengths[:, None] * torch.eye(8)
    x = probes[torch.randint(8, (40_000,), generator=torch.Generator().manual_seed(0))]
    config = sae.TrainConfig(
        n_tokens=40_000, d_sae=16, l1_coefficient=penalty, normalise="none", b_dec_init="zero", batch_size=100, lr=1e-2
    )
    model = sae.train([x], config).sae
    tuned = finetune.least_squares(model, [x], tune="scale")
    before, after = (sae.metrics.evaluate(one, [x]) for one in (model, tuned.sae))
    assert after.l0 == before.l0
    assert after.mse < 0.2 * before.mse
    assert before.l2_ratio < 0.9 < after.l2_ratio
    features = model.encode(probes)
    assert torch.equal(tuned.sae.encode(probes), features)
    alone = (features > 0).sum(dim=1) == 1  # a strength that one feature has for itself
    assert alone.sum() >= 4
    owners, g = features.argmax(dim=1)[alone], strengths[alone]
    torch.testing.assert_close(tuned.scale[owners], g / (g - penalty / 2), rtol=0.05, atol=0)


@pytest.mark.parametrize("b_dec", [False, True])
@pytest.mark.parametrize("tune", ["scale", "decoder"])
def test_singular_equations_move_nothing_they_need_not(tune, b_dec):
    plain = make().tensors()
    plain["b_enc"][3] = -1e3  # never fires
    for name, dim in (("W_enc", 1), ("b_enc", 0), ("W_dec", 0)):  # 5 is a copy of 4
        plain[name].select(dim, 5).copy_(plain[name].select(dim, 4))
    plain["W_enc"][:, 6], plain["b_enc"][6] = 0, 2.0  # always the same
    plain["W_dec"][7] = 0  # says nothing
    model, x = build(make().cfg, plain), inputs()
    tuned = finetune.least_squares(model, [x], tune=tune, b_dec=b_dec)
    assert torch.isfinite(tuned.sae.W_dec).all()
    assert torch.equal(tuned.sae.W_dec[3], model.W_dec[3])
    torch.testing.assert_close(tuned.sae.W_dec[4], tuned.sae.W_dec[5], rtol=1e-4, atol=1e-4)  # the change is shared
    if b_dec:
        assert torch.equal(tuned.sae.W_dec[6], model.W_dec[6])  # that is b_dec's to do
    if tune == "scale":
        assert tuned.scale[3] == tuned.scale[7] == 1
    assert mse(tuned.sae, x) < mse(model, x)
    with pytest.raises(sae.SAEError, match="singular at ridge=1e-30"):
        finetune.least_squares(model, [x], tune="decoder", ridge=1e-30)


@pytest.mark.parametrize("way", ["least_squares", "gradient_steps"])
@pytest.mark.parametrize("tune", ["scale", "decoder"])
def test_rare_features_keep_their_rows_and_the_others_are_the_best_without_them(tune, way):
    model, x = make(d_in=20), inputs(n=300, d_in=20)
    counts = (model.encode(x) > 0).sum(dim=0)
    limit = int(counts.median())
    rare = counts < limit
    assert 0 < rare.sum() < 14
    repeats = 1 if way == "least_squares" else 2000
    tuned = solve(way)(model, [x], tune=tune, min_active=limit * repeats)
    assert torch.equal(tuned.sae.W_dec[rare], model.W_dec[rare])
    assert not (tuned.sae.W_dec == model.W_dec).all(dim=1)[~rare].any()
    assert tuned.sae.cfg.metadata.extra["finetune"]["min_active"] == limit * repeats
    if way == "least_squares":  # at the best, the error is orthogonal to all that may move
        pull = model.encode(x)[:, ~rare].T @ (x - tuned.sae(x))  # [features, d_in]
        before = model.encode(x)[:, ~rare].T @ (x - model(x))
        if tune == "scale":
            pull, before = ((each * model.W_dec[~rare]).sum(dim=1) for each in (pull, before))
        assert pull.abs().max() < 1e-4 * before.abs().max()


def test_pairs_and_products_give_the_same_sums(monkeypatch):
    model, x = make(d_sae=14), inputs()
    monkeypatch.setattr(_sparse_rows, "SPARSE_SHARE", 1e9)
    dense = _moments.moments(model, [x])
    monkeypatch.setattr(_sparse_rows, "SPARSE_SHARE", 0)
    sparse = _moments.moments(model, torch.split(x, 99))
    f = model.encode(x).double().numpy()
    error = (x.double() - model.decode(model.encode(x)).double()).numpy()
    for sums in (dense, sparse):
        np.testing.assert_allclose(sums.gram, f.T @ f, rtol=1e-6)
        np.testing.assert_allclose(sums.correlation, f.T @ error, rtol=1e-4, atol=1e-4)
        assert sums.n == len(x)
    np.testing.assert_allclose(dense.gram, sparse.gram, rtol=1e-12)


def test_memory_is_bounded_before_anything_is_read():
    def forbidden():
        raise AssertionError
        yield

    assert finetune.least_squares_bytes(768, 24_576) == 8 * (3 * 24_576**2 + 6 * 768 * 24_576)
    needed = finetune.least_squares_bytes(6, 14)
    with pytest.raises(sae.SAEError, match="use gradient_steps"):
        finetune.least_squares(make(), forbidden(), max_bytes=needed - 1)
    finetune.least_squares(make(), [inputs()], max_bytes=needed)


def test_the_result_survives_the_disk_and_says_what_was_done(tmp_path):
    given = sae.SAEMetadata(model_name="m", extra={"a": 1})
    model, x = make(metadata=given), inputs()
    tuned = finetune.least_squares(model, [x], tune="decoder", b_dec=True).sae
    sae.save(tuned, tmp_path)
    loaded = sae.load(tmp_path)
    assert torch.equal(loaded(x), tuned(x))
    assert loaded.cfg.metadata.model_name == "m"
    assert loaded.cfg.metadata.extra["a"] == 1
    assert loaded.cfg.metadata.extra["finetune"]["method"] == "least_squares"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_dtypes_stay(dtype):
    model, x = make(dtype=dtype), inputs()
    for tuned in (
        finetune.least_squares(model, [x], b_dec=True).sae,
        finetune.gradient_steps(model, [x], n_steps=100, lr=0.02, b_dec=True).sae,
    ):
        assert tuned.W_dec.dtype == tuned.b_dec.dtype == model.W_dec.dtype
        assert torch.equal(tuned.encode(x), model.encode(x))
        assert mse(tuned, x) < mse(model, x)


def test_what_can_not_be_tuned_is_refused():
    model, x = make(), inputs()
    wrong = x.clone()
    wrong[5, 2] = float("nan")
    layer_norm = make(normalize_activations="layer_norm")
    steps = {"n_steps": 3, "lr": 0.1}
    for call, message in [
        (lambda: finetune.least_squares(model, [x], tune="encoder"), "tune must be one of scale, decoder"),
        (lambda: finetune.gradient_steps(layer_norm, [x], **steps), "normalize_activations='layer_norm'"),
        (lambda: finetune.least_squares(model, [x], ridge=0), "ridge must be above 0"),
        (lambda: finetune.least_squares(model, []), "stream is empty"),
        (lambda: finetune.least_squares(model, [wrong]), "NaN or infinite"),
        (lambda: finetune.gradient_steps(model, [wrong], **steps), "loss is nan at step 1"),
        (lambda: finetune.gradient_steps(model, [x], n_steps=0, lr=0.1), "n_steps=0"),
        (lambda: finetune.gradient_steps(model, iter([x, x]), **steps), "stream ended after 2 batches"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            call()
