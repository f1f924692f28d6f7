from __future__ import annotations

import math

import pytest
import torch

import sae
from sae.penalties import FrequencyPenalty, L0Approx

D_SAE, N = 6, 50


def batch(seed, frequencies):
    """Activations [N, D_SAE] in which each feature fires with about its frequency."""
    random = torch.Generator().manual_seed(seed)
    fired = torch.rand(N, D_SAE, generator=random) < torch.tensor(frequencies)
    return fired * torch.rand(N, D_SAE, generator=random)


def counts_of(f):
    return (f > 0).sum(dim=0)


def test_the_gradient_is_that_of_the_swapped_frequencies():
    penalty = FrequencyPenalty(D_SAE, coefficient=0.3, s_min=0.2, eps=0.1, s_max=0.6, dense_coefficient=0.7)
    for seed in range(4):
        f = batch(seed, [0.05, 0.1, 0.3, 0.5, 0.8, 0.0])
        penalty.observe(counts_of(f), N)
    frequencies = torch.stack([(batch(seed, [0.05, 0.1, 0.3, 0.5, 0.8, 0.0]) > 0).double() for seed in range(4)])
    frequencies = frequencies.mean(dim=(0, 1))
    torch.testing.assert_close(penalty.frequencies, frequencies)

    f = f.double().requires_grad_()
    smooth = L0Approx(0.1).value(f).mean(dim=0)
    s = frequencies + smooth - smooth.detach() + 1e-10
    loss = 0.3 * (math.log10(0.2) - s.log10()).relu().sum() + 0.7 * (s.log10() - math.log10(0.6)).relu().sum()
    (gradient,) = torch.autograd.grad(loss, f)
    expected = gradient.where(f > 0, 0.0)  # a feature that does not fire passes no gradient on
    dense = penalty.slope(f.detach(), torch.arange(D_SAE), N)
    torch.testing.assert_close(dense, expected)
    assert penalty.value() == pytest.approx(loss.item())

    row, feature = (f > 0).nonzero().T
    torch.testing.assert_close(penalty.slope(f.detach()[row, feature], feature, N), expected[row, feature])


def test_only_rare_features_are_pulled_up_and_only_where_they_fire():
    penalty = FrequencyPenalty(D_SAE, coefficient=1.0, s_min=0.2)
    f = batch(0, [0.1, 0.1, 0.5, 0.9, 1.0, 0.0])
    penalty.observe(counts_of(f), N)
    gradient = penalty.slope(f, torch.arange(D_SAE), N)
    assert penalty.frequencies[:2].max() < 0.2 < penalty.frequencies[2:5].min()
    assert (gradient[:, :2][f[:, :2] > 0] < 0).all()
    assert (gradient[:, :2][f[:, :2] == 0] == 0).all()
    assert (gradient[:, 2:] == 0).all()  # at s_min or above, and the one without an active input


def test_the_pull_grows_as_the_frequency_falls():
    penalty = FrequencyPenalty(3, coefficient=1e-6, s_min=0.9)
    penalty.observe(torch.tensor([1, 10, 100]), 1000)
    pull = penalty.slope(torch.full((3,), 0.4), torch.arange(3), 1000)
    expected = -1e-6 / (math.log(10) * torch.tensor([0.001, 0.01, 0.1])) * 0.2 / 0.6**2 / 1000
    torch.testing.assert_close(pull, expected, rtol=1e-5, atol=0.0)


def test_frequencies_run_over_the_last_batches():
    penalty = FrequencyPenalty(2, coefficient=1.0, s_min=0.1, n_running=3)
    seen = [(1, 9), (2, 8), (3, 7), (4, 6), (5, 5)]
    for index, counts in enumerate(seen):
        penalty.observe(torch.tensor(counts), 20)
        window = torch.tensor(seen[max(0, index - 2) : index + 1], dtype=torch.float64)
        torch.testing.assert_close(penalty.frequencies, window.mean(dim=0) / 20)


