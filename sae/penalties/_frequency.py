"""A penalty on features that fire too rarely, or too often."""

from __future__ import annotations

import math
from typing import TypedDict

import torch
from torch import Tensor

from sae._errors import SAEError
from sae.penalties._l0_approx import L0Approx

TINY = 1e-10
"""Added to a frequency inside the logarithm."""
CLOSE = 10**0.5
"""Batches whose mean frequency differs by more than this factor are outliers to each other."""


class FrequencyState(TypedDict):
    """What a ``FrequencyPenalty`` has to remember between two batches."""

    counts: Tensor
    """float32 [n_running, d_sae]: firings in each of the last batches, in a ring."""
    rows: Tensor
    """float64 [n_running]: inputs in each."""
    n_observed: int
    """Batches observed so far."""


class FrequencyPenalty:
    """Keeps features from dying: ``coefficient * sum over features of relu(log10 s_min - log10 s)``.

    s, the fraction of inputs on which a feature fires, is counted over the last ``n_running`` batches. Of these only
    batches are used whose mean frequency is within half an order of magnitude of the present batch's. The gradient
    is that of the present batch's smooth count, mean over inputs of ``f / (f + eps)``: for every active input of a
    feature below s_min it is ``-coefficient / (ln 10 * s) * eps / (f + eps)^2 / n_rows``, and zero elsewhere. A feature
    without an active input in the batch gets no gradient, so what is wholly dead stays dead.

    With ``s_max`` a dense side is added: ``dense_coefficient * sum over features of relu(log10 s - log10 s_max)``.

    The loss it belongs to is averaged over inputs; the penalty is one number a batch. Farrell (LessWrong, 15 April
    2024) used coefficient 1e-6, s_min 1e-5, eps 0.2 and 300 batches of 4096, with a squared error averaged over d_in
    and divided by the input's distance from the mean input.
    """

    def __init__(
        self,
        d_sae: int,
        *,
        coefficient: float,
        s_min: float,
        n_running: int = 300,
        eps: float = 0.2,
        s_max: float | None = None,
        dense_coefficient: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start with no batch observed, and therefore no gradient.

        Args:
            d_sae: Number of features.
            coefficient: Weight of the sum over features, in the units of the loss.
            s_min: Frequency below which a feature is pulled up, in (0, 1].
            n_running: Batches that frequencies are counted over; they are kept, 4 bytes a batch and feature.
            eps: The activation that counts half in the smooth count.
            s_max: Frequency above which a feature is pushed down; None for no such side.
            dense_coefficient: Weight of the dense side; ``coefficient`` unless given.
            device: Where the counts come from.

        Raises:
            SAEError: A number is out of range, or ``dense_coefficient`` comes without ``s_max``.
        """
        if dense_coefficient is not None and s_max is None:
            raise SAEError("dense_coefficient needs s_max, the frequency above which it acts")
        dense_coefficient = coefficient if dense_coefficient is None else dense_coefficient
        s_max = math.inf if s_max is None else s_max
        if not (0 < s_min <= 1 and s_min < s_max):
            raise SAEError(f"need 0 < s_min <= 1 and s_min < s_max, found s_min={s_min}, s_max={s_max}")
        if d_sae < 1 or n_running < 1 or not (coefficient >= 0 and dense_coefficient >= 0):
            raise SAEError(
                "need d_sae and n_running of at least 1 and no negative coefficient, "
                f"found {d_sae}, {n_running}, {coefficient} and {dense_coefficient}"
            )
        self._s_min, self._s_max = s_min, s_max
        self._coefficient, self._dense_coefficient = coefficient, dense_coefficient
        self._smooth_count = L0Approx(eps)
        self._counts = torch.zeros(n_running, d_sae, device=device)
        self._rows = torch.zeros(n_running, dtype=torch.float64, device=device)
        self._n_observed = 0
        self._refresh()

    @property
    def frequencies(self) -> Tensor:
        """float64 [d_sae]: the fraction of inputs on which each feature fired, over the batches in use."""
        return self._frequencies

    def observe(self, counts: Tensor, n_rows: int) -> None:
        """Take in a batch; to be called before ``slope`` for the same batch.

        Args:
            counts: [d_sae]: inputs of the batch on which each feature fired.
            n_rows: Inputs in the batch.

        Raises:
            SAEError: ``counts`` has another length, or the batch is empty.
        """
        if counts.shape != self._counts.shape[1:] or n_rows < 1:
            raise SAEError(
                f"need counts of shape {tuple(self._counts.shape[1:])} over at least 1 input, "
                f"found {tuple(counts.shape)} over {n_rows}"
            )
        slot = self._n_observed % len(self._rows)
        self._counts[slot] = counts
        self._rows[slot] = n_rows
        self._n_observed += 1
        self._refresh()

    def slope(self, f: Tensor, feature: Tensor, n_rows: int) -> Tensor:
        """Compute the gradient of the penalty with respect to activations of the batch observed last.

        Args:
            f: Activations, [nnz], or all of them as [n, d_sae].
            feature: int64 [nnz], the feature of each; ``arange(d_sae)`` for [n, d_sae].
            n_rows: Inputs in the whole batch.

        Returns:
            The shape of ``f``: to be added to the gradient of a loss that is averaged over the batch. Zero where f is.
        """
        return torch.where(f > 0, self._pull[feature] * self._smooth_count.slope(f) / n_rows, 0.0)

    def value(self) -> float:
        """Give the penalty at the present frequencies, coefficients included."""
        below, above = self._orders_of_magnitude()
        return float(self._coefficient * below.sum() + self._dense_coefficient * above.sum())

    def state_dict(self) -> FrequencyState:
        """Give what ``load_state_dict`` needs to go on exactly; the tensors are not copies."""
        return {"counts": self._counts, "rows": self._rows, "n_observed": self._n_observed}

    def load_state_dict(self, state: FrequencyState) -> None:
        """Go on from a state.

        Args:
            state: From ``state_dict`` of a penalty with the same d_sae and n_running.

        Raises:
            SAEError: The state is of another size.
        """
        if state["counts"].shape != self._counts.shape:
            raise SAEError(
                f"the state is of [n_running, d_sae] = {list(state['counts'].shape)}, "
                f"this penalty of {list(self._counts.shape)}"
            )
        self._counts.copy_(state["counts"])
        self._rows.copy_(state["rows"])
        self._n_observed = state["n_observed"]
        self._refresh()

    def _refresh(self) -> None:
        """Recompute frequencies and the pull on every feature; slots not yet in use are zero and add nothing."""
        mean = self._counts.sum(dim=1) / self._rows.clamp(min=1)  # [n_running], features an input
        now = mean[(self._n_observed - 1) % len(mean)]
        close = (mean <= now * CLOSE) & (now <= mean * CLOSE)
        fired = close.float() @ self._counts  # whole numbers, exact below 2^24
        self._frequencies = fired.double() / self._rows[close].sum().clamp(min=1)
        below, above = self._orders_of_magnitude()
        sign = self._dense_coefficient * (above > 0) - self._coefficient * (below > 0)
        # A feature that never fired has no active input to pull on; its 1 / s is left out.
        pull = sign * (fired > 0) / ((self._frequencies + TINY) * math.log(10))
        self._pull = pull.float()  # [d_sae]: derivative of the penalty with respect to the frequency

    def _orders_of_magnitude(self) -> tuple[Tensor, Tensor]:
        """How far each frequency lies below s_min and above s_max, in powers of ten: two of [d_sae]."""
        log = (self._frequencies + TINY).log10()
        return (math.log10(self._s_min) - log).relu(), (log - math.log10(self._s_max)).relu()
