"""The sparse autoencoder itself.

Shapes: n inputs, d_in length of an input, d_sae number of features.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from sae._config import DTYPES, SAEConfig
from sae._errors import SAEError
from sae._sparse import SparseActs, positive_positions

CHUNK_ELEMENTS = 2**22
"""Dense activations held at once by ``encode_sparse``: 16 MiB in float32."""


class SAE(nn.Module):
    """A ReLU sparse autoencoder: ``f = relu((x - b_dec) @ W_enc + b_enc)``, ``reconstruction = f @ W_dec + b_dec``.

    Without ``cfg.apply_b_dec_to_input`` the encoder reads ``x`` itself. The weights do not require gradients
    (call ``requires_grad_()`` to train them); gradients with respect to the input always flow.
    """

    W_enc: nn.Parameter
    b_enc: nn.Parameter
    W_dec: nn.Parameter
    b_dec: nn.Parameter

    def __init__(self, cfg: SAEConfig, *, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor) -> None:
        """Check the weights against the config and keep them in ``cfg.dtype``.

        Args:
            cfg: Architecture and sizes.
            W_enc: [d_in, d_sae], a column a feature.
            b_enc: [d_sae].
            W_dec: [d_sae, d_in], a row a feature; kept as it is, whatever its row norms.
            b_dec: [d_in].

        Raises:
            SAEError: A tensor has another shape than the config says, is not floating point, or is not finite.
        """
        super().__init__()
        self.cfg = cfg
        expected = {
            "W_enc": (W_enc, (cfg.d_in, cfg.d_sae)),
            "b_enc": (b_enc, (cfg.d_sae,)),
            "W_dec": (W_dec, (cfg.d_sae, cfg.d_in)),
            "b_dec": (b_dec, (cfg.d_in,)),
        }
        for name, (tensor, shape) in expected.items():
            weight = _checked(name, tensor, shape, DTYPES[cfg.dtype])
            self.register_parameter(name, nn.Parameter(weight, requires_grad=False))

    def encode(self, x: Tensor) -> Tensor:
        """Turn activations into features.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_sae], not negative.

        Raises:
            SAEError: The last dimension is not d_in.
        """
        return torch.relu(self._input(x) @ self.W_enc + self._encoder_bias())

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """Turn activations into only some of the features, at a cost that grows with their number.

        Args:
            x: [n, d_in].
            features: int64 [m], ids below d_sae, in any order.

        Returns:
            [n, m]: ``encode(x)[:, features]``, up to floating-point rounding.

        Raises:
            SAEError: The last dimension is not d_in, or a feature does not exist.
        """
        if features.numel() and not 0 <= int(features.min()) <= int(features.max()) < self.cfg.d_sae:
            raise SAEError(f"features must lie in 0..{self.cfg.d_sae - 1}, found {features.min()}..{features.max()}")
        features = features.to(self.W_enc.device)
        return torch.relu(self._input(x) @ self.W_enc[:, features] + self._encoder_bias()[features])

    @torch.no_grad()
    def encode_sparse(self, x: Tensor) -> SparseActs:
        """Turn activations into the features that fire, holding only one small dense block at a time.

        Args:
            x: [n, d_in].

        Returns:
            The activations above zero, sorted by row, then by feature.

        Raises:
            SAEError: ``x`` is not [n, d_in].
        """
        if x.ndim != 2:
            raise SAEError(f"encode_sparse takes [n, d_in={self.cfg.d_in}], found {tuple(x.shape)}")
        x, bias, d_sae = self._input(x), self._encoder_bias(), self.cfg.d_sae
        n_chunk = max(1, CHUNK_ELEMENTS // d_sae)
        block = x.new_empty(min(n_chunk, len(x)), d_sae)
        positions: list[Tensor] = []
        values: list[Tensor] = []
        for start in range(0, len(x), n_chunk):
            rows = x[start : start + n_chunk]
            pre = torch.addmm(bias, rows, self.W_enc, out=block[: len(rows)])  # [rows, d_sae], the block reused
            found = positive_positions(pre)
            positions.append(found + start * d_sae)
            values.append(pre.view(-1)[found].float())
        flat = torch.cat(positions) if positions else torch.empty(0, dtype=torch.int64, device=x.device)
        return SparseActs(
            row=flat // d_sae,
            feature=flat % d_sae,
            value=torch.cat(values) if values else torch.empty(0, device=x.device),
            n_rows=len(x),
            d_sae=d_sae,
        )

    def decode(self, f: Tensor) -> Tensor:
        """Turn features back into an activation.

        Args:
            f: [..., d_sae].

        Returns:
            [..., d_in].

        Raises:
            SAEError: The last dimension is not d_sae.
        """
        if f.shape[-1] != self.cfg.d_sae:
            raise SAEError(f"the last dimension of the features must be d_sae={self.cfg.d_sae}, found {f.shape[-1]}")
        return f.to(self.W_dec.dtype) @ self.W_dec + self.b_dec

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct activations.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_in].
        """
        return self.decode(self.encode(x))

    def fingerprint(self) -> str:
        """Hash the weights: names, shapes, dtypes and every byte, but nothing of the config.

        Returns:
            A hex sha256.
        """
        digest = hashlib.sha256()
        for name, weight in sorted(self.named_parameters()):
            digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def _input(self, x: Tensor) -> Tensor:
        if x.ndim == 0 or x.shape[-1] != self.cfg.d_in:
            raise SAEError(
                f"the last dimension of the input must be d_in={self.cfg.d_in}, found shape {tuple(x.shape)}"
            )
        return x.to(self.W_enc.dtype)

    def _encoder_bias(self) -> Tensor:
        # (x - b_dec) @ W_enc + b_enc without a pass over x: the subtraction moves into the bias. [d_sae]
        return self.b_enc - self.b_dec @ self.W_enc if self.cfg.apply_b_dec_to_input else self.b_enc


def _checked(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    if tuple(tensor.shape) != shape:
        hint = " (it looks transposed)" if tuple(tensor.shape) == shape[::-1] and len(shape) == 2 else ""
        raise SAEError(f"{name} must have shape {shape}, found {tuple(tensor.shape)}{hint}")
    if not tensor.is_floating_point():
        raise SAEError(f"{name} must be floating point, found {tensor.dtype}")
    weight = tensor.detach().to(dtype).contiguous()
    if not bool(torch.isfinite(weight).all()):
        raise SAEError(f"{name} holds NaN or infinite values (as {dtype}): these weights can't be used")
    return weight
