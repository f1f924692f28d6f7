"""What a training can have beside error and penalty: norms, dead features, frequencies, angles; and what it reports."""

from __future__ import annotations

import pytest
import torch

import sae
from sae.penalties import decoder_orthogonality
from sae.training import RESAMPLING, Trainer


def config(**changes):
    usual = {"n_tokens": 300 * 128, "d_sae": 48, "batch_size": 128, "lr": 5e-3, "lr_warmup_steps": 20, "n_init": 1024}
    changes = changes if "k" in changes else {"l1_coefficient": 1.0, **changes}
    return sae.TrainConfig(**{**usual, **changes})


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", ["standard", "tied", "gated", "topk"])
def test_gradients_have_no_part_along_unit_rows(dictionary_data, name):
    x = dictionary_data(2000)[1]
    usual = {"grad_clip": None, "betas": (0.0, 0.999)}  # Adam's running mean is then the gradient
    trainer = Trainer(config(architecture=name, **({"k": 3} if name == "topk" else {}), aux_k=4, **usual), x)
    for batch in x.split(128)[:10]:
        rows = trainer.weights.decoder.clone()
        trainer.step(batch)
        gradient = trainer.optimizer.state[trainer.weights.decoder]["exp_avg"]
        assert (gradient * rows).sum(dim=1).abs().max() < 1e-5
        assert gradient.abs().max() > 1e-3
        torch.testing.assert_close(trainer.weights.decoder.norm(dim=1), torch.ones(48))


def test_with_free_norms_features_shrink_while_rows_grow(dictionary_data):
    x = dictionary_data(40_000)[1]
    trainers = [Trainer(config(decoder_norm=norm), x[:1024]) for norm in ("unit", "unpenalised")]
    for batch in x.split(128)[:300]:
        for trainer in trainers:
            trainer.step(batch)
    x = x[:2000] * trainers[0].scale
    held, free = ((t.weights.encode(x).sum(dim=1).mean(), t.weights.decoder.norm(dim=1).mean()) for t in trainers)
    assert held[1] == pytest.approx(1)
    assert free[0] < 0.7 * held[0]
    assert free[1] > 1.3


def shrunk(x):
    """A target of its own."""
    return 0.1 * x + 0.05


@pytest.mark.parametrize("target", [None, shrunk])
def test_the_auxiliary_loss_revives_dead_features(dictionary_data, target):
    x = dictionary_data(40_000)[1]
    y = None if target is None else target(x)

    def dead(**changes):
        cfg = config(architecture="topk", k=3, resample_dead_window=20, **changes)
        trainer = Trainer(cfg, x[:1024], None if y is None else y[:1024])
        for weight in (trainer.weights.encoder, trainer.weights.b_enc):
            weight[:20] *= 0.02  # never among the k largest
        parts = torch.arange(100 * 128).split(128)
        steps = [trainer.step(x[part], None if y is None else y[part]) for part in parts]
        return [entry.n_dead for entry in steps if entry is not None]

    without, with_help = dead(), dead(aux_k=8, aux_coefficient=1.0)
    assert without[1] >= 20
    assert with_help[1] >= 20
    assert without[-1] >= 20
    assert with_help[-1] < 10


def test_orthogonality_spreads_the_decoder(dictionary_data):
    x = dictionary_data(40_000)[1]
    for kind in ("mean", "mean_max", "max"):
        plain, spread = (
            sae.train([x], config(orthogonality_coefficient=weight, orthogonality=kind)) for weight in (0.0, 20.0)
        )
        before, after = (decoder_orthogonality(result.sae.W_dec, kind) for result in (plain, spread))
        assert after < before - 0.01
        assert spread.history[-1]["loss"] > plain.history[-1]["loss"]


@pytest.mark.parametrize(
    ("changes", "fewer"),
    [
        ({"architecture": "gated", "l1_coefficient": 3.0}, 8),
        ({"architecture": "jumprelu", "l1_coefficient": 1.0, "penalty": "step"}, 5),
        ({"architecture": "jumprelu", "l1_coefficient": 3.0, "penalty": "tanh:1"}, 6),
    ],
)
def test_the_frequency_penalty_saves_features_of_other_architectures(dictionary_data, changes, fewer):
    x = dictionary_data(40_000)[1]
    usual = {**changes, "l1_warmup_steps": 100, "frequency_min": 0.05}
    models = [sae.train([x], config(**usual, frequency_coefficient=weight)).sae for weight in (0.0, 1.0)]
    rare = [int(((model.encode(x) > 0).float().mean(dim=0) < 0.01).sum()) for model in models]
    assert rare[1] <= rare[0] - fewer


def test_the_frequency_penalty_makes_features_fire_more_often(dictionary_data):
    x = dictionary_data(40_000)[1]
    usual = {"l1_coefficient": 3.0, "l1_warmup_steps": 100, "frequency_min": 0.05}
    plain, frequent = (sae.train([x], config(**usual, frequency_coefficient=weight)) for weight in (0.0, 1.0))
    rare = [int(((result.sae.encode(x) > 0).float().mean(dim=0) < 0.01).sum()) for result in (plain, frequent)]
    assert rare[0] > 8
    assert rare[1] < 3
    assert frequent.history[-1]["l0"] > 1.2 * plain.history[-1]["l0"]  # at the same error, as Farrell found
    assert frequent.history[-1]["fvu"] == pytest.approx(plain.history[-1]["fvu"], rel=0.05)


