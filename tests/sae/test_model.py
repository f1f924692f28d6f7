from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
import sae._model


def test_encodes_and_decodes_as_defined(make_sae):
    model = make_sae()
    x = torch.randn(4, 3, 6)
    f = torch.relu((x - model.b_dec) @ model.W_enc + model.b_enc)
    torch.testing.assert_close(model.encode(x), f)
    torch.testing.assert_close(model(x), f @ model.W_dec + model.b_dec)
    assert model.encode(x).shape == (4, 3, 15)
    assert not model.encode(x).requires_grad


def test_without_pre_encoder_bias(make_sae):
    model = make_sae(apply_b_dec_to_input=False)
    x = torch.randn(4, 6)
    torch.testing.assert_close(model.encode(x), torch.relu(x @ model.W_enc + model.b_enc))


def test_gradients_reach_the_input(make_sae):
    x = torch.randn(4, 6, requires_grad=True)
    make_sae()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@settings(deadline=None, max_examples=40)
@given(n=st.integers(0, 40), block=st.integers(1, 200), seed=st.integers(0, 5))
def test_sparse_is_dense(n, block, seed):
    random = torch.Generator().manual_seed(seed)
    weights = {"W_enc": (6, 15), "b_enc": (15,), "W_dec": (15, 6), "b_dec": (6,)}
    model = sae.SAE(
        sae.SAEConfig("standard", d_in=6, d_sae=15),
        **{name: torch.randn(shape, generator=random) for name, shape in weights.items()},
    )
    x = torch.randn(n, 6, generator=random)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sae._model, "CHUNK_ELEMENTS", block)
        acts = model.encode_sparse(x)
    dense = torch.zeros(n, 15)
    dense[acts.row, acts.feature] = acts.value
    torch.testing.assert_close(dense, model.encode(x))
    assert (acts.n_rows, acts.d_sae) == (n, 15)
    assert (acts.row.dtype, acts.feature.dtype, acts.value.dtype) == (torch.int64, torch.int64, torch.float32)
    position = acts.row * 15 + acts.feature
    assert bool((position.diff() > 0).all())
    assert bool((acts.value > 0).all())


def test_some_features_are_columns_of_all(make_sae):
    model = make_sae()
    x, features = torch.randn(9, 6), torch.tensor([14, 0, 3, 3])
    torch.testing.assert_close(model.encode_features(x, features), model.encode(x)[:, features])
    assert model.encode_features(x, features[:0]).shape == (9, 0)


@pytest.mark.parametrize("features", [[15], [-1], [3, 99]])
def test_missing_features_are_refused(make_sae, features):
    with pytest.raises(sae.SAEError, match=r"0\.\.14"):
        make_sae().encode_features(torch.randn(2, 6), torch.tensor(features))


def test_wrong_shapes_name_both_values(make_sae):
    model = make_sae()
    for call in (model.encode, model.encode_sparse, lambda x: model.encode_features(x, torch.tensor([0]))):
        with pytest.raises(sae.SAEError, match=r"d_in=6.*\(2, 7\)"):
            call(torch.randn(2, 7))
    with pytest.raises(sae.SAEError, match=r"d_sae=15, found 14"):
        model.decode(torch.randn(2, 14))
    with pytest.raises(sae.SAEError, match=r"d_in=6\], found \(2, 3, 6\)"):
        model.encode_sparse(torch.randn(2, 3, 6))


def test_input_dtype_does_not_matter(make_sae):
    model = make_sae()
    x = torch.randn(3, 6).half()
    torch.testing.assert_close(model.encode(x), model.encode(x.float()))
    assert make_sae(dtype="bfloat16").encode_sparse(x).value.dtype == torch.float32


