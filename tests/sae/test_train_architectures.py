from __future__ import annotations

import dataclasses

import pytest
import torch

import sae
from sae.training import Trainer, _trainer

SETTINGS = {
    "standard": {"l1_coefficient": 1.0},
    "sqrt": {"l1_coefficient": 1.0, "penalty": "sqrt"},
    "l0": {"l1_coefficient": 0.3, "penalty": "l0:0.2"},
    "tied": {"architecture": "tied", "l1_coefficient": 1.0},
    "gated": {"architecture": "gated", "l1_coefficient": 1.0},
    "topk": {"architecture": "topk", "k": 3},
    "batchtopk": {"architecture": "batchtopk", "k": 3},
    "matryoshka": {"architecture": "matryoshka", "k": 3},
    "jumprelu": {"architecture": "jumprelu", "penalty": "step", "l1_coefficient": 0.3},
    "jumprelu_tanh": {"architecture": "jumprelu", "penalty": "tanh:1", "l1_coefficient": 1.0},
    "jumprelu_target": {"architecture": "jumprelu", "penalty": "step", "l1_coefficient": 5.0, "l0_target": 3.0},
}


def config(**changes):
    usual = {"n_tokens": 200 * 128, "d_sae": 48, "batch_size": 128, "lr": 5e-3, "lr_warmup_steps": 20, "n_init": 1024}
    return sae.TrainConfig(**{**usual, **changes})


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", SETTINGS)
def test_every_architecture_learns_and_is_finished_for_raw_inputs(dictionary_data, tmp_path, name):
    x = dictionary_data(60_000)[1] * 7
    result = sae.train([x[:51_200]], config(n_tokens=300 * 128, **SETTINGS[name]))
    model, last = result.sae, result.history[-1]
    quality = sae.metrics.evaluate(model, [x[51_200:]])
    assert quality.fvu < 0.2
    assert quality.l0 < 8
    assert quality.fvu == pytest.approx(last["fvu"], abs=0.05)
    assert quality.l0 == pytest.approx(last["l0"], rel=0.15)
    assert quality.cosine == pytest.approx(last["cosine"], abs=0.02)
    assert quality.l2_ratio == pytest.approx(last["l2_ratio"], abs=0.03)
    assert model.cfg.architecture == config(**SETTINGS[name]).architecture
    torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(48))
    sae.save(model, tmp_path)
    assert torch.equal(sae.load(tmp_path).encode(x[:100]), model.encode(x[:100]))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_weight_moves(dictionary_data, name):
    x = dictionary_data(3000)[1]
    trainer = Trainer(config(**SETTINGS[name]), x)
    before = {weight: tensor.clone() for weight, tensor in trainer.weights.named().items()}
    for batch in x.split(128)[:20]:
        trainer.step(batch)
    for weight, tensor in trainer.weights.named().items():
        per_feature = (tensor != before[weight]).view(len(tensor), -1).any(dim=1)
        assert per_feature.float().mean() > 0.9, weight


def test_what_counts_stays_where_it_belongs(dictionary_data):
    x = dictionary_data(51_200)[1]
    jump = sae.train([x], config(architecture="jumprelu", penalty="step", l1_coefficient=0.0)).sae
    assert (jump.threshold >= 0).all()
    aimed = sae.train([x], config(**SETTINGS["jumprelu_target"])).history[-1]
    assert aimed["l0"] == pytest.approx(3, abs=0.3)
    assert all(entry["l0"] <= 3 for entry in sae.train([x], config(**SETTINGS["topk"])).history)
    batch = sae.train([x], config(**SETTINGS["batchtopk"]))
    assert all(entry["l0"] == pytest.approx(3) for entry in batch.history)
    assert {entry["l1_coefficient"] for entry in batch.history} == {0}
    tied = sae.train([x], config(**SETTINGS["tied"])).sae
    assert torch.equal(tied.W_dec, tied.W_enc.T)


