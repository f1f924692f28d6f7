from __future__ import annotations

import json
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

import sae
from sae.formats import FORMATS, detect

METADATA = sae.SAEMetadata(
    model_name="gpt2",
    hook_name="blocks.6.hook_resid_pre",
    context_size=128,
    prepend_bos=False,
    dataset_path="some/text",
    weight_processing="raw",
    n_dead_train=2,
    dead_train=(3, 9),
    extra={"neuronpedia_id": "x", "training": {"lr": 0.1}},
)
SAELENS_KEYS = {
    "architecture",
    "d_in",
    "d_sae",
    "dtype",
    "device",
    "apply_b_dec_to_input",
    "normalize_activations",
    "reshape_activations",
    "metadata",
}


@pytest.fixture
def folder(tmp_path, make_sae):
    sae.save(make_sae(metadata=METADATA), tmp_path / "sae")
    return tmp_path / "sae"


def edit(folder, **changes):
    """Change keys of cfg.json; None removes one."""
    cfg = json.loads((folder / "cfg.json").read_text())
    cfg.update(changes)
    (folder / "cfg.json").write_text(json.dumps({key: value for key, value in cfg.items() if value is not None}))


def retensor(folder, **changes):
    """Change tensors of the weights file; None removes one."""
    tensors = {**load_file(folder / "sae_weights.safetensors"), **changes}
    save_file({k: v for k, v in tensors.items() if v is not None}, folder / "sae_weights.safetensors")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("apply_b_dec_to_input", [True, False])
def test_a_folder_comes_back_as_it_was(tmp_path, make_sae, dtype, apply_b_dec_to_input):
    model = make_sae(metadata=METADATA, dtype=dtype, apply_b_dec_to_input=apply_b_dec_to_input)
    sae.save(model, tmp_path / "a" / "b")
    loaded = sae.load(str(tmp_path / "a" / "b"))
    assert loaded.cfg == model.cfg
    assert loaded.fingerprint() == model.fingerprint()
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["cfg.json", "sae_weights.safetensors"]


def test_the_config_has_saelens_keys(folder):
    cfg = json.loads((folder / "cfg.json").read_text())
    assert set(cfg) == SAELENS_KEYS
    assert (cfg["architecture"], cfg["d_in"], cfg["d_sae"], cfg["dtype"]) == ("standard", 6, 15, "float32")
    assert (cfg["normalize_activations"], cfg["reshape_activations"]) == ("none", "none")
    assert cfg["metadata"] == {
        "sae_lens_version": "6.0.0",  # without it SAELens reads a flat config, and drops the metadata
        "model_name": "gpt2",
        "hook_name": "blocks.6.hook_resid_pre",
        "context_size": 128,
        "prepend_bos": False,
        "dataset_path": "some/text",
        "weight_processing": "raw",
        "n_dead_train": 2,
        "dead_train": [3, 9],
        "neuronpedia_id": "x",
        "training": {"lr": 0.1},
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(folder / "sae_weights.safetensors").items()}
    assert shapes == {"W_enc": (6, 15), "b_enc": (15,), "W_dec": (15, 6), "b_dec": (6,)}


def test_missing_metadata_reads_as_none(folder):
    edit(folder, metadata={"sae_lens_version": "6.54.12", "seqpos_slice": [None]})
    assert sae.load(folder).cfg.metadata == sae.SAEMetadata(extra={"seqpos_slice": [None]})


