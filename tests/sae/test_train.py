from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

import sae
from sae.training import Trainer, _trainer
from sae.training.steps import _choose


def config(**changes):
    return sae.TrainConfig(
        **{
            "n_tokens": 400 * 128,
            "l1_coefficient": 0.3,
            "d_sae": 48,
            "batch_size": 128,
            "lr": 5e-3,
            "lr_warmup_steps": 20,
            "n_init": 1024,
            **changes,
        }
    )


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("normalise", ["none", "expected_average"])
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_learns_a_sparse_dictionary(dictionary_data, normalise, size):
    directions, x = dictionary_data(60_000)
    x, held_out = x[:51_200] * size, x[51_200:] * size
    l1 = 1.0 if normalise == "expected_average" else 0.4 * size  # the scale of the inputs is the scale of L1
    lr = 3e-2 if normalise == "none" and size > 1 else 5e-3
    model = sae.train(torch.split(x, 1000), config(normalise=normalise, l1_coefficient=l1, lr=lr)).sae
    quality = sae.metrics.evaluate(model, [held_out])
    assert quality.fvu < 0.2
    assert quality.l0 < 8
    torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(48))
    if normalise == "expected_average":
        best = (directions @ model.W_dec.T).amax(dim=1)
        assert (best > 0.9).float().mean() > 0.8


def test_same_seed_same_bits(dictionary_data):
    x = dictionary_data(10_000)[1]

    def run(seed):
        cfg = config(n_tokens=60 * 128, resample_every=20, resample_dead_window=10, seed=seed)
        buffer = sae.ActivationBuffer(torch.split(x, 700), capacity=2000, batch_size=128, seed=seed)
        return sae.train(buffer, cfg)

    first, second, other = run(0), run(0), run(1)
    assert first.sae.fingerprint() == second.sae.fingerprint() != other.sae.fingerprint()
    assert first.history == second.history


def test_the_way_gradients_are_computed_changes_only_rounding(dictionary_data, monkeypatch):
    x = dictionary_data(10_000)[1]
    cfg = config(n_tokens=40 * 128)
    mixed = sae.train([x], cfg).sae
    monkeypatch.setattr(_choose, "SPARSE_DENSITY", 0.0)
    dense = sae.train([x], cfg).sae
    monkeypatch.setattr(_choose, "SPARSE_DENSITY", 2.0)
    sparse = sae.train([x], cfg).sae
    for model in (mixed, sparse):
        torch.testing.assert_close(model(x[:100]), dense(x[:100]), rtol=1e-2, atol=1e-2)
    assert dense.fingerprint() != sparse.fingerprint()


def plant_dead(monkeypatch, features):
    """Start with features whose encoder bias is too low to ever fire."""
    original = _trainer.initial_weights

    def planted(*args, **kwargs):
        weights = original(*args, **kwargs)
        weights.b_enc[features] = -1e4
        return weights

    monkeypatch.setattr(_trainer, "initial_weights", planted)


def test_planted_dead_features_revive(dictionary_data, monkeypatch):
    x = dictionary_data(51_200)[1]
    plant_dead(monkeypatch, [5, 11])
    without = sae.train([x], config(resample_dead_window=50)).sae
    assert {5, 11} <= set(without.cfg.metadata.dead_train)
    assert without.cfg.metadata.n_dead_train == len(without.cfg.metadata.dead_train)
    resampled = sae.train([x], config(resample_every=50, resample_dead_window=50))
    assert not {5, 11} & set(resampled.sae.cfg.metadata.dead_train)
    assert (resampled.sae.encode(x)[:, [5, 11]] > 0).any(dim=0).all()
    assert resampled.history[-1]["n_resampled"] >= 2


def test_one_outlier_does_not_become_every_resampled_feature(dictionary_data, monkeypatch):
    x = dictionary_data(51_200)[1]
    x[::50] = 500.0 * torch.eye(16)[0]
    plant_dead(monkeypatch, list(range(20)))
    cfg = config(resample_every=100, resample_dead_window=100, n_tokens=125 * 128, normalise="none", lr=1e-6)
    result = sae.train([x], cfg)
    assert result.history[-1]["n_resampled"] >= 20
    assert (result.sae.W_dec[:20, 0] < 0.9).all()


def test_the_stream_may_be_cut_anyhow(dictionary_data):
    x = dictionary_data(4000)[1]
    cfg = config(n_tokens=3000)
    whole = sae.train([x], cfg).sae
    pieces = sae.train(torch.split(x, 37), cfg).sae
    assert whole.fingerprint() == pieces.fingerprint()


