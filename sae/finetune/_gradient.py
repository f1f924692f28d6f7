"""The same by gradient steps, for SAEs too wide for a [d_sae, d_sae] matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag
from torch.optim import Adam

from sae._errors import SAEError
from sae._model import SAE
from sae._sparse import SparseActs
from sae.finetune._frozen import FineTuned, Tune, check_tunable, with_decoder


def gradient_steps(
    model: SAE,
    batches: Iterable[Tensor],
    *,
    n_steps: int,
    lr: float,
    tune: Tune = "scale",
    b_dec: bool = False,
    min_active: int = 1,
) -> FineTuned:
    """Tune scale or decoder with Adam on the squared error alone, with the encoder frozen.

    The learning rate falls linearly to 0, which lets the weights come to rest at the optimum that ``least_squares``
    computes. Only active features are touched, so beside the SAE memory holds four float32 [d_sae, d_in] at most
    (weights, gradient, and Adam's two moments; of ``scale`` only the first), and one batch.

    Args:
        model: The SAE, of any architecture; it is not changed.
        batches: Tensors [n, d_in], a step each; read again and again until ``n_steps`` is reached, where it can be.
        n_steps: Number of steps.
        lr: The learning rate at the start, in units of the scale (which is about 1), or of the decoder's weights.
        tune: ``scale`` for one factor per feature, ``decoder`` for all of W_dec.
        b_dec: Whether b_dec is tuned as well.
        min_active: Features that fire on fewer of the inputs read (repeats counted again) get their decoder rows back.

    Returns:
        The new SAE; its ``encode`` gives the same bits.

    Raises:
        SAEError: The stream ends before ``n_steps`` and can't be read again, holds NaN, a setting is not above 0, or
            the SAE can't be fine-tuned (it normalises its inputs, or is gated and reads the b_dec to tune).
    """
    check_tunable(model, tune, b_dec=b_dec)
    if n_steps < 1 or not lr > 0:
        raise SAEError(f"n_steps and lr must be above 0, found n_steps={n_steps}, lr={lr}")
    rows = model.W_dec.detach().float().clone()
    factor = torch.ones(len(rows), device=rows.device)
    bias = model.b_dec.detach().float().clone()
    tuned = [factor if tune == "scale" else rows, *([bias] if b_dec else [])]
    for weight in tuned:
        weight.requires_grad_()
    optimizer = Adam(tuned, lr=lr)
    n_rows, n_active = 0, torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    for step, batch in enumerate(_repeated(batches, n_steps)):
        x = batch.to(rows.device)
        acts = model.encode_sparse(x)
        loss = (_decoded(acts, factor, rows) + bias - x.float()).square().sum(dim=1).mean()
        if not bool(torch.isfinite(loss)):
            raise SAEError(f"the loss is {loss.item()} at step {step + 1}: an input is not finite, or lr is too high")
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / n_steps)
        optimizer.step()
        n_rows += len(x)
        n_active += torch.bincount(acts.feature, minlength=len(rows))
    rare = n_active < min_active
    factor = factor.detach().masked_fill(rare, 1)
    rows = torch.where(rare[:, None], model.W_dec, rows.detach())
    record = {
        "method": "gradient_steps", "tune": tune, "b_dec": b_dec, "min_active": min_active, "n_steps": n_steps,
        "lr": lr, "n_rows": n_rows,
    }  # fmt: skip
    return FineTuned(
        sae=with_decoder(model, W_dec=factor[:, None] * rows, b_dec=bias.detach() if b_dec else None, record=record),
        scale=factor if tune == "scale" else None,
        n_rows=n_rows,
    )


def _decoded(acts: SparseActs, factor: Tensor, rows: Tensor) -> Tensor:
    """Sum up scaled decoder rows of the active features: [n_rows, d_in]."""
    ends = torch.searchsorted(acts.row, torch.arange(acts.n_rows + 1, device=acts.row.device))
    weight = acts.value * factor[acts.feature]
    return embedding_bag(acts.feature, rows, ends, per_sample_weights=weight, mode="sum", include_last_offset=True)


def _repeated(batches: Iterable[Tensor], n_steps: int) -> Iterator[Tensor]:
    """Give ``n_steps`` batches that hold something, starting over as often as needed."""
    n_given = 0
    while n_given < n_steps:
        n_before = n_given
        for batch in batches:
            if len(batch) and n_given < n_steps:
                n_given += 1
                yield batch
        if n_given == n_before:
            raise SAEError(f"n_steps is {n_steps}, but the stream ended after {n_given} batches and has no more")
