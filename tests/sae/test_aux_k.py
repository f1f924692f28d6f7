from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.optim import Adam

import sae
from sae.training import _aux_k
from sae.training._aux_k import aux_k_step
from sae.training._weights import Weights
from sae.training.steps import _pairs

D_IN, D_SAE, N = 6, 20, 50
DEAD = torch.tensor([1, 4, 5, 11, 12, 13, 17])


@pytest.fixture(params=["dense", "sparse"])
def way(request, monkeypatch):
    """Compute over all dead features, or over the used pairs; a few rows at a time."""
    monkeypatch.setattr(_aux_k, "SPARSE_DENSITY", 0.0 if request.param == "dense" else float("inf"))
    monkeypatch.setattr(_pairs, "chunk_rows", lambda *_: 7)


def random_weights(seed: int = 0) -> Weights:
    random = torch.Generator().manual_seed(seed)
    shapes = ((D_SAE, D_IN), (D_SAE,), (D_SAE, D_IN), (D_IN,))
    return Weights(*(torch.randn(shape, generator=random) for shape in shapes))


def inputs(seed: int = 1) -> Tensor:
    return torch.randn(N, D_IN, generator=torch.Generator().manual_seed(seed))


def top_k(pre: Tensor, k: int) -> Tensor:
    value, index = pre.topk(k, dim=1)
    return torch.zeros_like(pre).scatter(1, index, value.relu())


def reference(x, residual, dead, weights, k_aux, scale):
    """The auxiliary loss as the paper writes it, for autograd."""
    pre = (x - weights.b_dec if weights.apply_b_dec_to_input else x) @ weights.encoder.T + weights.b_enc
    alive = torch.ones(D_SAE, dtype=torch.bool)
    alive[dead] = False
    z = top_k(pre.masked_fill(alive, -torch.inf), min(k_aux, len(dead)))
    return scale * (z @ weights.decoder - residual).square().sum()


def named(tensors) -> dict[str, Tensor]:
    return dict(zip(("encoder", "b_enc", "decoder", "b_dec"), tensors, strict=True))


def zeros() -> dict[str, Tensor]:
    return named(torch.zeros_like(tensor) for tensor in random_weights().tensors())


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("n_dead", [1, 4, 7])
@pytest.mark.parametrize("k_aux", [1, 3, 100])
@pytest.mark.parametrize("reads_x", [False, True])
def test_gradients_equal_autograds(k_aux, n_dead, normalise, reads_x):
    weights = replace(random_weights(), apply_b_dec_to_input=not reads_x)
    x, residual, dead = inputs(), inputs(2) + 0.5, DEAD[:n_dead]
    step = aux_k_step(x, residual, dead, weights, k_aux=k_aux, coefficient=0.3, error=1.7, normalise=normalise)
    scale = 0.3 / (residual - residual.mean(0)).square().sum() if normalise else 0.3 * 1.7 / N
    leaves = Weights(
        *(tensor.clone().requires_grad_() for tensor in weights.tensors()), apply_b_dec_to_input=not reads_x
    )
    loss = reference(x, residual, dead, leaves, k_aux, scale)
    expected = torch.autograd.grad(loss, leaves.tensors(), materialize_grads=True)
    found = zeros()
    step.add_to(found)
    torch.testing.assert_close(step.loss, loss.detach())
    for (name, gradient), autograd in zip(found.items(), expected, strict=True):
        torch.testing.assert_close(gradient, autograd, msg=lambda text, name=name: f"{name}: {text}")
        assert (gradient.abs().max() > 1e-4) == (name != "b_dec" or not reads_x), name


@pytest.mark.usefixtures("way")
def test_the_whole_loss_of_a_topk_sae_takes_the_residual_as_a_constant():
    weights, x, k, error = random_weights(), inputs(), 3, 1 / D_IN
    leaves = Weights(*(tensor.clone().requires_grad_() for tensor in weights.tensors()))
    pre = (x - leaves.b_dec) @ leaves.encoder.T + leaves.b_enc
    residual = x - top_k(pre, k) @ leaves.decoder - leaves.b_dec
    main = error / N * residual.square().sum()

    def whole(target):
        total = main + reference(x, target, DEAD, leaves, 2, error / N / 32)
        return torch.autograd.grad(total, leaves.tensors(), retain_graph=True)

    gradients = named(torch.autograd.grad(main, leaves.tensors(), retain_graph=True))
    aux_k_step(x, residual.detach(), DEAD, weights, k_aux=2, error=error).add_to(gradients)
    for found, detached, attached in zip(gradients.values(), whole(residual.detach()), whole(residual), strict=True):
        torch.testing.assert_close(found, detached)
        assert not torch.allclose(found, attached)