def test_flat_configs_from_before_version_6(folder):
    flat = {
        "hook_point": "blocks.8.hook_resid_pre",
        "hook_point_layer": 8,
        "model_name": "gpt2-small",
        "context_size": 64,
        "dataset_path": "owt",
        "activation_fn_str": "relu",
        "normalize_activations": False,
        "sae_lens_version": "3.2.0",
        "dtype": "torch.float32",
        "device": "cuda",
    }
    edit(folder, metadata=None, reshape_activations=None, apply_b_dec_to_input=None, architecture=None, **flat)
    retensor(folder, scaling_factor=torch.ones(15) + 1e-7)
    cfg = sae.load(folder).cfg
    assert cfg == sae.SAEConfig(
        "standard",
        d_in=6,
        d_sae=15,
        metadata=sae.SAEMetadata(
            model_name="gpt2-small",
            hook_name="blocks.8.hook_resid_pre",
            context_size=64,
            prepend_bos=True,
            dataset_path="owt",
            weight_processing="compatibility",
            extra={"hook_point_layer": 8},
        ),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_fn_str": "topk", "activation_fn_kwargs": {}}, "needs k"),
        ({"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 2.5}}, "whole number for a topk SAE, found 2.5"),
        ({"activation_fn_str": "tanh-relu"}, "'tanh-relu'; known: standard"),
        ({"normalize_activations": True}, "expected_average_only_in"),
        ({"architecture": "gated"}, "tensor b_gate, b_mag, r_mag is missing"),
    ],
)
def test_flat_configs_that_compute_something_else(folder, changes, message):
    edit(folder, metadata=None, reshape_activations=None, **changes)
    with pytest.raises(sae.SAEError, match=message):
        sae.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "transcoder"}, "unknown SAE architecture 'transcoder'; known: standard"),
        ({"architecture": "jumprelu"}, "tensor threshold is missing: a jumprelu SAE has W_enc"),
        ({"d_in": None}, "d_in: Field required"),
        ({"d_sae": "many"}, "d_sae: "),
        ({"d_sae": 14}, r"W_enc must have shape \(6, 14\), found \(6, 15\)"),
        ({"d_in": 15, "d_sae": 6, "metadata": {}}, "it looks transposed"),
        ({"dtype": "float8"}, "unknown SAE dtype 'float8'"),
        ({"normalize_activations": "whiten"}, "one of none, layer_norm, constant_norm_rescale, found 'whiten'"),
        ({"normalize_activations": "expected_average_only_in"}, r"activation_scaler\.json"),
        ({"architecture": "topk", "k": 99}, "k must lie in"),
        ({"reshape_activations": "heads"}, "reshape_activations"),
        ({"metadata": {"context_size": "long"}}, "context_size"),
        ({"metadata": {"weight_processing": "cooked"}}, "weight_processing"),
        ({"metadata": {"dead_train": [15]}}, "dead_train"),
    ],
)
def test_bad_configs(folder, changes, message):
    edit(folder, **changes)
    with pytest.raises(sae.SAEError, match=message) as caught:
        sae.load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["W_enc", "b_enc", "W_dec", "b_dec"])
def test_bad_tensors(folder, name):
    good = load_file(folder / "sae_weights.safetensors")[name]
    broken = good.clone()
    broken.view(-1)[0] = float("nan")
    wrong = {
        f"tensor {name} is missing": None,
        f"{name} must have shape": good[:-1].contiguous(),
        f"{name} must be floating point": good.to(torch.int32),
        f"{name} holds NaN": broken,
    }
    for message, tensor in wrong.items():
        retensor(folder, **{name: tensor})
        with pytest.raises(sae.SAEError, match=message) as caught:
            sae.load(folder)
        assert "sae_weights.safetensors" in str(caught.value)


def test_transposed_tensors(folder):
    tensors = load_file(folder / "sae_weights.safetensors")
    retensor(folder, W_enc=tensors["W_enc"].T.contiguous())
    with pytest.raises(sae.SAEError, match=r"W_enc must have shape \(6, 15\), found \(15, 6\) \(it looks transposed\)"):
        sae.load(folder)


@pytest.mark.parametrize("extra", [{"threshold": torch.ones(15)}, {"scaling_factor": torch.full((15,), 2.0)}])
def test_tensors_that_would_be_ignored(folder, extra):
    retensor(folder, **extra)
    with pytest.raises(sae.SAEError, match=f"tensor {next(iter(extra))} is not part"):
        sae.load(folder)


@pytest.mark.parametrize("name", ["cfg.json", "sae_weights.safetensors"])
def test_missing_and_broken_files(folder, name):
    file = folder / name
    for content in (b"", b"{", b"[1]", b"\xff\xfe\x00", file.read_bytes()[:-20]):
        file.write_bytes(content)
        with pytest.raises(sae.SAEError, match=name):
            sae.load(folder)
    file.unlink()
    with pytest.raises(sae.SAEError, match=f"{name} is missing"):
        sae.load(folder)


