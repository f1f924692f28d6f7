"""Files of dictionary_learning, sparsify, OpenAI and the study: what they compute, and what is refused."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import linear, relu

import sae

D, M, K = 6, 20, 3
DICTIONARIES = {
    "AutoEncoder": {"bias": (D,), "encoder.weight": (M, D), "encoder.bias": (M,), "decoder.weight": (D, M)},
    "AutoEncoderNew": {
        "encoder.weight": (M, D),
        "encoder.bias": (M,),
        "decoder.weight": (D, M),
        "decoder.bias": (D,),
    },
    "GatedAutoEncoder": {
        "decoder_bias": (D,),
        "encoder.weight": (M, D),
        "r_mag": (M,),
        "gate_bias": (M,),
        "mag_bias": (M,),
        "decoder.weight": (D, M),
    },
    "AutoEncoderTopK": {"encoder.weight": (M, D), "encoder.bias": (M,), "decoder.weight": (D, M), "b_dec": (D,)},
    "BatchTopKSAE": {"encoder.weight": (M, D), "encoder.bias": (M,), "decoder.weight": (D, M), "b_dec": (D,)},
    "MatryoshkaBatchTopKSAE": {"W_enc": (D, M), "b_enc": (M,), "W_dec": (M, D), "b_dec": (D,)},
    "JumpReluAutoEncoder": {"W_enc": (D, M), "b_enc": (M,), "W_dec": (M, D), "b_dec": (D,), "threshold": (M,)},
}
SIZED = {
    "AutoEncoderTopK": {"k": torch.tensor(K, dtype=torch.int), "threshold": torch.tensor(-1.0)},
    "BatchTopKSAE": {"k": torch.tensor(K, dtype=torch.int), "threshold": torch.tensor(0.4)},
    "MatryoshkaBatchTopKSAE": {
        "k": torch.tensor(K, dtype=torch.int),
        "threshold": torch.tensor(0.4),
        "group_sizes": torch.tensor([4, 6, 10]),
    },
}


def top(f, k):
    """Keep each row's k largest."""
    kept = f.topk(k, dim=-1)
    return torch.zeros_like(f).scatter(-1, kept.indices, kept.values)


def gated(s, x):
    z = linear(x - s["decoder_bias"], s["encoder.weight"])
    return (z + s["gate_bias"] > 0) * relu(s["r_mag"].exp() * z + s["mag_bias"])


def jump(pre, threshold):
    return relu(pre) * (pre > threshold)


def linear_pre(s, x):
    return linear(x - s["b_dec"], s["encoder.weight"], s["encoder.bias"])


ENCODE = {
    "AutoEncoder": lambda s, x: relu(linear(x - s["bias"], s["encoder.weight"], s["encoder.bias"])),
    "AutoEncoderNew": lambda s, x: relu(linear(x, s["encoder.weight"], s["encoder.bias"])),
    "GatedAutoEncoder": gated,
    "AutoEncoderTopK": lambda s, x: top(relu(linear_pre(s, x)), K),
    "BatchTopKSAE": lambda s, x: jump(linear_pre(s, x), s["threshold"]),
    "MatryoshkaBatchTopKSAE": lambda s, x: jump((x - s["b_dec"]) @ s["W_enc"] + s["b_enc"], s["threshold"]),
    "JumpReluAutoEncoder": lambda s, x: jump(x @ s["W_enc"] + s["b_enc"], s["threshold"]),
}


def decode(s, f):
    bias = next(s[name] for name in ("bias", "decoder.bias", "decoder_bias", "b_dec", "pre_bias") if name in s)
    weight = s["W_dec"] if "W_dec" in s else s["decoder.weight"].T
    return f @ weight + bias


def random_tensors(shapes, seed=0):
    random = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=random) / 2 for name, shape in shapes.items()}


def dictionary_folder(path, dict_class="AutoEncoder", **trainer):
    """Write a folder as dictionary_learning does; returns its state dict."""
    state = {**random_tensors(DICTIONARIES[dict_class]), **SIZED.get(dict_class, {})}
    config = {"dict_class": dict_class, "activation_dim": D, "dict_size": M, "lm_name": "some/model", **trainer}
    config.setdefault("submodule_name", "resid_post_layer_3")
    if dict_class in SIZED:
        config.setdefault("k", K)
    path.mkdir()
    buffer = {"ctx_len": 128, "io": "out", "n_ctxs": 3e4}
    (path / "config.json").write_text(json.dumps({"trainer": config, "buffer": buffer}))
    torch.save(state, path / "ae.pt")
    return state


