"""sparsify: what it writes is read here, and computes the same numbers."""

from __future__ import annotations

import pytest
import torch

import sae

sparsify = pytest.importorskip("sparsify", reason="sparsify is not installed", exc_type=ImportError)
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]


def coder(**config):
    """One of their coders, every weight random."""
    torch.manual_seed(0)
    made = sparsify.SparseCoder(16, sparsify.SparseCoderConfig(k=8, **config))
    with torch.no_grad():
        for weight in made.parameters():
            weight.normal_(std=0.25)
    return made


@pytest.mark.parametrize("sizes", [{"expansion_factor": 4}, {"num_latents": 48}])
def test_what_it_saves_is_read_here(tmp_path, x, sizes):
    theirs = coder(**sizes)
    theirs.save_to_disk(tmp_path / "layers.3")
    ours = sae.load(tmp_path / "layers.3")
    with torch.no_grad():
        values, indices, _ = theirs.encode(x)
        expected = torch.zeros(len(x), theirs.num_latents).scatter(1, indices, values)
        torch.testing.assert_close(ours.encode(x), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(ours(x), theirs.decode(values, indices), atol=1e-5, rtol=0)
    assert ours.cfg.metadata.hook_name == "blocks.3.hook_resid_post"


@pytest.mark.parametrize("config", [{"transcode": True}, {"skip_connection": True}, {"activation": "groupmax"}])
def test_what_is_no_autoencoder_here_is_refused(tmp_path, config):
    coder(**config).save_to_disk(tmp_path / "layers.3")
    with pytest.raises(sae.SAEError, match=r"transcoder|skip connection|groupmax"):
        sae.load(tmp_path / "layers.3")


def test_their_run_config_names_the_model(tmp_path):
    coder().save_to_disk(tmp_path / "h.2.mlp")
    config = sparsify.TrainConfig(sparsify.SparseCoderConfig(k=8))
    config.save_json(tmp_path / "config.json")
    assert sae.load(tmp_path / "h.2.mlp").cfg.metadata.hook_name == "blocks.2.hook_mlp_out"
