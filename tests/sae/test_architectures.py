"""What every architecture promises, and what each one computes."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
import sae._model
from sae._config import ARCHITECTURES
from sae.architectures import REGISTRY, largest

WITH_A_THRESHOLD = ("jumprelu", "batchtopk", "matryoshka")
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def by_definition(model, x):
    """Features, straight from the definitions."""
    t = model.tensors()
    if model.cfg.apply_b_dec_to_input:
        x = x - t["b_dec"]
    if model.cfg.architecture == "gated":
        gate = x @ t["W_enc"] + t["b_gate"] > 0
        return gate * torch.relu(x @ (t["W_enc"] * t["r_mag"].exp()) + t["b_mag"])
    pre = x @ t["W_enc"] + t["b_enc"]
    if model.cfg.architecture == "topk":
        values, chosen = pre.topk(model.cfg.k, dim=-1)
        return torch.zeros_like(pre).scatter(-1, chosen, values.relu())
    return torch.relu(pre) * (pre > t.get("threshold", torch.tensor(0.0)))


def exact(model, **tensors):
    """Replace tensors of an SAE."""
    return sae.build(model.cfg, {**model.tensors(), **tensors})


def test_every_name_has_a_class():
    assert tuple(REGISTRY) == ARCHITECTURES


@every_architecture
@pytest.mark.parametrize("apply_b_dec_to_input", [True, False])
def test_shapes_and_numbers(make_sae, architecture, apply_b_dec_to_input):
    model = make_sae(architecture=architecture, apply_b_dec_to_input=apply_b_dec_to_input)
    assert type(model) is REGISTRY[architecture]
    assert type(sae.SAE(model.cfg, **model.tensors())) is REGISTRY[architecture]
    assert (tuple(model.W_enc.shape), tuple(model.W_dec.shape)) == ((6, 15), (15, 6))
    x = torch.randn(4, 3, 6)
    f = model.encode(x)
    assert f.shape == (4, 3, 15)
    assert 0 < (f > 0).sum() < f.numel()
    torch.testing.assert_close(f, by_definition(model, x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model.decode(f), f @ model.W_dec + model.b_dec)
    assert torch.equal(model(x), model.decode(model.encode(x)))
    assert model.encode(x[0, 0]).shape == (15,)
    assert model.encode(x[:0]).shape == (0, 3, 15)


@every_architecture
@settings(deadline=None, max_examples=15)
@given(n=st.integers(0, 40), block=st.integers(1, 200), seed=st.integers(0, 5))
def test_sparse_is_dense(make_sae, architecture, n, block, seed):
    model = make_sae(architecture=architecture, seed=seed)
    x = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))
    features = torch.tensor([14, 0, 3, 3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sae._model, "CHUNK_ELEMENTS", block)
        acts = model.encode_sparse(x)
        some = model.encode_features(x, features)
    dense = torch.zeros(n, 15)
    dense[acts.row, acts.feature] = acts.value
    torch.testing.assert_close(dense, model.encode(x))
    torch.testing.assert_close(some, model.encode(x)[:, features])
    assert (acts.n_rows, acts.d_sae) == (n, 15)
    assert (acts.row.dtype, acts.feature.dtype, acts.value.dtype) == (torch.int64, torch.int64, torch.float32)
    assert bool(((acts.row * 15 + acts.feature).diff() > 0).all())
    assert bool((acts.value > 0).all())


@every_architecture
def test_only_one_block_is_dense(make_sae, architecture, monkeypatch):
    model = make_sae(architecture=architecture)
    monkeypatch.setattr(sae._model, "CHUNK_ELEMENTS", 4 * 15)
    seen = []
    fires = type(model)._fires
    monkeypatch.setattr(type(model), "_fires", lambda self, pre, *of: seen.append(pre) or fires(self, pre, *of))
    model.encode_sparse(torch.randn(10, 6))
    assert [len(pre) for pre in seen] == [4, 4, 2]
    assert len({pre.data_ptr() for pre in seen}) == 1


@every_architecture
def test_wrong_inputs_are_refused(make_sae, architecture):
    model = make_sae(architecture=architecture)
    for call in (model.encode, model.encode_sparse, lambda x: model.encode_features(x, torch.tensor([0]))):
        with pytest.raises(sae.SAEError, match=r"d_in=6.*\(2, 7\)"):
            call(torch.randn(2, 7))
    with pytest.raises(sae.SAEError, match=r"0\.\.14"):
        model.encode_features(torch.randn(2, 6), torch.tensor([15]))
    with pytest.raises(sae.SAEError, match=r"d_sae=15, found 14"):
        model.decode(torch.randn(2, 14))


@every_architecture
def test_gradients_reach_input_and_weights(make_sae, architecture):
    model = make_sae(architecture=architecture).requires_grad_()
    x = torch.randn(8, 6, requires_grad=True)
    model(x).square().sum().backward()
    assert x.grad is not None
    without = {"threshold", "b_gate"}  # both only decide: steps have no gradient
    for name, weight in model.named_parameters():
        assert (weight.grad is not None and weight.grad.abs().sum() > 0) == (name not in without), name


@every_architecture
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_save_and_load_are_identical(tmp_path, make_sae, architecture, dtype):
    metadata = sae.SAEMetadata(model_name="m", dead_train=(1,), extra={"mine": [1, {"a": None}]})
    model = make_sae(architecture=architecture, dtype=dtype, metadata=metadata)
    sae.save(model, tmp_path)
    loaded = sae.load(tmp_path)
    x = torch.randn(9, 6)
    assert loaded.cfg == model.cfg
    assert loaded.fingerprint() == model.fingerprint()
    assert torch.equal(loaded.encode(x), model.encode(x))
    assert torch.equal(loaded(x), model(x))
    assert torch.equal(loaded.encode_sparse(x).value, model.encode_sparse(x).value)


@every_architecture
def test_copies_are_the_same_model(make_sae, architecture):
    model = make_sae(architecture=architecture)
    other = copy.deepcopy(model)
    assert type(other) is type(model)
    assert other.fingerprint() == model.fingerprint()
    other.W_enc.data[0, 0] += 1
    assert other.fingerprint() != model.fingerprint()


@every_architecture
def test_every_tensor_counts_in_the_fingerprint(make_sae, architecture):
    model = make_sae(architecture=architecture)
    seen = {exact(model, **{name: t + 1e-3}).fingerprint() for name, t in model.tensors().items()}
    assert len(seen | {model.fingerprint()}) == len(model.tensors()) + 1


@every_architecture
def test_every_tensor_is_checked(make_sae, architecture):
    model = make_sae(architecture=architecture)
    for name, tensor in model.tensors().items():
        with pytest.raises(sae.SAEError, match=f"{name} holds NaN"):
            exact(model, **{name: torch.full_like(tensor, float("nan"))})
        with pytest.raises(sae.SAEError, match=f"{name} must have shape"):
            exact(model, **{name: tensor[None]})
        with pytest.raises(sae.SAEError, match=f"tensor {name} is missing: a {architecture} SAE has"):
            sae.build(model.cfg, {key: value for key, value in model.tensors().items() if key != name})


@every_architecture
def test_plain_computes_the_same(make_sae, architecture):
    model = make_sae(architecture=architecture)
    plain = model.plain()
    x = torch.randn(20, 6)
    expected = {"tied": "standard", "batchtopk": "jumprelu", "matryoshka": "jumprelu"}
    assert plain.cfg.architecture == expected.get(architecture, architecture)
    assert torch.equal(plain.encode(x), model.encode(x))
    torch.testing.assert_close(plain(x), model(x))
    assert (plain is model) == (architecture not in expected)


def on_a_diagonal(make_sae, architecture, **tensors):
    """An SAE whose pre-activations are its inputs: 4 features, identity weights, no biases."""
    model = make_sae(
        d_in=4, d_sae=4, architecture=architecture, **({"widths": (2, 4)} if "matry" in architecture else {})
    )
    eye = {name: torch.eye(4) if name.startswith("W_") else torch.zeros_like(t) for name, t in model.tensors().items()}
    return exact(model, **{**eye, **tensors})


@pytest.mark.parametrize("architecture", WITH_A_THRESHOLD)
@pytest.mark.parametrize("threshold", [0.5, 0.0, -1.0])
def test_a_threshold_is_strict(make_sae, architecture, threshold):
    shape = (4,) if architecture == "jumprelu" else ()
    model = on_a_diagonal(make_sae, architecture, threshold=torch.full(shape, threshold))
    above = torch.nextafter(torch.tensor(0.5), torch.tensor(1.0))
    x = torch.tensor([[0.5, float(above), 0.25, -0.5]])
    expected = x * (x > 0.5) if threshold == 0.5 else torch.relu(x)  # a negative threshold is none
    assert torch.equal(model.encode(x), expected)
    assert model.encode_sparse(x).feature.tolist() == expected[0].nonzero().flatten().tolist()
    assert torch.equal(model.encode_features(x, torch.tensor([3, 0, 1])), expected[:, [3, 0, 1]])


def test_a_gate_is_strict(make_sae):
    model = on_a_diagonal(make_sae, "gated", b_gate=torch.full((4,), -0.5), b_mag=torch.tensor([1.0, 1.0, 1.0, -3.0]))
    above = float(torch.nextafter(torch.tensor(0.5), torch.tensor(1.0)))
    x = torch.tensor([[0.5, above, 0.25, 2.0]])  # the last passes the gate, but its magnitude is negative
    assert model.encode(x).tolist() == [[0.0, 1.5, 0.0, 0.0]]
    assert model.encode_sparse(x).feature.tolist() == [1]


def test_a_zero_activation_does_not_fire(make_sae):
    for architecture in ("standard", "tied", "topk"):
        model = on_a_diagonal(make_sae, architecture)
        assert model.encode_sparse(torch.tensor([[0.0, -0.0, 2.0, -1.0]])).feature.tolist() == [2]


def test_topk_chooses_before_the_relu(make_sae):
    model = make_sae(architecture="topk", k=3)
    few = exact(model, b_enc=model.b_enc - 100 + 100.0 * (torch.arange(15) == 4))
    f = few.encode(1e-3 * torch.randn(20, 6) + few.b_dec + 10 * few.W_enc[:, 4] / few.W_enc[:, 4].norm() ** 2)
    assert (f > 0).sum(dim=1).tolist() == [1] * 20


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.lists(st.integers(-2, 2), min_size=6, max_size=6), min_size=1, max_size=5), k=st.integers(1, 6))
def test_of_equal_ones_the_lowest_indices_are_largest(rows, k):
    pre = torch.tensor(rows, dtype=torch.float32)
    for row, chosen in zip(rows, largest(pre, k), strict=True):
        best = sorted(range(6), key=lambda i: (-row[i], i))[:k]
        assert chosen.nonzero().flatten().tolist() == sorted(best)


def test_a_prefix_of_a_matryoshka_decodes_alone(make_sae):
    model = make_sae(architecture="matryoshka")
    f = model.encode(torch.randn(5, 6))
    for width in (3, 8, 15):
        expected = f[:, :width] @ model.W_dec[:width] + model.b_dec
        torch.testing.assert_close(model.decode(f, width), expected)
    torch.testing.assert_close(model.decode(f), model.decode(f, 15))
    with pytest.raises(sae.SAEError, match=r"one of \(3, 8, 15\), found 4"):
        model.decode(f, 4)
    with pytest.raises(sae.SAEError, match="d_sae=15, found 3"):
        model.decode(f[:, :3], 3)


def test_a_tied_decoder_follows_the_encoder(make_sae):
    model = make_sae(architecture="tied")
    assert model.W_dec.data_ptr() == model.W_enc.data_ptr()
    assert set(model.tensors()) == {"W_enc", "b_enc", "b_dec"}
    other = make_sae(architecture="tied", d_in=1, d_sae=3)
    assert other.plain().W_dec.data_ptr() != other.W_enc.data_ptr()


@every_architecture
def test_layer_norm_works_everywhere(make_sae, architecture):
    model = make_sae(architecture=architecture, normalize_activations="layer_norm")
    other = sae.build(dataclasses.replace(model.cfg, normalize_activations="none"), model.tensors())
    x = 3 * torch.randn(10, 6) + 1
    read = (x - x.mean(dim=1, keepdim=True)) / (x.std(dim=1, keepdim=True) + 1e-5)
    assert torch.equal(model.encode(x), other.encode(read))
    assert torch.equal(model.encode_sparse(x).value, other.encode_sparse(read).value)
    torch.testing.assert_close(model(x), other(read) * x.std(dim=1, keepdim=True) + x.mean(dim=1, keepdim=True))