def sparsify_folder(path, **config):
    """Write a folder as sparsify does; returns its tensors."""
    shapes = {"encoder.weight": (24, D), "encoder.bias": (24,), "W_dec": (24, D), "b_dec": (D,)}
    tensors = random_tensors(shapes)
    path.mkdir(parents=True)
    content = {"activation": "topk", "expansion_factor": 4, "num_latents": 0, "k": K, "d_in": D, **config}
    (path / "cfg.json").write_text(json.dumps({"normalize_decoder": True, "multi_topk": False, **content}))
    save_file(tensors, path / "sae.safetensors")
    return tensors


def openai_state(activation="TopK", **settings):
    shapes = {"pre_bias": (D,), "encoder.weight": (M, D), "latent_bias": (M,), "decoder.weight": (D, M)}
    statistics = {"latents_activation_frequency": torch.ones(M), "latents_mean_square": torch.ones(M)}
    settings = {"k": K, "postact_fn": "ReLU", **settings} if activation == "TopK" else settings
    return {
        **random_tensors(shapes),
        **statistics,
        "stats_last_nonzero": torch.zeros(M, dtype=torch.int64),
        "activation": activation,
        "activation_state_dict": settings,
    }


@pytest.fixture
def x():
    return 2 * torch.randn(40, D, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("dict_class", DICTIONARIES)
def test_every_dictionary_encodes_and_decodes_as_it_should(tmp_path, x, dict_class):
    state = dictionary_folder(tmp_path / "trainer_0", dict_class)
    model = sae.load(tmp_path / "trainer_0")
    expected = ENCODE[dict_class](state, x)
    assert 0 < int((expected > 0).sum()) < expected.numel()
    torch.testing.assert_close(model.encode(x), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.decode(expected), decode(state, expected), atol=1e-5, rtol=0)
    meta = model.cfg.metadata
    assert (meta.model_name, meta.hook_name, meta.context_size) == ("some/model", "blocks.3.hook_resid_post", 128)
    assert (meta.prepend_bos, meta.weight_processing) == (None, "raw")
    assert meta.extra["dictionary_learning"]["dict_class"] == dict_class


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("dict_class", ["AutoEncoder", "MatryoshkaBatchTopKSAE"])
def test_wrappers_leave_their_mark_on_names(tmp_path, x, dict_class, prefix):
    """torch.compile and data-parallel modules put a word before every name of a state dict."""
    folder = tmp_path / "trainer_0"
    state = dictionary_folder(folder, dict_class)
    plain = sae.load(folder)
    torch.save({prefix + name: tensor for name, tensor in state.items()}, folder / "ae.pt")
    assert torch.equal(sae.load(folder).encode(x), plain.encode(x))
    some = {(prefix if "b" in name else "") + name: tensor for name, tensor in state.items()}
    torch.save(some, folder / "ae.pt")
    with pytest.raises(sae.SAEError, match="unknown"):
        sae.load(folder)


def test_dictionaries_keep_k_and_nested_widths(tmp_path):
    dictionary_folder(tmp_path / "a", "MatryoshkaBatchTopKSAE")
    dictionary_folder(tmp_path / "b", "AutoEncoderTopK")
    nested, plain = sae.load(tmp_path / "a").cfg, sae.load(tmp_path / "b").cfg
    assert (nested.architecture, nested.k, nested.widths) == ("matryoshka", K, (4, 10, 20))
    assert (plain.architecture, plain.k, plain.widths) == ("topk", K, None)


def test_a_threshold_never_learned_lets_everything_pass(tmp_path, x):
    state = dictionary_folder(tmp_path / "a", "BatchTopKSAE")
    state["threshold"] = torch.tensor(-1.0)
    torch.save(state, tmp_path / "a" / "ae.pt")
    torch.testing.assert_close(sae.load(tmp_path / "a").encode(x), relu(linear_pre(state, x)), atol=1e-5, rtol=0)


def test_unknown_places_are_not_guessed(tmp_path):
    dictionary_folder(tmp_path / "a", submodule_name="model.layers[3]", penalty=float("inf"))
    meta = sae.load(tmp_path / "a").cfg.metadata
    assert meta.hook_name is None
    assert meta.extra["dictionary_learning"]["submodule_name"] == "model.layers[3]"
    assert meta.extra["dictionary_learning"]["penalty"] == "Infinity"  # infinity is no JSON, and must not stop a save
    sae.save(sae.load(tmp_path / "a"), tmp_path / "copy")


@pytest.mark.parametrize("num_latents", [0, 24])
def test_sparsify(tmp_path, x, num_latents):
    s = sparsify_folder(tmp_path / "run" / "layers.10", num_latents=num_latents)
    model = sae.load(tmp_path / "run" / "layers.10")
    expected = top(relu(linear(x - s["b_dec"], s["encoder.weight"], s["encoder.bias"])), K)
    torch.testing.assert_close(model.encode(x), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.decode(expected), expected @ s["W_dec"] + s["b_dec"], atol=1e-5, rtol=0)
    assert (model.cfg.d_in, model.cfg.d_sae, model.cfg.k) == (D, 24, K)
    assert (model.cfg.metadata.model_name, model.cfg.metadata.hook_name) == (None, "blocks.10.hook_resid_post")


@pytest.mark.parametrize(
    ("folder", "hook"),
    [
        ("h.3.mlp", "blocks.3.hook_mlp_out"),
        ("h.3.mlp/seed12", "blocks.3.hook_mlp_out"),
        ("gpt_neox.layers.0.attention", "blocks.0.hook_attn_out"),
        ("layers.7.self_attn", "blocks.7.hook_attn_out"),
        ("layers.7/seed0", "blocks.7.hook_resid_post"),
        ("layers.7.mlp.up_proj", None),
        ("embed_tokens", None),
    ],
)
def test_sparsify_names_its_place_by_the_folder_and_its_model_in_the_run(tmp_path, folder, hook):
    sparsify_folder(tmp_path / "run" / folder)
    run = {"model": "EleutherAI/pythia-70m", "dataset": "some/text", "ctx_len": 2048, "lr": None, "sae": {"k": 3}}
    (tmp_path / "run" / "config.json").write_text(json.dumps(run))
    meta = sae.load(tmp_path / "run" / folder).cfg.metadata
    assert (meta.model_name, meta.dataset_path) == ("EleutherAI/pythia-70m", "some/text")
    assert (meta.hook_name, meta.context_size) == (hook, 2048)


def test_openai_top_k_standardises_its_input(tmp_path, x):
    state = openai_state()
    torch.save(state, tmp_path / "6.pt")
    model = sae.load(tmp_path / "6.pt")
    mean, deviation = x.mean(1, keepdim=True), x.std(1, keepdim=True)
    inner = (x - mean) / (deviation + 1e-5) - state["pre_bias"]
    expected = top(linear(inner, state["encoder.weight"], state["latent_bias"]), K).relu()
    torch.testing.assert_close(model.encode(x), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(x), decode(state, expected) * deviation + mean, atol=1e-5, rtol=0)
    assert model.cfg.metadata == sae.SAEMetadata()


def test_openai_relu_reads_the_input_as_it_is(tmp_path, x):
    state = openai_state("ReLU")
    torch.save(state, tmp_path / "6.pt")
    model = sae.load(tmp_path / "6.pt")
    expected = relu(linear(x - state["pre_bias"], state["encoder.weight"], state["latent_bias"]))
    torch.testing.assert_close(model.encode(x), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(model(x), decode(state, expected), atol=1e-5, rtol=0)


def test_openai_files_under_their_published_path_say_where_they_are_from(tmp_path):
    folder = tmp_path / "gpt2-small" / "resid_post_attn_v5_32k" / "autoencoders"
    folder.mkdir(parents=True)
    torch.save(openai_state(), tmp_path / "0123abcd")
    (folder / "6.pt").symlink_to(tmp_path / "0123abcd")  # as in the hub's cache
    meta = sae.load(folder / "6.pt").cfg.metadata
    assert (meta.model_name, meta.hook_name, meta.context_size) == ("gpt2", "blocks.6.hook_resid_mid", 64)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: dictionary_folder(p, dict_size=M + 1), r"W_enc must have shape \(6, 21\), found \(6, 20\)"),
        (lambda p: dictionary_folder(p, activation_dim=10**12), r"W_enc must have shape \(1000000000000, 20\)"),
        (lambda p: dictionary_folder(p, activation_dim=-6), "trainer.activation_dim"),
        (lambda p: dictionary_folder(p, dict_size="NaN"), "trainer.dict_size"),
        (lambda p: dictionary_folder(p, "AutoEncoderTopK", k=4), "k is 3 here and 4 in the config"),
        (lambda p: sparsify_folder(p, num_latents=25), r"W_enc must have shape \(6, 25\), found \(6, 24\)"),
        (lambda p: sparsify_folder(p, expansion_factor=5), r"W_enc must have shape \(6, 30\), found \(6, 24\)"),
        (lambda p: sparsify_folder(p, d_in=3, expansion_factor=8), r"W_enc must have shape \(3, 24\)"),
        (lambda p: sparsify_folder(p, k=25), "k must lie in"),
        (lambda p: sparsify_folder(p, k=0), "k: Input should be greater than 0"),
    ],
)
def test_a_header_that_lies(tmp_path, make, message):
    make(tmp_path / "sae")
    with pytest.raises(sae.SAEError, match=message) as caught:
        sae.load(tmp_path / "sae")
    assert str(tmp_path / "sae") in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: sparsify_folder(p, transcode=True), "transcoder"),
        (lambda p: sparsify_folder(p, skip_connection=True), "skip connection"),
        (lambda p: sparsify_folder(p, activation="groupmax"), "'groupmax' can't be computed"),
        (lambda p: sparsify_folder(p, signed=True), "signed"),
        (lambda p: (dictionary_folder(p), edit_json(p / "config.json", buffer={"io": "in_and_out"})), "transcoder"),
        (lambda p: (dictionary_folder(p), edit_json(p / "config.json", trainer={})), "trainer.dict_class"),
        (
            lambda p: (dictionary_folder(p), edit_json(p / "config.json", trainer={"dict_class": "CrossCoder"})),
            "trainer.activation_dim",
        ),
        (
            lambda p: (dictionary_folder(p), edit_trainer(p, dict_class="CrossCoder")),
            "dict_class 'CrossCoder' can't be read; known: AutoEncoder, ",
        ),
        (lambda p: (dictionary_folder(p), edit_trainer(p, dict_class="BatchTopKSAE")), r"missing \['b_dec', 'thresh"),
    ],
)
def test_what_is_no_autoencoder_here(tmp_path, make, message):
    make(tmp_path / "sae")
    with pytest.raises(sae.SAEError, match=message):
        sae.load(tmp_path / "sae")