def test_the_frequency_penalty_counts_over_its_window(dictionary_data):
    x = dictionary_data(4000)[1]
    trainer = Trainer(config(frequency_coefficient=1.0, frequency_window=2, lr=1e-9), x[:1024])
    for batch in x.split(128)[:5]:
        trainer.step(batch)
    fired = trainer.weights.encode(x[3 * 128 : 5 * 128] * trainer.scale) > 0
    torch.testing.assert_close(trainer._frequency.frequencies.float(), fired.float().mean(dim=0))


def test_published_resampling_comes_with_its_settings():
    bricken = config(resample_mode="bricken")
    assert bricken.resamples
    assert bricken.resampling == RESAMPLING["bricken"]
    changed = config(resample_mode="code", resample_every=50, resample_dead_window=40, resample_guard=True)
    assert (changed.resampling.schedule, changed.resampling.window) == (50, 40)
    assert changed.resampling.guard_outliers
    assert changed.resampling.encoder_scale == RESAMPLING["code"].encoder_scale
    assert [step for step in range(1, 301) if changed.resamples_at(step)] == [50, 100, 150, 200, 250, 300]
    assert not config().resamples


def test_a_published_window_is_as_long_in_proportion_as_it_was():
    windows = {mode: config(resample_mode=mode, resample_every=50).resampling.window for mode in RESAMPLING}
    assert windows == {"default": 250, "blog": None, "code": 50, "bricken": 25}
    assert config(resample_mode="bricken", resample_every=1).resampling.window == 1


@pytest.mark.parametrize("mode", ["code", "bricken"])
def test_published_resampling_made_shorter_revives_planted_features(dictionary_data, mode):
    x = dictionary_data(40_000)[1]
    trainer = Trainer(config(resample_mode=mode, resample_every=20), x[:1024])
    trainer.weights.b_enc[[5, 11]] = -1e4
    for batch in x.split(128)[:30]:
        trainer.step(batch)
    assert bool((trainer.weights.b_enc > -1).all())


FAMILIES = {
    "standard": {},
    "tied": {},
    "gated": {},
    "jumprelu": {"penalty": "step", "l1_coefficient": 0.3},
    **{name: {"k": 3, "resample_scale": 1.0} for name in ("topk", "batchtopk", "matryoshka")},
}


@pytest.mark.parametrize("mode", RESAMPLING)
@pytest.mark.parametrize("architecture", FAMILIES)
@pytest.mark.parametrize("target", [None, shrunk])
def test_resampling_revives_planted_features(dictionary_data, mode, architecture, target):
    x = dictionary_data(40_000)[1]
    y = None if target is None else target(x)
    usual = {"resample_mode": mode, "resample_every": 40, "resample_dead_window": 30}
    cfg = config(architecture=architecture, **FAMILIES[architecture], **usual)
    trainer = Trainer(cfg, x[:1024], None if y is None else y[:1024])
    trainer.weights.b_enc[[5, 11]] = -1e4
    for part in torch.arange(40 * 128).split(128):
        entry = trainer.step(x[part], None if y is None else y[part])
    assert entry is not None
    assert entry.n_resampled >= 2
    assert (trainer.finish().encode(x)[:, [5, 11]] > 0).any(dim=0).all()


def test_where_features_compete_a_resampled_one_is_as_strong_as_the_others():
    competing = config(architecture="topk", k=3, resample_every=40)
    assert competing.resampling.encoder_scale == 1.0
    assert config(resample_every=40).resampling.encoder_scale == 0.2
    given = config(architecture="topk", k=3, resample_mode="code", resample_scale=0.5)
    assert given.resampling.encoder_scale == 0.5


def test_the_history_describes_the_batch(dictionary_data):
    x = dictionary_data(4000)[1]
    trainer = Trainer(config(log_every=5, lr=1e-9, normalise="none"), x)
    for batch in x.split(128)[:10]:
        f = trainer.weights.encode(batch)
        reconstruction = trainer.weights.decode(f)
        entry = trainer.step(batch)
    assert entry is not None
    assert entry.l0 == pytest.approx(sae.metrics.l0(f))
    for name in ("mse", "fvu", "cosine", "l2_ratio"):
        assert getattr(entry, name) == pytest.approx(getattr(sae.metrics, name)(batch, reconstruction), rel=1e-3)
    assert entry.n_tokens == 1280


def test_density_is_counted_since_the_last_entry(dictionary_data):
    x = dictionary_data(4000)[1]
    trainer = Trainer(config(log_every=5, lr=1e-12, normalise="none"), x)
    trainer.weights.b_enc[:8] = -1e4
    entries = [entry for batch in x.split(128)[:10] if (entry := trainer.step(batch)) is not None]
    density = (trainer.weights.encode(x[640:1280]) > 0).float().mean(dim=0)
    fired = density[density > 0].sort().values
    assert entries[-1].step == 10
    assert entries[-1].density_median == pytest.approx(float(fired.quantile(0.5, interpolation="nearest")), rel=1e-4)
    assert entries[-1].density_q10 == pytest.approx(float(fired[round(0.1 * (len(fired) - 1))]), rel=1e-4)
    assert entries[-1].density_q90 == pytest.approx(float(fired[round(0.9 * (len(fired) - 1))]), rel=1e-4)
    assert entries[-1].n_dense == int((density > 0.1).sum())