def test_metadata_history_and_progress(dictionary_data):
    x = dictionary_data(4000)[1]
    seen: list[sae.TrainStep] = []
    given = sae.SAEMetadata(model_name="m", weight_processing="raw", extra={"a": 1})
    cfg = config(n_tokens=25 * 128 + 5, log_every=10)
    result = sae.train([x], cfg, metadata=given, progress=seen.append)
    assert [entry.step for entry in seen] == [1, 10, 20, 25]
    assert result.history == [dataclasses.asdict(entry) for entry in seen]
    assert (seen[-1].n_steps, seen[-1].n_tokens) == (25, 25 * 128)
    assert seen[-1].loss < seen[0].loss
    found = result.sae.cfg.metadata
    assert (found.model_name, found.weight_processing) == ("m", "raw")
    assert found.extra == {"a": 1, "train_config": {**dataclasses.asdict(cfg), "betas": [0.9, 0.999]}}
    assert found.n_dead_train == len(found.dead_train)


def test_a_trained_sae_survives_the_disk(dictionary_data, tmp_path):
    model = sae.train([dictionary_data(1000)[1]], config(n_tokens=512, d_sae=None, expansion=2)).sae
    assert (model.cfg.d_in, model.cfg.d_sae) == (16, 32)
    sae.save(model, tmp_path)
    loaded = sae.load(tmp_path)
    assert loaded.fingerprint() == model.fingerprint()
    assert loaded.cfg == model.cfg


def test_a_free_decoder_comes_out_normalised(dictionary_data):
    x = dictionary_data(4000)[1]
    model = sae.train([x], config(n_tokens=30 * 128, decoder_norm="unpenalised")).sae
    torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(48))


def test_free_rows_start_short_and_fold_without_a_trace(dictionary_data):
    x = dictionary_data(40_000)[1]
    cfg = config(n_tokens=300 * 128, decoder_norm="free")
    trainer = Trainer(cfg, x[:1024])
    start = trainer.weights
    torch.testing.assert_close(start.decoder.norm(dim=1), torch.full((48,), 0.1))
    torch.testing.assert_close(start.encoder, start.decoder)
    assert start.encoder.data_ptr() != start.decoder.data_ptr()
    assert not start.b_dec.any()
    for batch in x.split(128)[:300]:
        entry = trainer.step(batch)
    weights = copy.deepcopy(trainer.weights)
    norms = weights.decoder.norm(dim=1)
    assert norms.std() > 0.01

    model, held = trainer.finish(), x[-500:]
    torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(48))
    features = weights.encode(held * trainer.scale)
    torch.testing.assert_close(model.encode(held), features * norms / trainer.scale, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model(held), weights.decode(features) / trainer.scale, rtol=1e-4, atol=1e-4)
    x_last = x.split(128)[299] * trainer.scale
    assert entry.fvu < 0.5
    assert entry.loss == pytest.approx(_loss_of(weights, x_last, norms), rel=0.05)  # of the step before the last


def _loss_of(weights, x, norms):
    features = weights.encode(x)
    return float(((weights.decode(features) - x).square().sum() + 0.3 * (features * norms).sum()) / len(x))


def test_a_step_follows_the_sphere_and_the_schedule(dictionary_data):
    x = dictionary_data(256)[1]
    cfg = config(lr_warmup_steps=50, decoder_norm="unit")
    trainer = Trainer(cfg, x)
    before = trainer.weights.decoder.clone()
    trainer.step(x[:128])
    gradient = trainer.optimizer.state[trainer.weights.decoder]["exp_avg"]
    assert gradient.abs().max() > 1e-3
    assert (gradient * before).sum(dim=1).abs().max() < 1e-6
    assert trainer.optimizer.param_groups[0]["lr"] == cfg.lr_at(1) == cfg.lr / 50
    norms = trainer.weights.decoder.norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(48), rtol=0, atol=1e-6)

    free = Trainer(dataclasses.replace(cfg, decoder_norm="unpenalised", lr=0.1), x)
    free.step(x[:128])
    assert (free.weights.decoder.norm(dim=1) - 1).abs().max() > 1e-3


def test_a_resampled_feature_has_a_whole_window(dictionary_data, monkeypatch):
    x = dictionary_data(51_200)[1]
    plant_dead(monkeypatch, [5, 11])
    monkeypatch.setattr(_trainer, "resample", lambda *_, features, **__: features)
    cfg = config(n_tokens=300 * 128, lr=1e-9, resample_every=20, resample_dead_window=100)
    history = sae.train([x], cfg).history
    resampled = {entry["step"]: entry["n_resampled"] for entry in history}
    assert [resampled[step] for step in (80, 100, 180, 200, 300)] == [0, 2, 2, 4, 4]  # 240 is the last chance


@pytest.mark.parametrize("how", ["zero", "mean", "geometric_median", "auto"])
def test_b_dec_starts_where_it_is_told(dictionary_data, how):
    x = dictionary_data(2000)[1]
    model = sae.train([x], config(n_tokens=1024, b_dec_init=how, lr=1e-12, normalise="none")).sae
    expected = {"zero": torch.zeros(16), "mean": x[:1024].mean(0), "geometric_median": sae.geometric_median(x[:1024])}
    expected["auto"] = expected["geometric_median"]
    torch.testing.assert_close(model.b_dec, expected[how], rtol=1e-4, atol=1e-6)


