"""SAELens's folders in all their forms, against its own arithmetic written out."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import sae

D_IN, D_SAE, K = 6, 15, 4


@pytest.fixture
def write(tmp_path):
    """Write a folder; keywords are keys of cfg.json."""

    def to_disk(tensors, *, scaler=None, **cfg):
        base = {"d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "metadata": {"sae_lens_version": "6.54.12"}}
        content = {key: value for key, value in {**base, **cfg}.items() if value is not None}
        (tmp_path / "cfg.json").write_text(json.dumps(content))
        save_file({name: t.contiguous() for name, t in tensors.items()}, tmp_path / "sae_weights.safetensors")
        if scaler is not None:
            (tmp_path / "activation_scaler.json").write_text(json.dumps(scaler))
        return tmp_path

    return to_disk


@pytest.fixture
def weights(make_sae):
    """The four tensors of an SAE whose decoder rows have norms from 0.3 to 3."""
    tensors = make_sae().tensors()
    sizes = torch.linspace(0.3, 3, D_SAE)
    return {**tensors, "W_dec": torch.nn.functional.normalize(tensors["W_dec"], dim=1) * sizes[:, None]}


def pre_activation(t, x):
    return (x - t["b_dec"]) @ t["W_enc"] + t["b_enc"]


def keep_k(pre):
    values, chosen = pre.topk(K, dim=-1)
    return torch.zeros_like(pre).scatter(-1, chosen, values.relu())


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_topk_with_rescaling(write, weights):
    folder = write(weights, architecture="topk", k=K, rescale_acts_by_decoder_norm=True)
    model = sae.load(folder)
    assert (model.cfg.architecture, model.cfg.k) == ("topk", K)
    x = torch.randn(40, D_IN)
    norms = weights["W_dec"].norm(dim=1)
    f = keep_k(pre_activation(weights, x) * norms)
    close(model.encode(x), f)
    close(model(x), (f / norms) @ weights["W_dec"] + weights["b_dec"])
    assert not torch.equal(f > 0, keep_k(pre_activation(weights, x)) > 0)  # it does decide which


def test_topk_without_rescaling(write, weights):
    model = sae.load(write(weights, architecture="topk", k=float(K), rescale_acts_by_decoder_norm=False))
    x = torch.randn(40, D_IN)
    close(model.encode(x), keep_k(pre_activation(weights, x)))
    assert torch.equal(model.W_dec, weights["W_dec"])


def test_a_flat_topk_config(write, weights):
    for architecture in ("standard", "topk", None):
        folder = write(
            weights,
            architecture=architecture,
            activation_fn_str="topk",
            activation_fn_kwargs={"k": K},
            k=K + 1,
            hook_point="blocks.8.hook_resid_pre",
            metadata=None,
        )
        model = sae.load(folder)
        assert (model.cfg.architecture, model.cfg.k) == ("topk", K)
        assert model.cfg.metadata.hook_name == "blocks.8.hook_resid_pre"


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka_batchtopk"])
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("scale", [None, 4.0])
def test_training_checkpoints_of_batchtopk(write, weights, architecture, rescale, scale):
    """A checkpoint keeps its threshold and, if it scales inputs, weights for scaled ones."""
    norms = weights["W_dec"].norm(dim=1)
    threshold = torch.tensor(0.75, dtype=torch.float64)
    folder = write(
        {**weights, "topk_threshold": threshold},
        architecture=architecture,
        k=K + 0.5,
        rescale_acts_by_decoder_norm=rescale,
        topk_threshold_lr=0.01,
        normalize_activations="none" if scale is None else "expected_average_only_in",
        scaler={"scaling_factor": scale, "has_whitening": False},
        **({"matryoshka_widths": [3, 8, D_SAE]} if "matryoshka" in architecture else {}),
    )
    model = sae.load(folder)
    assert model.cfg.architecture == architecture.removesuffix("_batchtopk")
    assert model.cfg.k is None  # it was none that a config can name
    assert model.cfg.widths == ((3, 8, D_SAE) if "matryoshka" in architecture else None)
    assert model.cfg.metadata.extra["topk_threshold_lr"] == 0.01
    x = torch.randn(60, D_IN)
    pre = pre_activation(weights, x * (scale or 1)) * (norms if rescale else 1)
    f = torch.relu(pre) * (pre > threshold)
    reconstruction = (f / norms if rescale else f) @ weights["W_dec"] + weights["b_dec"]
    close(model.encode(x), f / scale if scale and rescale else f)  # as SAELens's own folding leaves them
    close(model(x), reconstruction / (scale or 1))


@pytest.mark.parametrize("name", ["threshold", "log_threshold"])
def test_jumprelu_new_and_old(write, weights, name):
    threshold = torch.linspace(0.1, 1.5, D_SAE)
    stored = threshold.log() if name == "log_threshold" else threshold
    model = sae.load(write({**weights, name: stored}, architecture="jumprelu", k=7, rescale_acts_by_decoder_norm=True))
    x = torch.randn(40, D_IN)
    pre = pre_activation(weights, x)
    close(model.encode(x), torch.relu(pre) * (pre > threshold))
    assert torch.equal(model.W_dec, weights["W_dec"])  # SAELens ignores both keys here too


def test_gated(write, make_sae):
    t = make_sae(architecture="gated").tensors()
    model = sae.load(write(t, architecture="gated"))
    x = torch.randn(40, D_IN)
    gate = (x - t["b_dec"]) @ t["W_enc"] + t["b_gate"] > 0
    magnitude = (x - t["b_dec"]) @ (t["W_enc"] * t["r_mag"].exp()) + t["b_mag"]
    close(model.encode(x), gate * magnitude.relu())


def test_layer_norm_and_constant_norm(write, weights):
    for how in ("layer_norm", "constant_norm_rescale"):
        model = sae.load(write(weights, architecture="standard", normalize_activations=how))
        assert model.cfg.normalize_activations == how
        assert torch.isfinite(model(torch.randn(3, D_IN))).all()


def test_a_standard_checkpoint_with_scaled_inputs(write, weights):
    scaled = {"architecture": "standard", "normalize_activations": "expected_average_only_in"}
    model = sae.load(write(weights, **scaled, scaler={"scaling_factor": 0.25}))
    assert model.cfg.normalize_activations == "none"
    x = torch.randn(40, D_IN)
    f = torch.relu(pre_activation(weights, 0.25 * x))
    close(model.encode(x), f)
    close(model(x), (f @ weights["W_dec"] + weights["b_dec"]) / 0.25)
    for scaler in ({"scaling_factor": None}, {"scaling_factor": -1}, {}, []):
        with pytest.raises(sae.SAEError, match=r"activation_scaler\.json does not hold a scaling_factor above 0"):
            sae.load(write(weights, **scaled, scaler=scaler))
    with pytest.raises(sae.SAEError, match="whitened"):
        sae.load(write(weights, **scaled, scaler={"scaling_factor": 1.0, "has_whitening": True}))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"metadata": {"model_from_pretrained_kwargs": {"center_writing_weights": True}}}, "compatibility"),
        ({"metadata": {"model_from_pretrained_kwargs": {"center_writing_weights": False}}}, "raw"),
        ({"metadata": {"model_from_pretrained_kwargs": {"fold_ln": False}}}, None),
        ({"metadata": {"model_from_pretrained_kwargs": {}}}, None),
        ({"metadata": {"hook_point": "x", "sae_lens_version": "6.0.0"}}, None),
        ({"metadata": None, "model_from_pretrained_kwargs": {"center_writing_weights": False}}, "raw"),
        ({"metadata": None, "hook_point": "blocks.8.hook_resid_pre"}, "compatibility"),  # before there was a choice
        ({"metadata": None, "hook_name": "blocks.8.hook_resid_pre", "sae_lens_version": "3.2.0"}, "compatibility"),
        ({"metadata": None, "hook_name": "blocks.8.hook_resid_pre"}, None),
        (
            {
                "metadata": {
                    "weight_processing": "raw",
                    "model_from_pretrained_kwargs": {"center_writing_weights": True},
                }
            },
            "raw",
        ),
    ],
)
def test_how_the_model_was_loaded(write, weights, keys, expected):
    """SAELens centred what writes to the residual stream, until it let one choose and recorded the choice."""
    assert sae.load(write(weights, **keys)).cfg.metadata.weight_processing == expected


@pytest.mark.parametrize(
    "keys",
    [
        {"reshape_activations": "hook_z", "metadata": {"hook_name": "blocks.1.attn.hook_z"}},
        {"hook_point": "blocks.1.attn.hook_z", "metadata": None},
    ],
)
def test_heads_are_joined_before_they_come_here(tmp_path, write, weights, keys):
    model = sae.load(write(weights, architecture="standard", **keys))
    x = torch.randn(40, D_IN)
    close(model.encode(x), torch.relu(pre_activation(weights, x)))
    with pytest.raises(sae.SAEError, match="must be d_in=6"):
        model.encode(x.view(40, 2, 3))
    sae.save(model, tmp_path / "again")
    assert json.loads((tmp_path / "again/cfg.json").read_text())["reshape_activations"] == "hook_z"


def test_numbers_that_are_none_can_be_written_again(tmp_path, write, weights):
    """Python writes NaN into JSON, where a measurement of a training was none."""
    model = sae.load(write(weights, architecture="standard", metadata={"l0": float("nan"), "hook_name": "h"}))
    sae.save(model, tmp_path / "again")
    assert sae.load(tmp_path / "again").cfg.metadata.extra["l0"] == "NaN"


@pytest.mark.parametrize(
    "architecture", ["abstopk", "matching_pursuit", "transcoder", "jumprelu_transcoder", "temporal"]
)
def test_what_can_not_be_computed_is_named(write, weights, architecture):
    with pytest.raises(
        sae.SAEError, match=rf"cfg\.json: unknown SAE architecture '{architecture}'; known: standard, tied"
    ):
        sae.load(write(weights, architecture=architecture))


# What is written: SAELens knows these architectures and keys, and nothing else.


@pytest.mark.parametrize(
    ("architecture", "written", "tensors"),
    [
        ("standard", "standard", {"W_enc", "b_enc", "W_dec", "b_dec"}),
        ("tied", "standard", {"W_enc", "b_enc", "W_dec", "b_dec"}),
        ("gated", "gated", {"W_enc", "b_gate", "r_mag", "b_mag", "W_dec", "b_dec"}),
        ("topk", "topk", {"W_enc", "b_enc", "W_dec", "b_dec"}),
        ("jumprelu", "jumprelu", {"W_enc", "b_enc", "W_dec", "b_dec", "threshold"}),
        ("batchtopk", "jumprelu", {"W_enc", "b_enc", "W_dec", "b_dec", "threshold"}),
        ("matryoshka", "jumprelu", {"W_enc", "b_enc", "W_dec", "b_dec", "threshold"}),
    ],
)
def test_saelens_finds_what_it_knows(tmp_path, make_sae, architecture, written, tensors):
    model = make_sae(architecture=architecture)
    sae.save(model, tmp_path)
    cfg = json.loads((tmp_path / "cfg.json").read_text())
    found = load_file(tmp_path / "sae_weights.safetensors")
    assert cfg["architecture"] == written
    assert set(found) == tensors
    assert {name: tuple(t.shape) for name, t in found.items() if name in {"W_enc", "W_dec", "threshold"}} == {
        name: shape
        for name, shape in {"W_enc": (6, 15), "W_dec": (15, 6), "threshold": (15,)}.items()
        if name in tensors
    }
    extras = {
        "tied": {"tied": True},
        "batchtopk": {"trained_as": "batchtopk", "k": 4},
        "matryoshka": {"trained_as": "matryoshka", "k": 4, "widths": [3, 8, 15]},
    }
    assert cfg["metadata"] == {"sae_lens_version": "6.0.0", **extras.get(architecture, {})}
    topk = {"k": 4, "rescale_acts_by_decoder_norm": False}
    assert {key: cfg.get(key) for key in topk} == (topk if architecture == "topk" else dict.fromkeys(topk))


def test_only_what_the_weights_bear_out_is_restored(tmp_path, make_sae):
    sae.save(make_sae(architecture="tied"), tmp_path)
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    tensors["W_dec"][0, 0] += 1
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    assert sae.load(tmp_path).cfg.architecture == "standard"
    sae.save(make_sae(architecture="batchtopk"), tmp_path)
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    tensors["threshold"][3] += 1
    save_file(tensors, tmp_path / "sae_weights.safetensors")
    model = sae.load(tmp_path)
    assert model.cfg.architecture == "jumprelu"
    assert model.cfg.metadata.extra == {"trained_as": "batchtopk", "k": 4}


@pytest.mark.parametrize(
    "metadata",
    [{"trained_as": "magic"}, {"trained_as": "matryoshka", "widths": [9, 3]}, {"trained_as": "batchtopk", "k": "many"}],
)
def test_words_of_others_are_left_alone(write, weights, metadata):
    model = sae.load(write({**weights, "threshold": torch.ones(D_SAE)}, architecture="jumprelu", metadata=metadata))
    assert model.cfg.architecture == "jumprelu"
    assert model.cfg.metadata.extra == metadata