def test_the_threshold_of_inference_is_the_mean_of_the_smallest_then_follows(monkeypatch, dictionary_data):
    monkeypatch.setattr(_trainer, "THRESHOLD_RATE", 0.25)
    x = dictionary_data(2000)[1]
    trainer = Trainer(config(**SETTINGS["batchtopk"], normalise="none", lr=1e-9), x)
    smallest = []
    for batch in x.split(128)[:6]:
        trainer.step(batch)
        f = trainer.weights.encode(batch).flatten()
        smallest.append(f.sort(descending=True).values[3 * 128 - 1])
    expected = torch.stack(smallest[:4]).mean()
    for value in smallest[4:]:
        expected = expected + 0.25 * (value - expected)
    torch.testing.assert_close(trainer.finish().threshold.detach(), expected, rtol=1e-4, atol=1e-5)


def test_the_nested_dictionaries_reconstruct_alone(dictionary_data):
    x = dictionary_data(51_200)[1]
    model = sae.train([x], config(**SETTINGS["matryoshka"], widths=(12, 24, 48))).sae
    flat = sae.train([x], config(**SETTINGS["batchtopk"])).sae
    assert model.cfg.widths == (12, 24, 48)
    f = model.encode(x[:2000])
    fvus = [sae.metrics.fvu(x[:2000], model.decode(f, width=width)) for width in (12, 24, 48)]
    assert fvus == sorted(fvus, reverse=True)
    first = flat.encode(x[:2000])[:, :12] @ flat.W_dec[:12] + flat.b_dec
    assert fvus[0] < 0.8 * sae.metrics.fvu(x[:2000], first)


def test_default_widths():
    assert config(**SETTINGS["matryoshka"]).nested_widths(48) == (3, 6, 12, 24, 48)
    assert config(**SETTINGS["matryoshka"]).nested_widths(4) == (1, 2, 4)
    assert config(**SETTINGS["topk"]).nested_widths(48) == (48,)


def test_a_bfloat16_encoder_learns_as_well(dictionary_data):
    x = dictionary_data(51_200)[1]
    for name in ("standard", "topk", "gated"):
        exact, rounded = (
            sae.train([x], config(**SETTINGS[name], encoder_dtype=dtype)).history[-1]
            for dtype in ("float32", "bfloat16")
        )
        assert rounded["fvu"] == pytest.approx(exact["fvu"], abs=0.02)
        assert rounded["loss"] != exact["loss"]


def test_sizes_that_do_not_fit_the_data(dictionary_data):
    x = dictionary_data(100)[1]
    with pytest.raises(sae.SAEError, match=r"k \(40\) must not be above d_sae \(32\)"):
        Trainer(config(architecture="topk", k=40, d_sae=None, expansion=2), x)
    with pytest.raises(sae.SAEError, match=r"last of widths must be d_sae \(32\), found \(3, 40\)"):
        Trainer(config(architecture="matryoshka", k=4, d_sae=None, expansion=2, widths=(3, 40)), x)


def test_many_trainers_on_one_stream_are_as_many_trainings(dictionary_data):
    x = dictionary_data(6000)[1]
    configs = [config(n_tokens=40 * 128, **SETTINGS[name]) for name in ("standard", "topk", "gated")]
    trainers = [Trainer(each, x[:1024]) for each in configs]
    entries = []
    for batch in x[: 40 * 128].split(128):
        entries += [entry for trainer in trainers if (entry := trainer.step(batch)) is not None]
    for trainer, each in zip(trainers, configs, strict=True):
        alone = sae.train([x], each)
        assert trainer.finish().fingerprint() == alone.sae.fingerprint()
        assert alone.history[0] in [dataclasses.asdict(entry) for entry in entries]
        with pytest.raises(sae.SAEError, match="all of its 40 steps"):
            trainer.step(x[:128])


def test_a_step_refuses_what_is_not_a_batch(dictionary_data):
    trainer = Trainer(config(**SETTINGS["standard"]), dictionary_data(100)[1])
    for x in (torch.ones(5, 3), torch.ones(16), torch.empty(0, 16)):
        with pytest.raises(sae.SAEError, match=r"d_in=16\], found"):
            trainer.step(x)
