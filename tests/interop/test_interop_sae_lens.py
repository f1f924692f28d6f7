"""SAELens: its SAEs are read here, ours are read there, and both compute the same numbers."""

from __future__ import annotations

import pytest
import torch

import sae

sae_lens = pytest.importorskip("sae_lens", reason="sae_lens is not installed", exc_type=ImportError)
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]

D, M, K = 16, 64, 8
SIZES = {"d_in": D, "d_sae": M}
INFERENCE = {
    "standard": lambda **c: sae_lens.StandardSAE(sae_lens.StandardSAEConfig(**SIZES, **c)),
    "topk": lambda **c: sae_lens.TopKSAE(sae_lens.TopKSAEConfig(**SIZES, k=K, **c)),
    "jumprelu": lambda **c: sae_lens.JumpReLUSAE(sae_lens.JumpReLUSAEConfig(**SIZES, **c)),
    "gated": lambda **c: sae_lens.GatedSAE(sae_lens.GatedSAEConfig(**SIZES, **c)),
}
TRAINING = {
    "standard": lambda: sae_lens.StandardTrainingSAE(sae_lens.StandardTrainingSAEConfig(**SIZES)),
    "topk": lambda: sae_lens.TopKTrainingSAE(sae_lens.TopKTrainingSAEConfig(**SIZES, k=K)),
    "jumprelu": lambda: sae_lens.JumpReLUTrainingSAE(sae_lens.JumpReLUTrainingSAEConfig(**SIZES)),
    "gated": lambda: sae_lens.GatedTrainingSAE(sae_lens.GatedTrainingSAEConfig(**SIZES)),
    "batchtopk": lambda: sae_lens.BatchTopKTrainingSAE(sae_lens.BatchTopKTrainingSAEConfig(**SIZES, k=K)),
    "matryoshka": lambda: sae_lens.MatryoshkaBatchTopKTrainingSAE(
        sae_lens.MatryoshkaBatchTopKTrainingSAEConfig(**SIZES, k=K, matryoshka_widths=[16, 32, 64])
    ),
}


def randomise(theirs):
    """Give every weight of one of their SAEs a random value; thresholds stay positive."""
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in sorted({**dict(theirs.named_parameters()), **dict(theirs.named_buffers())}.items()):
            values = torch.randn(tensor.shape, generator=random, dtype=torch.float32) / 4
            tensor.copy_(values.abs() if "threshold" in name else values)
    return theirs