def test_paths_that_are_no_sae(tmp_path):
    with pytest.raises(sae.SAEError, match="no such file or folder"):
        sae.load(tmp_path / "nowhere")
    with pytest.raises(sae.SAEError, match=r"known format; known: .*SAELens folder"):
        sae.load(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(sae.SAEError, match="known format"):
        sae.load(tmp_path / "notes.txt")


def test_a_device_that_is_not_there(folder):
    with pytest.raises(sae.SAEError, match=r"device 'tpu' does not work here \(.*: take 'cpu'"):
        sae.load(folder, device="tpu")
    with pytest.raises(sae.SAEError, match="device 'cuda:99' does not work here"):
        sae.load(folder, device="cuda:99")


def test_numbers_that_python_does_not_read(folder):
    (folder / "cfg.json").write_text('{"d_in": ' + "9" * 5000 + ', "d_sae": 15}')
    with pytest.raises(sae.SAEError, match=r"cfg\.json: not JSON"):
        sae.load(folder)


def test_a_folder_of_several_names_them(folder, tmp_path, make_sae):
    for place in ("run/layers.10", "run/layers.2", "run/layers.3/seed0"):
        sae.save(make_sae(), str(tmp_path / place))
    torch.save({}, tmp_path / "run/state.pt")
    with pytest.raises(sae.SAEError, match="is no SAE itself, but 4 in it look like one") as caught:
        sae.load(tmp_path / "run")
    places = [tmp_path / "run" / name for name in ("layers.10", "layers.2", "layers.3/seed0", "state.pt")]
    assert ", ".join(map(str, places)) in str(caught.value)


@pytest.mark.parametrize("name", ["cfg.json", "sae_weights.safetensors"])
def test_what_is_no_file_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(sae.SAEError, match=f"{name} is missing"):
        sae.load(folder)


def test_paths_that_can_not_be_looked_at(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "loop", "x" * 5000, tmp_path / ("y" * 300)):
        with pytest.raises(sae.SAEError, match="there is no SAE at"):
            sae.load(path)


def test_an_interrupted_save_leaves_no_config(folder, make_sae, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("sae.formats._saelens.save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        sae.save(make_sae(seed=1), folder)
    assert [file.name for file in folder.iterdir()] == ["sae_weights.safetensors"]
    monkeypatch.undo()
    sae.save(make_sae(seed=1), folder)
    assert sae.load(folder).fingerprint() == make_sae(seed=1).fingerprint()


def test_metadata_that_is_not_json_changes_nothing(folder, make_sae):
    for extra in ({"a": object()}, {"a": float("nan")}):
        with pytest.raises(sae.SAEError, match="JSON"):
            sae.save(make_sae(seed=1, metadata=sae.SAEMetadata(extra=extra)), folder)
    assert sae.load(folder).fingerprint() == make_sae().fingerprint()


def state(d_in=6, d_sae=24, **changes):
    random = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (d_in, d_sae), "b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
    tensors = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
    return {key: value for key, value in {**tensors, **changes}.items() if value is not None}


def test_state_dicts_of_the_study(tmp_path):
    tensors = state(d_in=768, d_sae=1536)
    torch.save(tensors, tmp_path / "model_weights_2x_0.0001_sampling.pth")
    model = sae.load(tmp_path / "model_weights_2x_0.0001_sampling.pth")
    for name, tensor in tensors.items():
        assert torch.equal(getattr(model, name), tensor)
    found = model.cfg.metadata
    assert (found.model_name, found.hook_name, found.context_size) == ("gpt2", "blocks.6.hook_resid_pre", 1024)
    assert (found.prepend_bos, found.weight_processing) == (False, "raw")
    assert found.extra == {"l1_coefficient": 1e-4, "l1_reduction": "code", "resampled": True}


def test_other_state_dicts_and_tied_ones(tmp_path):
    torch.save(state(W_dec=None), tmp_path / "model_weights_4x_0.01.pth")
    model = sae.load(tmp_path / "model_weights_4x_0.01.pth")
    assert torch.equal(model.W_dec, model.W_enc.T)
    assert model.cfg.metadata == sae.SAEMetadata()  # not GPT-2's width: the name alone proves nothing
    sae.save(model, tmp_path / "copy")
    assert sae.load(tmp_path / "copy").fingerprint() == model.fingerprint()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (state(W_enc=None), r"missing \['W_enc'\]"),
        (state(threshold=torch.ones(3)), r"unknown \['threshold'\]"),
        (state(W_enc=torch.randn(24, 6)), "it looks transposed"),
        (state(W_enc=torch.randn(24), W_dec=None), "W_enc must have shape"),
        (state(W_enc=torch.ones(6, 24, dtype=torch.int64)), "unknown SAE dtype 'torch.int64'"),
        (state(b_dec=torch.full((6,), float("inf"))), "b_dec holds NaN"),
        ({"W_enc": 3}, "state dict of tensors"),
        ([1, 2], "state dict of tensors, found list"),
    ],
)
def test_bad_state_dicts(tmp_path, content, message):
    torch.save(content, tmp_path / "bad.pth")
    with pytest.raises(sae.SAEError, match=message) as caught:
        sae.load(tmp_path / "bad.pth")
    assert "bad.pth" in str(caught.value)


class Payload:
    """Runs a command when unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_payload_is_refused_and_does_not_run(tmp_path, write):
    write({**state(), "b_dec": Payload(tmp_path / "owned")}, tmp_path / "evil.pth")
    with pytest.raises(sae.SAEError, match="more than tensors"):
        sae.load(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


def test_broken_torch_files(tmp_path):
    file = tmp_path / "half.pth"
    torch.save(state(), file)
    whole = file.read_bytes()
    for content in (b"", b"nonsense", whole[:100], whole[: len(whole) // 2]):
        file.write_bytes(content)
        with pytest.raises(sae.SAEError, match=r"half\.pth"):
            sae.load(file)


def test_formats_are_found_by_their_own_files(folder, tmp_path):
    torch.save(state(), tmp_path / "weights.pth")
    names = [detect(path).name for path in (folder, tmp_path / "weights.pth")]
    assert [name.split()[0] for name in names] == ["SAELens", "state"]
    assert set(names) <= {known.name for known in FORMATS}
