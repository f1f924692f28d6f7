"""Every activation of every feature on some text, as one sparse matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

import sae

if TYPE_CHECKING:
    from autointerp.evaluate._setting import Batch
    from autointerp.subject import BridgeSubject


@dataclass(frozen=True)
class Firings:
    """Activations on n tokens: all real ones of some windows, BOS and first positions included.

    ``counted`` leaves out what doesn't count elsewhere.
    """

    values: Any
    """scipy csr_array float32 [n, d_sae]: activations above zero."""
    token: NDArray[np.int64]
    """Id of each token, [n]."""
    previous: NDArray[np.int64]
    """Id of the token before, -1 where there is none, [n]."""
    position: NDArray[np.int64]
    """In its window, [n]."""
    kept: NDArray[np.bool_]
    """Whether it counts elsewhere, [n]."""
    cluster: NDArray[np.int64]
    """Group of near-duplicate documents it comes from, [n]."""

    def __len__(self) -> int:
        return len(self.token)

    @property
    def counted(self) -> Firings:
        """Only the tokens that count elsewhere."""
        return self.where(self.kept)

    @property
    def active(self) -> Any:
        """Scipy csr_array float64 [n, d_sae]: 1 where a feature fires."""
        ones = np.ones(len(self.values.data))
        return csr_array((ones, self.values.indices, self.values.indptr), shape=self.values.shape)

    def of_feature(self, feature: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows on which one feature fires, and its activations there, [k] each."""
        column = self.values[:, [feature]].tocoo()
        return column.coords[0].astype(np.int64), column.data.astype(np.float64)

    def where(self, mask: NDArray[np.bool_]) -> Firings:
        """Only some tokens.

        Args:
            mask: [n].
        """
        return Firings(
            values=self.values[np.flatnonzero(mask)], token=self.token[mask], previous=self.previous[mask],
            position=self.position[mask], kept=self.kept[mask], cluster=self.cluster[mask],
        )  # fmt: skip


def collect_firings(
    batches: Iterable[Batch],
    model: sae.SAE,
    subject: BridgeSubject,
    clusters: Callable[[NDArray[np.int64]], NDArray[np.int64]],
) -> Firings:
    """Run model and SAE over batches and keep every activation: 12 bytes each, so on some text only.

    Args:
        batches: Windows.
        model: The SAE.
        subject: The language model at its hook point.
        clusters: Gives the group of each window.
    """
    parts = [_of_batch(batch, model, subject, clusters(batch.rows)) for batch in batches]
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("token", "previous", "position", "kept", "cluster")
    }
    return Firings(values=vstack([part.values for part in parts], format="csr"), **arrays)


@torch.no_grad()
def _of_batch(batch: Batch, model: sae.SAE, subject: BridgeSubject, clusters: NDArray[np.int64]) -> Firings:
    length = batch.tokens.shape[1]
    real = torch.arange(length, device=batch.tokens.device) < batch.lengths[:, None]  # [b, t]
    acts = model.encode_sparse(subject.residuals(batch.tokens)[real])
    row, feature, value = (part.cpu().numpy() for part in (acts.row, acts.feature, acts.value))
    before = torch.cat([torch.full_like(batch.tokens[:, :1], -1), batch.tokens[:, :-1]], dim=1)  # [b, t]
    window, position = np.nonzero(real.cpu().numpy())
    return Firings(
        values=csr_array((value, (row, feature.astype(np.int32))), shape=(acts.n_rows, acts.d_sae)),
        token=batch.tokens[real].cpu().numpy(),
        previous=before[real].cpu().numpy(),
        position=position.astype(np.int64),
        kept=batch.kept[real].cpu().numpy(),
        cluster=clusters[window],
    )
