"""dictionary_learning: what its trainers write is read here, and computes the same numbers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch

import sae

theirs = pytest.importorskip("dictionary_learning", reason="dictionary_learning is not installed", exc_type=ImportError)
pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]

D, M, K, N_STEPS = 16, 64, 8, 30


class Data:
    """An endless source of activations that describes itself, as their buffer does."""

    config = SimpleNamespace()

    def __init__(self, x):
        self.x, self.config = x, {"d_submodule": D, "io": "out", "n_ctxs": 3e4, "ctx_len": 128, "device": "cpu"}

    def __iter__(self):
        return self

    def __next__(self):
        return self.x.clone()  # theirs divides it in place


def trainers():
    from dictionary_learning.trainers import (
        batch_top_k,
        gated_anneal,
        gdm,
        jumprelu,
        matryoshka_batch_top_k,
        p_anneal,
        standard,
        top_k,
    )

    sparse = {"warmup_steps": 5, "sparsity_warmup_steps": 10}
    top = {"k": K, "warmup_steps": 5, "threshold_start_step": 5}
    named = {"submodule_name": "resid_post_layer_3"}
    return {
        "StandardTrainer": (standard.StandardTrainer, {**sparse, **named}),
        "StandardTrainerAprilUpdate": (standard.StandardTrainerAprilUpdate, {**sparse, **named}),
        "PAnnealTrainer": (p_anneal.PAnnealTrainer, {**sparse, **named, "anneal_start": 15, "p_end": 0.2}),
        "GatedSAETrainer": (gdm.GatedSAETrainer, {**sparse, **named}),
        "GatedAnnealTrainer": (gated_anneal.GatedAnnealTrainer, {**sparse, "anneal_start": 15}),
        "TopKTrainer": (top_k.TopKTrainer, {**top, **named}),
        "BatchTopKTrainer": (batch_top_k.BatchTopKTrainer, {**top, **named}),
        "MatryoshkaBatchTopKTrainer": (
            matryoshka_batch_top_k.MatryoshkaBatchTopKTrainer,
            {**top, **named, "group_fractions": [0.25, 0.25, 0.5]},
        ),
        "JumpReluTrainer": (jumprelu.JumpReluTrainer, {**sparse, **named}),
    }


def load_theirs(folder):
    """Their SAE with the weights as stored: their reader rescales one class."""
    from dictionary_learning.utils import load_dictionary

    if json.loads((folder / "config.json").read_text())["trainer"]["dict_class"] == "AutoEncoder":
        return theirs.AutoEncoder.from_pretrained(folder / "ae.pt", device="cpu", normalize_decoder=False)
    return load_dictionary(str(folder), "cpu")[0]


def assert_same(ours, dictionary, x):
    with torch.no_grad():
        expected = dictionary.encode(x)
        assert 0 < int((expected > 0).sum()) < expected.numel()
        torch.testing.assert_close(ours.encode(x), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(ours.decode(expected), dictionary.decode(expected), atol=1e-5, rtol=0)
        torch.testing.assert_close(ours(x), dictionary(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("normalize_activations", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "StandardTrainer",
        "StandardTrainerAprilUpdate",
        "PAnnealTrainer",
        "GatedSAETrainer",
        "GatedAnnealTrainer",
        "TopKTrainer",
        "BatchTopKTrainer",
        "MatryoshkaBatchTopKTrainer",
        "JumpReluTrainer",
    ],
)
def test_what_a_trainer_writes(tmp_path, x, name, normalize_activations):
    from dictionary_learning.training import trainSAE

    torch.manual_seed(0)
    trainer, options = trainers()[name]
    config = {
        "trainer": trainer,
        "steps": N_STEPS,
        "activation_dim": D,
        "dict_size": M,
        "layer": 3,
        "lm_name": "EleutherAI/pythia-70m-deduped",
        "device": "cpu",
        "lr": 1e-2,
        **options,
    }
    trainSAE(
        Data(x),
        [config],
        steps=N_STEPS,
        save_dir=str(tmp_path),
        device="cpu",
        normalize_activations=normalize_activations,
    )
    ours = sae.load(tmp_path / "trainer_0")
    assert_same(ours, load_theirs(tmp_path / "trainer_0"), x)
    meta = ours.cfg.metadata
    assert (meta.model_name, meta.context_size) == ("EleutherAI/pythia-70m-deduped", 128)
    assert meta.hook_name == ("blocks.3.hook_resid_post" if "submodule_name" in options else None)
    sae.save(ours, tmp_path / "converted")
    assert torch.equal(sae.load(tmp_path / "converted").encode(x), ours.encode(x))


def test_the_class_without_a_trainer(tmp_path, x):
    from dictionary_learning.dictionary import AutoEncoderNew

    torch.manual_seed(0)
    dictionary = AutoEncoderNew(D, M)
    torch.nn.init.normal_(dictionary.decoder.bias)
    torch.save(dictionary.state_dict(), tmp_path / "ae.pt")
    trainer = {"dict_class": "AutoEncoderNew", "activation_dim": D, "dict_size": M}
    (tmp_path / "config.json").write_text(json.dumps({"trainer": trainer}))
    assert_same(sae.load(tmp_path), dictionary, x)