def test_weights_are_checked(make_sae):
    model = make_sae()
    good = {name: weight.detach() for name, weight in model.named_parameters()}
    for name, weight in good.items():
        for bad in (float("nan"), float("inf")):
            broken = weight.clone()
            broken.view(-1)[1] = bad
            with pytest.raises(sae.SAEError, match=f"{name} holds NaN"):
                sae.SAE(model.cfg, **{**good, name: broken})
    with pytest.raises(sae.SAEError, match=r"W_enc must have shape \(6, 15\), found \(15, 6\) \(it looks transposed\)"):
        sae.SAE(model.cfg, **{**good, "W_enc": good["W_enc"].T})
    with pytest.raises(sae.SAEError, match=r"floating point, found torch\.int64"):
        sae.SAE(model.cfg, **{**good, "b_enc": good["b_enc"].long()})
    half = dataclasses.replace(model.cfg, dtype="float16")
    with pytest.raises(sae.SAEError, match=r"as torch\.float16"):
        sae.SAE(half, **{**good, "b_dec": good["b_dec"] * 1e6})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "abstopk"}, "'abstopk'; known: standard"),
        ({"d_in": 0}, "d_in=0"),
        ({"dtype": "int8"}, "'int8'; known: float32"),
        ({"normalize_activations": "expected_average_only_in"}, "'expected_average_only_in': fold"),
        ({"architecture": "topk"}, "needs k"),
        ({"architecture": "topk", "k": 0}, r"1\.\.15 \(d_sae\), found 0"),
        ({"architecture": "batchtopk", "k": 16}, r"1\.\.15 \(d_sae\), found 16"),
        ({"k": 3}, "k=3 means nothing to the architecture 'standard'"),
        ({"widths": (3, 15)}, r"matryoshka SAEs and to no other; found \(3, 15\)"),
        ({"architecture": "matryoshka"}, "matryoshka SAEs and to no other; found None"),
        ({"architecture": "matryoshka", "widths": ()}, r"d_sae=15, found \(\)"),
        ({"architecture": "matryoshka", "widths": (8, 3, 15)}, "must ascend"),
        ({"architecture": "matryoshka", "widths": (0, 15)}, "from at least 1"),
        ({"architecture": "matryoshka", "widths": (3, 8)}, "d_sae=15"),
        ({"metadata": sae.SAEMetadata(dead_train=(3, 15))}, r"outside 0\.\.14"),
    ],
)
def test_config_is_checked(change, message):
    with pytest.raises(sae.SAEError, match=message):
        sae.SAEConfig(**{"architecture": "standard", "d_in": 6, "d_sae": 15, **change})


def test_fingerprint_sees_weights_and_nothing_else(make_sae):
    model = make_sae()
    weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    other_config = dataclasses.replace(model.cfg, metadata=sae.SAEMetadata(model_name="m"))
    assert sae.SAE(other_config, **weights).fingerprint() == model.fingerprint() == make_sae().fingerprint()
    seen = {model.fingerprint(), make_sae(dtype="bfloat16").fingerprint(), make_sae(d_in=15, d_sae=6).fingerprint()}
    for name, weight in weights.items():
        changed = {**weights, name: weight + 1e-3}
        seen.add(sae.SAE(model.cfg, **changed).fingerprint())
    assert len(seen) == 7
    assert all(len(found) == 64 for found in seen)


def test_what_changes_the_encoding_changes_the_fingerprint(make_sae):
    settings = [{}, {"apply_b_dec_to_input": False}, {"normalize_activations": "layer_norm"}]
    settings += [{"architecture": "topk", "k": k} for k in (3, 4)]
    assert len({make_sae(**setting).fingerprint() for setting in settings}) == 5
    trained_with = [make_sae(architecture="batchtopk", k=k).fingerprint() for k in (3, 4)]
    assert trained_with[0] == trained_with[1]


def test_missing_and_unknown_tensors_are_named(make_sae):
    model = make_sae()
    tensors = model.tensors()
    with pytest.raises(sae.SAEError, match=r"tensor W_dec is missing: a standard SAE has W_enc, b_enc, W_dec, b_dec"):
        sae.build(model.cfg, {name: t for name, t in tensors.items() if name != "W_dec"})
    with pytest.raises(sae.SAEError, match="tensor threshold is not part of a standard SAE"):
        sae.build(model.cfg, {**tensors, "threshold": torch.ones(15)})


def test_layer_norm_is_undone(make_sae):
    plain = make_sae()
    model = make_sae(normalize_activations="layer_norm")
    x = 5 * torch.randn(2, 4, 6) + 3
    deviation = x.std(dim=-1, keepdim=True)
    read = (x - x.mean(dim=-1, keepdim=True)) / (deviation + 1e-5)
    torch.testing.assert_close(model.encode(x), plain.encode(read))
    torch.testing.assert_close(model(x), plain(read) * deviation + x.mean(dim=-1, keepdim=True))
    torch.testing.assert_close(model.decode(model.encode(x), x=x), model(x))
    with pytest.raises(sae.SAEError, match=r"decode\(f, x=x\) needs the inputs .*layer_norm"):
        model.decode(model.encode(x))


def test_a_constant_norm_is_undone(make_sae):
    plain = make_sae()
    model = make_sae(normalize_activations="constant_norm_rescale")
    x = 5 * torch.randn(4, 6)
    x[1] = 0
    scale = x.norm(dim=1, keepdim=True) / 6**0.5
    scale[1] = 1  # nothing to scale
    torch.testing.assert_close(model.encode(x), plain.encode(x / scale))
    torch.testing.assert_close(model(x), plain(x / scale) * scale)


def test_everything_exported_exists():
    assert sae.__all__ == sorted(sae.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(sae, name) for name in sae.__all__)
