"""The Matryoshka BatchTopK SAE."""

from __future__ import annotations

from torch import Tensor

from sae._errors import SAEError
from sae.architectures._batchtopk import BatchTopK


class Matryoshka(BatchTopK):
    """A BatchTopK SAE whose first ``cfg.widths[i]`` features are a dictionary of their own, for each i.

    Every nested dictionary was trained to reconstruct alone (Bussmann et al. 2025, arXiv:2503.17547).
    """

    def decode(self, f: Tensor, width: int | None = None, *, x: Tensor | None = None) -> Tensor:
        """Turn features back into an activation, with all of them or with a nested dictionary.

        Args:
            f: [..., d_sae].
            width: How many features to use from the first, one of ``cfg.widths``; all by default.
            x: [..., d_in], the inputs they came from: needed to undo ``cfg.normalize_activations``, unused without.

        Returns:
            [..., d_in].

        Raises:
            SAEError: The last dimension is not d_sae, there is no such width, or the inputs are needed and missing.
        """
        if width is None or width == self.cfg.d_sae:
            return super().decode(f, x=x)
        if width not in (self.cfg.widths or ()):
            raise SAEError(f"width must be one of {self.cfg.widths}, found {width}")
        if f.shape[-1] != self.cfg.d_sae:
            raise SAEError(f"the last dimension of the features must be d_sae={self.cfg.d_sae}, found {f.shape[-1]}")
        return self._undone(f[..., :width].to(self.W_dec.dtype) @ self.W_dec[:width] + self.b_dec, x)
