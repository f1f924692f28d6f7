from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import sae
from sae.penalties import L1, L0Approx, Log, OffsetSqrt, Power, ScaledSqrt, Tanh, parse_penalty

positive = st.floats(0.05, 20)
penalties = st.one_of(
    st.just(L1()),
    st.floats(0.2, 1).map(Power),
    *(positive.map(kind) for kind in (ScaledSqrt, OffsetSqrt, Tanh, Log, L0Approx)),
)
activations = st.lists(st.floats(-12, 4).map(lambda exponent: 10**exponent), min_size=1, max_size=8)
ONE_OF_EACH = [L1(), Power(0.5), Power(0.25), ScaledSqrt(4.0), OffsetSqrt(0.1), Tanh(1.0), Log(0.1), L0Approx(0.2)]


def least(penalty, g, coefficient):
    """Minimise (g - f)^2 + coefficient * phi(f) over f >= 0: the best of a grid, then a root of the derivative."""
    grid = torch.linspace(0, g, 4001, dtype=torch.float64)
    best = float(grid[((g - grid).square() + coefficient * penalty.value(grid)).argmin()])
    if best == 0:
        return 0.0
    low, high = best - g / 4000, best + g / 4000
    for _ in range(60):
        middle = (low + high) / 2
        f = torch.tensor(middle, dtype=torch.float64)
        if 2 * (middle - g) + coefficient * float(penalty.slope(f)) < 0:
            low = middle
        else:
            high = middle
    return middle


@given(penalties, activations)
@settings(deadline=None)
def test_the_slope_is_autograds(penalty, values):
    f = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    for phi in (penalty.value, penalty.reported):
        (gradient,) = torch.autograd.grad(phi(f).sum(), f)
        torch.testing.assert_close(penalty.slope(f.detach()), gradient, rtol=1e-9, atol=1e-12)


@given(penalties, st.floats(-12, 4), st.floats(-12, 4))
@settings(deadline=None)
def test_phi_rises_from_zero_and_bends_down(penalty, first, second):
    f = torch.tensor([0.0, *sorted([10**first, 10**second])], dtype=torch.float64)
    value, slope = penalty.value(f), penalty.slope(f)
    assert value[0] == 0
    assert (value.diff() >= 0).all()
    assert (slope.diff() <= 1e-12 * slope[0]).all()


