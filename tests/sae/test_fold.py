from __future__ import annotations

import pytest
import torch

import sae
from sae._config import ARCHITECTURES
from sae.training._fold import average_norm_scale


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("scale", [0.01, 1.0, 37.0])
@pytest.mark.parametrize("apply_b_dec_to_input", [True, False])
def test_a_folded_scale_gives_the_same_reconstruction(make_sae, architecture, scale, apply_b_dec_to_input):
    model = make_sae(architecture=architecture, apply_b_dec_to_input=apply_b_dec_to_input)
    folded = sae.fold_input_scale(model, scale)
    x = torch.randn(50, 6) / scale
    torch.testing.assert_close(folded.encode(x), model.encode(scale * x) / scale, rtol=1e-4, atol=1e-5 / scale)
    torch.testing.assert_close(folded(x), model(scale * x) / scale, rtol=1e-4, atol=1e-4 / scale)
    assert folded.cfg == model.cfg
    assert torch.equal(folded.W_dec, model.W_dec)
    back = sae.fold_input_scale(folded, 1 / scale)
    for name, weight in model.named_parameters():
        torch.testing.assert_close(getattr(back, name), weight)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "topk"])
def test_folded_norms_give_the_same_reconstruction(make_sae, architecture):
    model = make_sae(architecture=architecture)
    model.W_dec[4] = 0
    before = model.fingerprint()
    folded = sae.fold_decoder_norm(model)
    assert model.fingerprint() == before
    x = torch.randn(50, 6)
    torch.testing.assert_close(folded(x), model(x), rtol=1e-4, atol=1e-4)
    norms = folded.W_dec.norm(dim=1)
    assert norms[4] == 0
    torch.testing.assert_close(norms[norms > 0], torch.ones(14))
    expected = model.encode(x)[:, :4] * model.W_dec[:4].norm(dim=1)
    torch.testing.assert_close(folded.encode(x)[:, :4], expected, rtol=1e-4, atol=1e-5)
    again = sae.fold_decoder_norm(folded)
    assert again.fingerprint() == folded.fingerprint()
    assert folded.cfg.architecture == model.plain().cfg.architecture


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_unit_rows_stay_as_they_are(make_sae, architecture):
    model = make_sae(architecture=architecture)
    if architecture == "tied":
        unit = {"W_enc": torch.nn.functional.normalize(model.W_enc, dim=0)}
    else:
        unit = {"W_dec": torch.nn.functional.normalize(model.W_dec, dim=1)}
    model = sae.build(model.cfg, {**model.tensors(), **unit})
    folded = sae.fold_decoder_norm(model)
    assert folded.cfg == model.cfg
    assert folded.fingerprint() == model.fingerprint()
    assert folded.W_enc.data_ptr() != model.W_enc.data_ptr()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_inputs_and_targets_may_have_different_scales(make_sae, architecture):
    model = make_sae(architecture=architecture, apply_b_dec_to_input=False)
    folded = sae.fold_input_scale(model, 7.0, target_scale=0.2)
    x = torch.randn(50, 6) / 7
    torch.testing.assert_close(folded.encode(x), model.encode(7 * x) / 0.2, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(folded(x), model(7 * x) / 0.2, rtol=1e-4, atol=1e-4)
    assert torch.equal(folded.W_dec, model.W_dec)
    assert folded.cfg.architecture == ("standard" if architecture == "tied" else architecture)


def test_what_can_not_be_folded(make_sae):
    with pytest.raises(sae.SAEError, match=r"reads x - b_dec has one scale, found 2.0 and 3.0"):
        sae.fold_input_scale(make_sae(), 2.0, target_scale=3.0)
    with pytest.raises(sae.SAEError, match="choose other features"):
        sae.fold_decoder_norm(make_sae(architecture="topk"))
    with pytest.raises(sae.SAEError, match=r"normalises its inputs \(layer_norm\)"):
        sae.fold_input_scale(make_sae(normalize_activations="layer_norm"), 2.0)


def test_the_average_norm_becomes_the_root_of_the_length():
    x = torch.randn(100, 9) * 50
    assert (x * average_norm_scale(x)).norm(dim=1).mean() == pytest.approx(3, rel=1e-5)
    with pytest.raises(sae.SAEError, match="all of the first inputs are zero"):
        average_norm_scale(torch.zeros(4, 9))


def test_bad_scale(make_sae):
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(sae.SAEError, match="scale must be above 0"):
            sae.fold_input_scale(make_sae(), scale)


def test_the_geometric_median_converges_and_ignores_outliers():
    square = torch.tensor([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]])
    torch.testing.assert_close(sae.geometric_median(square), torch.ones(2))
    points = torch.randn(201, 3, generator=torch.Generator().manual_seed(0))
    far = torch.cat([points, torch.full((20, 3), 1e4)])
    assert (sae.geometric_median(far) - sae.geometric_median(points)).norm() < 0.5
    assert far.mean(dim=0).norm() > 100
    # At the minimum of the summed distance its gradient, the sum of unit vectors, is zero.
    offsets = points - sae.geometric_median(points)
    assert (offsets / offsets.norm(dim=1, keepdim=True)).mean(dim=0).norm() < 1e-4


def test_the_geometric_median_of_equal_points_is_that_point():
    torch.testing.assert_close(sae.geometric_median(torch.ones(5, 3)), torch.ones(3))