def edit_json(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def edit_trainer(folder, **changes):
    trainer = json.loads((folder / "config.json").read_text())["trainer"]
    edit_json(folder / "config.json", trainer={**trainer, **changes})


@pytest.mark.parametrize("group_sizes", [[4, 6, 9], [4, -4, 20], [], [[4, 16]], [4.0, 16.0]])
def test_groups_that_do_not_add_up(tmp_path, group_sizes):
    state = dictionary_folder(tmp_path / "a", "MatryoshkaBatchTopKSAE")
    torch.save({**state, "group_sizes": torch.tensor(group_sizes)}, tmp_path / "a" / "ae.pt")
    with pytest.raises(sae.SAEError, match=r"ae\.pt: (widths|group_sizes) must"):
        sae.load(tmp_path / "a")


def test_k_is_needed_once_and_must_be_a_number(tmp_path):
    state = dictionary_folder(tmp_path / "a", "AutoEncoderTopK")
    torch.save({name: tensor for name, tensor in state.items() if name != "k"}, tmp_path / "a" / "ae.pt")
    assert sae.load(tmp_path / "a").cfg.k == K  # older files have it in the config alone
    edit_trainer(tmp_path / "a", k=None)
    with pytest.raises(sae.SAEError, match="there is no k"):
        sae.load(tmp_path / "a")
    for k in (torch.tensor(3.0), torch.tensor([3, 3])):
        torch.save({**state, "k": k}, tmp_path / "a" / "ae.pt")
        with pytest.raises(sae.SAEError, match="k must be one integer"):
            sae.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (openai_state("Identity"), "'Identity' can't be computed"),
        (openai_state(postact_fn="Identity"), "followed by 'Identity'"),
        (openai_state(k="many"), "whole number k, found 'many'"),
        (openai_state(k=M + 1), "k must lie in"),
        ({**openai_state(), "activation_state_dict": 3}, "whole number k, found None"),
        ({**openai_state(), "surprise": torch.ones(3)}, r"unknown \['surprise'\]"),
        ({**openai_state(), "pre_bias": "zeros"}, "something else under pre_bias"),
        (random_tensors(DICTIONARIES["AutoEncoder"]), "loaded by its folder"),
        ([1, 2], "found list"),
    ],
)
def test_openai_files_that_are_something_else(tmp_path, state, message):
    torch.save(state, tmp_path / "6.pt")
    with pytest.raises(sae.SAEError, match=message) as caught:
        sae.load(tmp_path / "6.pt")
    assert "6.pt" in str(caught.value)
