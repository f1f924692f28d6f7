"""Trainings in which the SAE reconstructs something else than what it reads."""

from __future__ import annotations

import pytest
import torch

import sae
from sae.training import Trainer

SETTINGS = {
    "standard": {"l1_coefficient": 1.0},
    "sqrt": {"l1_coefficient": 1.0, "penalty": "sqrt"},
    "free": {"l1_coefficient": 1.0, "decoder_norm": "free"},
    "unpenalised": {"l1_coefficient": 1.0, "decoder_norm": "unpenalised"},
    "bfloat16": {"l1_coefficient": 1.0, "encoder_dtype": "bfloat16"},
    "orthogonal": {"l1_coefficient": 1.0, "orthogonality_coefficient": 0.1},
    "frequent": {"l1_coefficient": 1.0, "frequency_coefficient": 0.1, "frequency_min": 0.02},
    "resampled": {"l1_coefficient": 1.0, "resample_every": 50, "resample_dead_window": 20},
    "tied": {"architecture": "tied", "l1_coefficient": 1.0},
    "gated": {"architecture": "gated", "l1_coefficient": 1.0},
    "topk": {"architecture": "topk", "k": 3, "aux_k": 8, "resample_dead_window": 20},
    "batchtopk": {"architecture": "batchtopk", "k": 3},
    "matryoshka": {"architecture": "matryoshka", "k": 3},
    "jumprelu": {"architecture": "jumprelu", "penalty": "step", "l1_coefficient": 0.3},
    "jumprelu_tanh": {"architecture": "jumprelu", "penalty": "tanh:1", "l1_coefficient": 1.0},
}


def config(**changes):
    usual = {"n_tokens": 250 * 128, "d_sae": 48, "batch_size": 128, "lr": 5e-3, "lr_warmup_steps": 20, "n_init": 1024}
    return sae.TrainConfig(**{**usual, **changes})


def target(x):
    """The same directions, but for order, size and middle: what reads x finds all it needs."""
    return 0.1 * x.roll(1, dims=-1) + 0.05


def same_directions(x):
    return 0.1 * x + 0.05


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", SETTINGS)
def test_everything_learns_and_is_finished_for_raw_inputs_and_targets(dictionary_data, tmp_path, name):
    x = dictionary_data(51_200)[1] * 7
    wanted = same_directions if name == "tied" else target
    result = sae.train([x], config(**SETTINGS[name]), target=wanted)
    model, last, held_out = result.sae, result.history[-1], x[-2000:]
    f = model.encode(held_out)
    assert sae.metrics.fvu(wanted(held_out), model(held_out)) < 0.25
    assert sae.metrics.fvu(wanted(held_out), model(held_out)) == pytest.approx(last["fvu"], abs=0.05)
    assert sae.metrics.l0(f) == pytest.approx(last["l0"], rel=0.15)
    assert sae.metrics.l0(f) < 8
    assert not model.cfg.apply_b_dec_to_input
    assert model.cfg.architecture == ("standard" if name == "tied" else SETTINGS[name].get("architecture", "standard"))
    torch.testing.assert_close(model.W_dec.norm(dim=1), torch.ones(48))
    sae.save(model, tmp_path)
    assert torch.equal(sae.load(tmp_path)(held_out), model(held_out))


@pytest.mark.parametrize("name", SETTINGS)
def test_where_the_targets_are_the_inputs_the_start_is_an_ordinary_one(dictionary_data, name):
    x = dictionary_data(2000)[1] * 7
    ordinary, own = Trainer(config(**SETTINGS[name]), x), Trainer(config(**SETTINGS[name]), x, x)
    entries = [ordinary.step(x[:128]), own.step(x[:128], x[:128])]
    assert vars(entries[0]) == pytest.approx(vars(entries[1]), rel=1e-3, nan_ok=True)


@pytest.mark.parametrize("size", [0.01, 30.0])
def test_neither_size_is_a_setting(dictionary_data, size):
    x = dictionary_data(12_800)[1]
    cfg = config(n_tokens=12_800, l1_coefficient=1.0)
    plain = sae.train([x], cfg, target=target).sae(x)
    larger_x = sae.train([x * size], cfg, target=lambda x: target(x / size)).sae(x * size)
    larger_target = sae.train([x], cfg, target=lambda x: target(x) * size).sae(x)
    torch.testing.assert_close(larger_x, plain, rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(larger_target / size, plain, rtol=1e-2, atol=1e-2)


class StopError(Exception):
    pass


@pytest.mark.parametrize("name", ["resampled", "topk", "batchtopk"])
def test_a_stopped_training_goes_on_to_the_same_bits(dictionary_data, tmp_path, name):
    x, checkpoint = dictionary_data(60 * 128)[1], tmp_path / "checkpoint.pt"
    cfg = config(**{**SETTINGS[name], "resample_dead_window": 5}, n_tokens=60 * 128, log_every=7)
    undisturbed = sae.train([x], cfg, target=target)

    def stopped():
        yield x[:5000]
        raise StopError

    with pytest.raises(StopError):
        sae.train(stopped(), cfg, target=target, checkpoint=checkpoint)
    for other in (None, target):
        if other is None:
            with pytest.raises(sae.SAEError, match="that has targets of its own, but this one reconstructs what it"):
                sae.train([x], cfg, checkpoint=checkpoint)
        else:
            resumed = sae.train([x], cfg, target=other, checkpoint=checkpoint)
            assert resumed.sae.fingerprint() == undisturbed.sae.fingerprint()
            assert resumed.history == undisturbed.history


def test_many_share_their_targets(dictionary_data):
    x, n_asked = dictionary_data(20 * 128)[1], []

    def counted(x):
        n_asked.append(len(x))
        return target(x)

    configs = [config(**SETTINGS[name], n_tokens=20 * 128) for name in ("standard", "topk")]
    results = sae.train_many([x], configs, target=counted)
    assert n_asked == [1024, 1024, *[128] * 20]
    for result, cfg in zip(results, configs, strict=True):
        assert result.sae.fingerprint() == sae.train([x], cfg, target=target).sae.fingerprint()


def test_what_does_not_fit_is_refused(dictionary_data):
    x, cfg = dictionary_data(128)[1], config(**SETTINGS["standard"])
    own, ordinary = Trainer(cfg, x, target(x)), Trainer(cfg, x)
    for call, message in [
        (lambda: own.step(x), r"shape of the activations, \(128, 16\), found none"),
        (lambda: own.step(x, x[:5]), r"shape of the activations, \(128, 16\), found \(5, 16\)"),
        (lambda: ordinary.step(x, x), "reconstructs what it reads: give the Trainer a target_sample"),
        (lambda: Trainer(cfg, x, x[:, :3]), r"shape of the activations, \(128, 16\), found \(128, 3\)"),
        (lambda: Trainer(cfg, x, 0 * x), "all of the first targets are zero"),
        (lambda: own.load_state_dict(ordinary.state_dict()), "that reconstructs what it reads, but this one has"),
        (lambda: sae.train([x * torch.nan], config(**SETTINGS["topk"]), target=target), "loss is nan at step 1"),
    ]:
        with pytest.raises(sae.SAEError, match=message):
            call()