def test_streams_that_do_not_suffice(dictionary_data):
    x = dictionary_data(1000)[1]
    with pytest.raises(sae.SAEError, match="n_tokens is 2048, but the stream ended after 1000"):
        sae.train([x], config(n_tokens=2048))
    with pytest.raises(sae.SAEError, match="stream is empty"):
        sae.train([], config())
    x[800] = float("nan")
    with pytest.raises(sae.SAEError, match="loss is nan at step 7"):
        sae.train([x], config(n_tokens=7 * 128, n_init=512))


def test_schedules():
    cfg = config(n_tokens=100 * 128, lr=1.0, lr_warmup_steps=10, lr_decay=0.2, l1_warmup_steps=4, l1_coefficient=2.0)
    assert [cfg.lr_at(step) for step in (1, 5, 10, 50, 80)] == pytest.approx([0.1, 0.5, 1, 1, 1])
    assert [cfg.lr_at(step) for step in (90, 100)] == pytest.approx([0.55, 0.05])
    assert [cfg.l1_at(step) for step in (1, 2, 4, 100)] == [0.5, 1, 2, 2]
    flat = config(lr=1.0, lr_warmup_steps=0, lr_decay=0.0)
    assert {flat.lr_at(step) for step in range(1, flat.n_steps + 1)} == {1.0}
    assert {flat.l1_at(step) for step in (1, 400)} == {0.3}
    assert [step for step in range(1, 401) if config(resample_every=100).resamples_at(step)] == [100, 200, 300]
    assert not any(flat.resamples_at(step) for step in range(1, 401))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"d_sae": None}, "either d_sae or expansion"),
        ({"expansion": 4}, "either d_sae or expansion"),
        ({"l1_reduction": "mean"}, "l1_reduction must be one of code, paper, sse"),
        ({"normalise": "layer_norm"}, "normalise must be one of"),
        ({"b_dec_init": "random"}, "b_dec_init must be one of"),
        ({"decoder_norm": "long"}, "decoder_norm must be one of unit, free, unpenalised"),
        ({"decoder_norm": "free", "architecture": "tied"}, "decoder_norm='free' is for standard SAEs, not for tied"),
        ({"decoder_norm": "free", "architecture": "topk", "k": 4}, "is for standard SAEs, not for topk"),
        ({"decoder_norm": "free", "frequency_coefficient": 0.1}, "frequency penalty has no meaning"),
        ({"frequency_window": 0}, "frequency_window must be at least 1"),
        ({"d_sae": 0}, "d_sae must be at least 1"),
        ({"resample_dead_window": 0}, "resample_dead_window must be at least 1"),
        ({"l1_coefficient": -1.0}, "l1_coefficient must not be negative"),
        ({"l1_coefficient": None}, "standard SAE needs l1_coefficient"),
        ({"architecture": "relu"}, "architecture must be one of standard, tied"),
        ({"architecture": "topk"}, "topk SAE needs k"),
        ({"architecture": "topk", "k": 100}, r"k \(100\) must not be above d_sae \(48\)"),
        ({"architecture": "topk", "k": 4, "penalty": "sqrt"}, "topk SAE has no penalty"),
        ({"k": 4}, "k is for topk"),
        ({"widths": (3, 48)}, "widths are for matryoshka"),
        ({"architecture": "matryoshka", "k": 4, "widths": (3, 40)}, "the last of widths must be d_sae"),
        ({"architecture": "matryoshka", "k": 4, "widths": (9, 3, 48)}, "widths must be ascending"),
        ({"penalty": "cubic"}, "unknown penalty 'cubic'"),
        ({"penalty": "step"}, "'step' is for jumprelu"),
        ({"architecture": "jumprelu"}, "jumprelu SAE takes penalty 'step' or 'tanh:SCALE', found 'l1'"),
        ({"l0_target": 3.0}, "l0_target is for jumprelu"),
        ({"architecture": "topk", "k": 4, "resample_mode": "code"}, "0.05 times as long as .* give resample_scale"),
        ({"architecture": "topk", "k": 4, "frequency_coefficient": 1.0}, "can't take frequency_coefficient: k decides"),
        ({"resample_mode": "best"}, "resample_mode must be one of default, blog, code, bricken"),
        ({"encoder_dtype": "int8"}, "encoder_dtype must be one of float32, bfloat16"),
        ({"lr": 0.0}, "lr=0.0"),
        ({"grad_clip": 0.0}, "grad_clip=0.0"),
        ({"lr_decay": 1.5}, "lr_decay must lie"),
        ({"lr": float("nan")}, "lr must be a finite number, found nan"),
        ({"l1_coefficient": float("inf")}, "l1_coefficient must be a finite number"),
        ({"frequency_min": 2.0}, "frequency_min is a share of inputs"),
        ({"resample_scale": 0.0}, "resample_scale=0.0"),
        ({"device": "tpu"}, "device must be one that torch has, such as cpu or cuda, found 'tpu'"),
        ({"betas": (0.9, 1.0)}, "betas must be at least 0 and below 1"),
        ({"n_tokens": 100}, r"n_tokens \(100\) must fill at least one batch"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(sae.SAEError, match=message):
        config(**changes)
