"""The suite ``core``: identities that hold for any SAE, and SAEs whose numbers are known."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import torch

import sae
from autointerp.evaluate import Findings, NotMeasurable
from autointerp.evaluate.suites import core
from autointerp.evaluate.suites.core._dead import dead_definitions
from autointerp.evaluate.suites.core._reconstruction import reconstruct


def values(found: Findings) -> dict[str, float]:
    return {number.name: number.estimate.value for number in found.numbers}


def test_an_sae_that_changes_nothing_costs_nothing(toy, tmp_path) -> None:
    found = values(core.measure(toy.make_setting(tmp_path, toy.identity_sae())))
    assert found["ce_difference"] == pytest.approx(0, abs=1e-6)
    assert found["kl"] == pytest.approx(0, abs=1e-6)
    for name in ("loss_recovered_zero", "loss_recovered_mean", "cosine", "l2_ratio"):
        assert found[name] == pytest.approx(1, abs=1e-6), name
    for name in ("mse", "fvu", "fvu_per_token", "relative_error", "direction_error", "length_error"):
        assert found[name] == pytest.approx(0, abs=1e-6), name
    assert found["l0"] == toy.D  # each dimension is on one of its two sides


def test_an_sae_of_zeros_is_zero_ablation(toy, tmp_path) -> None:
    found = values(core.measure(toy.make_setting(tmp_path, toy.plain_sae())))
    assert found["loss_recovered_zero"] == pytest.approx(0, abs=1e-9)
    assert found["l0"] == found["l2_ratio"] == found["cosine"] == 0
    assert found["relative_error"] == pytest.approx(1)
    assert abs(found["ce_difference"]) > 0.1


def test_an_sae_of_the_mean_is_mean_ablation(toy, tmp_path) -> None:
    setting = toy.make_setting(tmp_path, toy.plain_sae())
    mean = setting.mean_activation.float()
    found = values(core.measure(toy.make_setting(tmp_path / "mean", toy.plain_sae(b_dec=mean))))
    assert found["loss_recovered_mean"] == pytest.approx(0, abs=1e-5)
    assert found["fvu"] == pytest.approx(1, abs=1e-5)
    assert found["fvu_per_token"] == pytest.approx(1, abs=1e-5)


def test_every_number_agrees_with_its_definition(toy, tmp_path) -> None:
    model = toy.random_sae()
    setting = toy.make_setting(tmp_path, model)
    found = values(core.measure(setting))
    batch = setting.batch(setting.rows)
    x = setting.subject.residuals(batch.tokens)[batch.kept].double().numpy()
    features = model.encode(torch.from_numpy(x)).double().numpy()
    decoded = features @ model.W_dec.numpy() + model.b_dec.numpy()
    error, norm = ((x - decoded) ** 2).sum(axis=1), np.linalg.norm(x, axis=1)
    deviation = np.linalg.norm(x - x.mean(axis=0), axis=1)
    expected = {
        "l0": (features > 0).sum(axis=1),
        "mse": error / toy.D,
        "squared_error": error,
        "distance": np.sqrt(error),
        "mse_over_norm": error / toy.D / norm,
        "mse_over_centred_norm": error / toy.D / deviation,
        "relative_error": error / norm**2,
        "fvu_per_token": error / deviation**2,
        "l2_ratio": np.linalg.norm(decoded, axis=1) / norm,
    }
    for name, per_token in expected.items():
        assert found[name] == pytest.approx(per_token.mean(), rel=1e-5), name
    assert found["fvu"] == pytest.approx(sae.metrics.fvu(torch.from_numpy(x), torch.from_numpy(decoded)), rel=1e-5)
    assert found["relative_error"] == pytest.approx(found["direction_error"] + found["length_error"], abs=1e-6)


def test_the_difference_is_that_of_the_two_losses_and_has_an_error(toy, tmp_path) -> None:
    found = core.measure(toy.make_setting(tmp_path, toy.random_sae()))
    by_name = values(found)
    assert by_name["ce_difference"] == pytest.approx(by_name["ce_spliced"] - by_name["ce_original"])
    assert by_name["kl"] > 0
    assert all(number.estimate.standard_error >= 0 for number in found.numbers)
    assert all(number.reading.endswith(".") for number in found.numbers)
    assert set(found.pictures) == {"reconstruction", "loss"}


def test_ablation_leaves_bos_alone(toy, tmp_path) -> None:
    setting = toy.make_setting(tmp_path, toy.plain_sae())
    seen: list[torch.Tensor] = []
    logits = setting.subject.logits

    def watch(tokens, patch=None):
        return logits(tokens, patch and (lambda x: seen.append(changed := patch(x)) or changed))

    setting.subject.logits = watch
    core.measure(setting)
    assert seen
    assert all(bool((patched[:, 0] != 0).all()) for patched in seen)


def test_an_encoder_has_everything_but_losses(toy, tmp_path) -> None:
    found = core.measure(toy.make_setting(tmp_path, toy.random_sae(), kind="encoder"))
    names = values(found).keys()
    assert {"l0", "fvu", "dead_never"} <= names
    assert not [name for name in names if name.startswith(("ce_", "kl", "loss_"))]
    assert set(found.pictures) == {"reconstruction"}
    assert any("encoder" in note for note in found.notes)


def test_dead_is_counted_by_each_definition_and_unknown_stays_unknown() -> None:
    features = pd.DataFrame(
        {
            "dead_never": [True, False, False, False],
            "dead_threshold": [True, True, False, False],
            "dead_topk": [True, True, True, False],
            "dead_train": pd.Series([None] * 4, dtype="boolean"),
        }
    )
    table, numbers = dead_definitions(features, n_tokens=100, seed=0)
    assert table["n_dead"].tolist()[:3] == [1, 2, 3]
    assert table["n_dead"].isna().tolist() == [False, False, False, True]
    assert [number.estimate.value for number in numbers] == [0.25, 0.5, 0.75]
    assert all(number.estimate.standard_error > 0 for number in numbers)


def test_reconstructions_do_not_depend_on_the_chunks(toy, monkeypatch) -> None:
    model, x = toy.random_sae(), torch.randn(50, toy.D)
    module = import_module("autointerp.evaluate.suites.core._reconstruction")
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", 7 * model.cfg.d_sae)
    decoded, l0 = reconstruct(model, x)
    assert torch.allclose(decoded, model(x), atol=1e-6)
    assert torch.equal(l0, (model.encode(x) > 0).sum(dim=1))


def test_row_errors_split_exactly_and_have_no_value_without_a_divisor() -> None:
    x, decoded = torch.randn(100, 6), torch.randn(100, 6)
    x[0] = 0
    errors = sae.metrics.row_errors(x, decoded, x.mean(dim=0))
    gap = errors["relative_error"] - errors["direction_error"] - errors["length_error"]
    assert gap[1:].abs().max() < 1e-9
    assert bool(errors["relative_error"][0].isnan())
    assert bool(errors["squared_error"][0].isfinite())


def test_a_suite_without_its_harvest_says_so(toy, tmp_path) -> None:
    setting = toy.make_setting(tmp_path, toy.random_sae())
    setting.run.features.unlink()
    with pytest.raises(Exception, match="Harvest first") as raised:
        core.measure(setting)
    assert not isinstance(raised.value, NotMeasurable)