def test_batches_unlike_the_present_one_are_left_out():
    penalty = FrequencyPenalty(2, coefficient=1.0, s_min=0.1, n_running=4)
    usual, strange = torch.tensor([10, 20]), torch.tensor([350, 450])
    penalty.observe(usual, 1000)
    penalty.observe(strange, 1000)
    assert penalty.frequencies.tolist() == [0.35, 0.45]
    penalty.observe(usual * 3, 1000)  # within half an order of magnitude of the first
    assert penalty.frequencies.tolist() == pytest.approx([0.02, 0.04])
    penalty.observe(usual * 9, 1000)  # near the last and near the strange one, far from the first
    assert penalty.frequencies.tolist() == pytest.approx([(350 + 30 + 90) / 3000, (450 + 60 + 180) / 3000])


@pytest.mark.parametrize("orders", [-0.51, -0.49, 0.49, 0.51])
def test_half_an_order_of_magnitude_is_the_limit(orders):
    penalty = FrequencyPenalty(1, coefficient=1.0, s_min=0.1)
    first, second = 10_000, round(10_000 * 10**orders)
    penalty.observe(torch.tensor([first]), 100_000)
    penalty.observe(torch.tensor([second]), 100_000)
    used = [first, second] if abs(orders) < 0.5 else [second]
    assert penalty.frequencies.item() == pytest.approx(sum(used) / len(used) / 100_000)


def test_a_batch_in_which_nothing_fires_is_survived():
    penalty = FrequencyPenalty(2, coefficient=1.0, s_min=0.1)
    f, feature = torch.tensor([0.5, 0.0]), torch.arange(2)
    assert penalty.slope(f, feature, 10).tolist() == [0, 0]  # nothing is known yet
    penalty.observe(torch.zeros(2), 10)
    assert penalty.frequencies.tolist() == [0, 0]
    assert penalty.slope(f, feature, 10).tolist() == [0, 0]
    assert penalty.value() == pytest.approx(2 * 9)  # from 1e-10 to 0.1
    penalty.observe(torch.tensor([1, 10]), 10)
    assert penalty.frequencies.tolist() == [0.1, 1]


def test_a_state_goes_on_where_it_was():
    counts = torch.randint(0, 20, (9, D_SAE), generator=torch.Generator().manual_seed(0))
    whole, first, second = (FrequencyPenalty(D_SAE, coefficient=1.0, s_min=0.3, n_running=4) for _ in range(3))
    for row in counts:
        whole.observe(row, N)
    for row in counts[:6]:
        first.observe(row, N)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.frequencies, first.frequencies)
    for row in counts[6:]:
        second.observe(row, N)
    f = torch.rand(D_SAE)
    assert torch.equal(second.frequencies, whole.frequencies)
    assert torch.equal(second.slope(f, torch.arange(D_SAE), N), whole.slope(f, torch.arange(D_SAE), N))
    with pytest.raises(sae.SAEError, match=r"\[n_running, d_sae\] = \[4, 6\], this penalty of \[300, 6\]"):
        FrequencyPenalty(D_SAE, coefficient=1.0, s_min=0.3).load_state_dict(first.state_dict())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"s_min": 0.0}, "need 0 < s_min <= 1 and s_min < s_max, found s_min=0.0"),
        ({"s_min": 1.5}, "found s_min=1.5"),
        ({"s_max": 0.05}, "found s_min=0.1, s_max=0.05"),
        ({"dense_coefficient": 1.0}, "dense_coefficient needs s_max"),
        ({"coefficient": -1.0}, "no negative coefficient"),
        ({"n_running": 0}, "at least 1"),
        ({"eps": 0.0}, "eps .* above 0, found 0.0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(sae.SAEError, match=message):
        FrequencyPenalty(3, **{"coefficient": 1.0, "s_min": 0.1, **settings})


def test_bad_counts_are_refused():
    penalty = FrequencyPenalty(3, coefficient=1.0, s_min=0.1)
    with pytest.raises(sae.SAEError, match=r"shape \(3,\) over at least 1 input, found \(4,\) over 10"):
        penalty.observe(torch.zeros(4), 10)
    with pytest.raises(sae.SAEError, match="over 0"):
        penalty.observe(torch.zeros(3), 0)