@pytest.mark.usefixtures("way")
def test_alive_features_are_neither_read_nor_changed():
    weights, x, residual = random_weights(), inputs(), inputs(2)
    first = aux_k_step(x, residual, DEAD, weights, k_aux=3)
    others = torch.ones(D_SAE, dtype=torch.bool)
    others[DEAD] = False
    for tensor in weights.tensors()[:3]:
        tensor[others] = torch.nan
    second = aux_k_step(x, residual, DEAD, weights, k_aux=3)
    gradients = zeros()
    second.add_to(gradients)
    for name in ("encoder", "b_enc", "decoder"):
        assert gradients[name][others].abs().max() == 0
    for name, gradient in first.gradients.items():
        assert torch.equal(gradient, second.gradients[name])


@pytest.mark.usefixtures("way")
def test_a_tied_sae_adds_both_sides():
    weights, x, residual = random_weights(), inputs(), inputs(2)
    step = aux_k_step(x, residual, DEAD, weights, k_aux=3)
    apart, together = zeros(), zeros()
    together["decoder"] = together["encoder"]
    step.add_to(apart)
    step.add_to(together)
    torch.testing.assert_close(together["encoder"], apart["encoder"] + apart["decoder"])


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("dead", [DEAD, DEAD[:0]])
@pytest.mark.parametrize("normalise", [False, True])
def test_what_cannot_fire_gives_no_gradient(dead, normalise):
    weights, x, residual = random_weights(), inputs(), inputs(2)
    weights.b_enc[DEAD] = -1e4
    step = aux_k_step(x, residual, dead, weights, k_aux=3, normalise=normalise)
    assert step.gradients["encoder"].shape == step.gradients["decoder"].shape == (len(dead), D_IN)
    for gradient in step.gradients.values():
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-6, rtol=0)
    scale = 1 / (residual - residual.mean(0)).square().sum() if normalise else 1 / N
    torch.testing.assert_close(step.loss, residual.square().sum() * scale / 32)


@pytest.mark.usefixtures("way")
def test_the_normalised_loss_has_no_units():
    weights, x, residual = random_weights(), inputs(), inputs(2)
    first = aux_k_step(x, residual, DEAD, weights, k_aux=3, normalise=True)
    weights.decoder.mul_(10)
    second = aux_k_step(x, 10 * residual, DEAD, weights, k_aux=3, normalise=True)
    torch.testing.assert_close(first.loss, second.loss)
    constant = aux_k_step(x, torch.zeros(N, D_IN), DEAD, weights, k_aux=3, normalise=True)
    assert float(constant.loss) == 0
    assert not any(gradient.any() for gradient in constant.gradients.values())


def test_k_aux_must_be_positive():
    with pytest.raises(sae.SAEError, match="k_aux must be at least 1, found 0"):
        aux_k_step(inputs(), inputs(2), DEAD, random_weights(), k_aux=0)


def train_topk(x: Tensor, *, k: int, k_aux: int | None) -> Tensor:
    """Train a TopK SAE whose first 20 features are too weak to be chosen; give each one's density in the end."""
    random = torch.Generator().manual_seed(3)
    d_in, d_sae = x.shape[1], 32
    decoder = torch.nn.functional.normalize(torch.randn(d_sae, d_in, generator=random), dim=1)
    encoder = decoder.clone()
    encoder[:20] *= 1e-3
    leaves = Weights(encoder, torch.zeros(d_sae), decoder, torch.zeros(d_in))
    for tensor in leaves.tensors():
        tensor.requires_grad_()
    optimizer = Adam(leaves.tensors(), lr=1e-2)
    for batch in x.split(128):
        features = top_k((batch - leaves.b_dec) @ leaves.encoder.T + leaves.b_enc, k)
        residual = batch - features @ leaves.decoder - leaves.b_dec
        optimizer.zero_grad()
        (residual.square().sum() / len(batch)).backward()
        dead = (features == 0).all(dim=0).nonzero().squeeze(1)
        if k_aux is not None:
            gradients = named(tensor.grad for tensor in leaves.tensors())
            aux_k_step(batch, residual.detach(), dead, leaves, k_aux=k_aux).add_to(gradients)
        optimizer.step()
    pre = (x - leaves.b_dec) @ leaves.encoder.T + leaves.b_enc
    return (top_k(pre, k) > 0).double().mean(dim=0)


def test_planted_dead_features_of_a_topk_sae_revive(dictionary_data):
    x = dictionary_data(128 * 300)[1]
    without, revived = (int((train_topk(x, k=3, k_aux=k_aux)[:20] > 0.01).sum()) for k_aux in (None, 8))
    assert without <= 2  # by chance, where an input leaves fewer than k others above 0
    assert revived >= 15