@pytest.mark.parametrize("penalty", ONE_OF_EACH, ids=lambda penalty: penalty.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_is_infinite_however_small_the_activation(penalty, dtype):
    f = torch.tensor([0.0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-10, 1e-6, 1e30], dtype=dtype, requires_grad=True)
    value = penalty.value(f)
    (gradient,) = torch.autograd.grad(value.sum(), f)
    for found in (value, gradient, penalty.slope(f.detach()), penalty.reported(f)):
        assert found.dtype == dtype
        assert found.isfinite().all()


def test_how_steep_each_is_at_tiny_activations():
    tiny = torch.tensor([1e-12], dtype=torch.float64)
    expected = {
        "l1": 1,
        "power:0.5": 1e-4**-0.5,
        "power:0.25": 1e-4**-0.75,
        "scaled_sqrt:4.0": 2 * 1e-4**-0.5,
        "offset_sqrt:0.1": 1 / (2 * math.sqrt(0.1)),
        "tanh:1.0": 1,
        "log:0.1": 1 / 0.1,
        "l0:0.2": 1 / 0.2,
    }
    found = {penalty.name: float(penalty.slope(tiny)) for penalty in ONE_OF_EACH}
    assert found == pytest.approx(expected)


@given(g=st.floats(0.02, 4), coefficient=st.floats(0.05, 4))
@settings(deadline=None, max_examples=60)
def test_l1_is_the_soft_threshold(g, coefficient):
    assert least(L1(), g, coefficient) == pytest.approx(max(0.0, g - coefficient / 2), abs=g / 3000)


@given(over=st.floats(1.001, 20), coefficient=st.floats(0.05, 4))
@settings(deadline=None, max_examples=60)
def test_the_square_root_is_the_half_threshold(over, coefficient):
    threshold = 54 ** (1 / 3) / 4 * coefficient ** (2 / 3)
    assert least(Power(0.5), threshold * 0.999, coefficient) == 0
    g = threshold * over
    phi = math.acos(coefficient / 8 * (g / 3) ** -1.5)
    closed_form = 2 / 3 * g * (1 + math.cos(2 * math.pi / 3 - 2 / 3 * phi))
    found = least(Power(0.5), g, coefficient)
    assert found == pytest.approx(closed_form, rel=1e-6)
    assert found >= 2 / 3 * threshold  # the solution jumps there from zero
    assert g - found == pytest.approx(coefficient / (4 * math.sqrt(found)), rel=1e-5)


def test_what_saturates_shrinks_strong_features_less():
    g, coefficient = 10.0, 1.0
    shrunk = [g - least(penalty, g, coefficient) for penalty in (L1(), Power(0.5), Log(0.1), L0Approx(0.2))]
    assert shrunk == sorted(shrunk, reverse=True)
    assert shrunk[0] == pytest.approx(coefficient / 2)
    assert shrunk[1] == pytest.approx(coefficient / (4 * math.sqrt(g)), rel=0.01)
    assert shrunk[-1] == pytest.approx(coefficient * 0.2 / (2 * 10.2**2), rel=0.01)


@given(a=positive, coefficient=positive, values=activations)
@settings(deadline=None)
def test_a_factor_under_the_root_is_only_another_coefficient(a, coefficient, values):
    f = torch.tensor(values, dtype=torch.float64)
    root = Power(0.5)
    torch.testing.assert_close(coefficient * ScaledSqrt(a).value(f), coefficient * math.sqrt(a) * root.value(f))
    torch.testing.assert_close(coefficient * ScaledSqrt(a).slope(f), coefficient * math.sqrt(a) * root.slope(f))
    strong = f[f >= root.eps]
    torch.testing.assert_close(ScaledSqrt(a).value(strong), (a * strong).sqrt())


def test_an_offset_under_the_root_is_more_than_another_coefficient():
    f = torch.tensor([0.1, 1.0, 10.0])
    ratio = OffsetSqrt(0.1).slope(f) / Power(0.5).slope(f)
    assert ratio[2] / ratio[0] > 1.3
    torch.testing.assert_close(OffsetSqrt(0.1).value(f), (f + 0.1).sqrt() - 0.1**0.5)


def test_the_square_root_is_the_harder_penalty_for_weak_features_alone():
    f = torch.tensor([0.01, 0.24, 0.26, 0.99, 1.01, 50.0])
    assert (Power(0.5).slope(f) > L1().slope(f)).tolist() == [True, True, False, False, False, False]
    assert (Power(0.5).value(f) > L1().value(f)).tolist() == [True, True, True, True, False, False]


@given(eps=positive, values=activations)
@settings(deadline=None)
def test_the_slope_of_the_approximate_count(eps, values):
    f = torch.tensor(values, dtype=torch.float64)
    torch.testing.assert_close(L0Approx(eps).slope(f), eps / (f + eps) ** 2)


def test_the_approximate_count_becomes_the_count():
    f = torch.relu(torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    l0 = int((f > 0).sum())
    missed = [l0 - float(L0Approx(eps).value(f).sum()) for eps in (1, 0.1, 1e-3, 1e-9)]
    assert missed == sorted(missed, reverse=True)
    assert 0 <= missed[-1] < 1e-5 < missed[0]


def test_the_true_count_is_reported_with_the_gradient_of_the_approximation():
    f = torch.tensor([[0.0, 0.3, 0.0, 2.0], [1e-6, 0.0, 0.0, 50.0]], requires_grad=True)
    reported = L0Approx(0.2).reported(f)
    assert reported.tolist() == [[0, 1, 0, 1], [1, 0, 0, 1]]
    (gradient,) = torch.autograd.grad(reported.sum(), f)
    torch.testing.assert_close(gradient, L0Approx(0.2).slope(f.detach()))


@given(penalties)
def test_a_penalty_is_made_again_from_its_name(penalty):
    assert parse_penalty(penalty.name) == penalty


@pytest.mark.parametrize(
    ("spec", "penalty"),
    [
        ("l1", L1()),
        ("sqrt", Power(0.5)),
        ("fourth_root", Power(0.25)),
        ("power:0.7", Power(0.7)),
        ("power:0.5:1e-6", Power(0.5, eps=1e-6)),
        ("scaled_sqrt:4", ScaledSqrt(4.0)),
        ("offset_sqrt:0.1", OffsetSqrt(0.1)),
        ("tanh:1", Tanh(1.0)),
        ("log:0.1", Log(0.1)),
        ("l0:0.2", L0Approx(0.2)),
    ],
)
def test_specs(spec, penalty):
    assert parse_penalty(spec) == penalty


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("l2", "unknown penalty 'l2': must be one of l1, power"),
        ("", "unknown penalty ''"),
        ("l1:3", "has 1 numbers, but l1 is written l1"),
        ("power", "has 0 numbers, but power is written power:P"),
        ("log:a", "must have numbers after the colon, found 'a'"),
        ("sqrt:2", "unknown penalty 'sqrt:2'"),
        ("power:1.5", "p of penalty power must be at most 1, found 1.5"),
        ("power:0.5:0", "eps of penalty power must be a finite number above 0, found 0.0"),
        ("l0:-1", "eps of penalty l0 must be a finite number above 0, found -1.0"),
        ("tanh:nan", "scale of penalty tanh must be a finite number above 0, found nan"),
        ("log:inf", "a of penalty log must be a finite number above 0, found inf"),
    ],
)
def test_a_bad_spec_says_what_is_wrong(spec, message):
    with pytest.raises(sae.SAEError, match=message):
        parse_penalty(spec)