def assert_same(ours, theirs, x):
    """Features, and reconstructions of them, to 1e-5."""
    with torch.no_grad():
        expected = theirs.encode(x)
        assert 0 < int((expected > 0).sum()) < expected.numel()
        torch.testing.assert_close(ours.encode(x), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(ours.decode(expected, x=x), theirs.decode(expected), atol=1e-5, rtol=0)
        torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=0)
        sparse = ours.encode_sparse(x)
        dense = torch.zeros_like(expected).index_put((sparse.row, sparse.feature), sparse.value)
        torch.testing.assert_close(dense, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("apply_b_dec_to_input", [True, False])
@pytest.mark.parametrize("architecture", INFERENCE)
def test_theirs_is_read_here(tmp_path, x, architecture, apply_b_dec_to_input):
    theirs = randomise(INFERENCE[architecture](apply_b_dec_to_input=apply_b_dec_to_input))
    theirs.cfg.metadata.hook_name = "blocks.3.hook_resid_pre"
    theirs.save_model(tmp_path)
    ours = sae.load(tmp_path)
    assert_same(ours, theirs, x)
    assert (ours.cfg.architecture, ours.cfg.metadata.hook_name) == (architecture, "blocks.3.hook_resid_pre")


@pytest.mark.parametrize("normalize_activations", ["layer_norm", "constant_norm_rescale"])
@pytest.mark.parametrize("architecture", INFERENCE)
def test_theirs_with_normalised_inputs(tmp_path, x, architecture, normalize_activations):
    theirs = randomise(INFERENCE[architecture](normalize_activations=normalize_activations))
    theirs.save_model(tmp_path)
    assert_same(sae.load(tmp_path), theirs, x)


def test_heads_are_joined_there_and_come_joined_here(tmp_path, x):
    theirs = randomise(INFERENCE["standard"](reshape_activations="hook_z"))
    theirs.cfg.metadata.hook_name = "blocks.1.attn.hook_z"
    theirs.save_model(tmp_path / "theirs")
    ours = sae.load(tmp_path / "theirs")
    with torch.no_grad():
        heads = x.view(len(x), 4, 4)
        torch.testing.assert_close(ours.encode(x), theirs.encode(heads), atol=1e-5, rtol=0)
        sae.save(ours, tmp_path / "ours")
        again = sae_lens.SAE.load_from_disk(tmp_path / "ours")
        torch.testing.assert_close(again(heads).flatten(1), ours(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", TRAINING)
def test_what_their_training_ends_with(tmp_path, x, architecture):
    theirs = randomise(TRAINING[architecture]())
    theirs.save_inference_model(tmp_path)
    assert_same(sae.load(tmp_path), sae_lens.SAE.load_from_disk(tmp_path), x)


@pytest.mark.parametrize("architecture", ["batchtopk", "matryoshka"])
def test_a_training_checkpoint_that_they_do_not_load_as_an_sae(tmp_path, x, architecture):
    theirs = randomise(TRAINING[architecture]())
    theirs.save_model(tmp_path / "checkpoint")
    theirs.save_inference_model(tmp_path / "final")
    ours = sae.load(tmp_path / "checkpoint")
    assert ours.cfg.architecture == architecture
    final = sae_lens.SAE.load_from_disk(tmp_path / "final")
    torch.testing.assert_close(ours.encode(x), sae.load(tmp_path / "final").encode(x), atol=1e-5, rtol=0)
    torch.testing.assert_close(ours(x), final(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("apply_b_dec_to_input", [True, False])
@pytest.mark.parametrize("architecture", sae.architectures.REGISTRY)
def test_ours_is_read_there(tmp_path, x, architecture, apply_b_dec_to_input):
    own = {"k": K} if architecture in {"topk", "batchtopk", "matryoshka"} else {}
    own = {**own, "widths": (16, 32, 64)} if architecture == "matryoshka" else own
    metadata = sae.SAEMetadata(model_name="gpt2", hook_name="blocks.3.hook_resid_pre", context_size=64)
    cfg = sae.SAEConfig(architecture, **SIZES, **own, apply_b_dec_to_input=apply_b_dec_to_input, metadata=metadata)
    random = torch.Generator().manual_seed(2)
    shapes = sae.architectures.REGISTRY[architecture].shapes(cfg)
    tensors = {name: torch.randn(shape, generator=random) / 4 for name, shape in shapes.items()}
    if "threshold" in tensors:
        tensors["threshold"] = tensors["threshold"].abs()
    ours = sae.build(cfg, tensors)
    sae.save(ours, tmp_path)
    theirs = sae_lens.SAE.load_from_disk(tmp_path)
    assert_same(ours, theirs, x)
    assert theirs.cfg.metadata.hook_name == "blocks.3.hook_resid_pre"
    assert theirs.cfg.metadata.context_size == 64


def test_a_transcoder_is_refused_by_name(tmp_path):
    config = sae_lens.TranscoderConfig(**SIZES, d_out=D, apply_b_dec_to_input=False)
    sae_lens.Transcoder(config).save_model(tmp_path)
    with pytest.raises(sae.SAEError, match="'transcoder'"):
        sae.load(tmp_path)


def test_names_of_their_registry(monkeypatch, tmp_path, x):
    """The registry's own look-up runs; only the download is replaced, by a folder."""
    theirs = randomise(INFERENCE["standard"]())
    theirs.save_model(tmp_path)
    from sae_lens.loading import pretrained_sae_loaders

    def local_file(repo_id, filename, **_):
        file = tmp_path / filename.rsplit("/", 1)[-1]
        if not file.is_file():
            from huggingface_hub.utils import EntryNotFoundError

            raise EntryNotFoundError(f"{repo_id} has no {filename}")
        return str(file)

    monkeypatch.setattr(pretrained_sae_loaders, "hf_hub_download", local_file)
    ours = sae.load("gpt2-small-res-jb:blocks.6.hook_resid_pre")
    assert_same(ours, theirs, x)
    with pytest.raises(sae.SAEError, match="SAELens can't load it"):
        sae.load("gpt2-small-res-jb:blocks.99.hook_resid_pre")
