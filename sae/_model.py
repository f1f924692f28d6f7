"""What all sparse autoencoders have in common; what makes one different is in ``sae.architectures``.

Shapes: n inputs, d_in length of an input, d_sae number of features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Self

import torch
from torch import Tensor, nn

from sae._config import DTYPES, SAEConfig
from sae._errors import SAEError
from sae._normalise import normalise
from sae._sparse import SparseActs, true_positions

CHUNK_ELEMENTS = 2**22
"""Dense activations held at once by ``encode_sparse``: 16 MiB in float32."""

EVERY = slice(None)
"""All features, where a method takes only some."""


class SAE(nn.Module):
    """A sparse autoencoder: an encoder that leaves most features at zero, and a linear decoder.

    Every encoder starts with one product, ``pre = x' @ W_enc + bias``, where ``x'`` is ``x - b_dec``, or ``x`` itself
    without ``cfg.apply_b_dec_to_input``. An architecture is a subclass that says which tensors it has (``shapes``),
    where ``pre`` fires and what it is worth there. ``SAE(cfg, **tensors)`` makes the subclass that the config names.

    The weights do not require gradients (call ``requires_grad_()`` to train them); gradients with respect to the input
    always flow.
    """

    W_enc: nn.Parameter
    b_enc: nn.Parameter
    W_dec: nn.Parameter
    b_dec: nn.Parameter

    def __new__(cls, cfg: SAEConfig | None = None, *_: Any, **__: Any) -> Self:
        """Choose the subclass; without a config (a copy, a pickle) it is already chosen."""
        from sae.architectures import class_of

        return super().__new__(class_of(cfg) if cls is SAE and cfg is not None else cls)  # type: ignore[return-value]

    def __init__(self, cfg: SAEConfig, **tensors: Tensor) -> None:
        """Check the tensors against the config and keep them in ``cfg.dtype``.

        Args:
            cfg: Architecture and sizes.
            **tensors: Those of ``shapes(cfg)``. Decoder rows are kept as they are, whatever their norms.

        Raises:
            SAEError: A tensor is missing, unknown, of another shape than the config says, not floating point, or not
                finite.
        """
        super().__init__()
        self.cfg = cfg
        shapes = self.shapes(cfg)
        missing, unknown = sorted(shapes.keys() - tensors.keys()), sorted(tensors.keys() - shapes.keys())
        if missing:
            raise SAEError(
                f"tensor {', '.join(missing)} is missing: a {cfg.architecture} SAE has {', '.join(shapes)}; "
                f"found {', '.join(sorted(tensors)) or 'none'}"
            )
        if unknown:
            raise SAEError(
                f"tensor {', '.join(unknown)} is not part of a {cfg.architecture} SAE, "
                "and leaving it out would change its features"
            )
        for name, shape in shapes.items():
            weight = _checked(name, tensors[name], shape, DTYPES[cfg.dtype])
            self.register_parameter(name, nn.Parameter(weight, requires_grad=False))

    @classmethod
    def shapes(cls, cfg: SAEConfig) -> dict[str, tuple[int, ...]]:
        """Name the tensors of this architecture, in order.

        Args:
            cfg: Their sizes.

        Returns:
            Shapes by name: W_enc has a column a feature, W_dec a row.
        """
        return {
            "W_enc": (cfg.d_in, cfg.d_sae),
            "b_enc": (cfg.d_sae,),
            "W_dec": (cfg.d_sae, cfg.d_in),
            "b_dec": (cfg.d_in,),
        }

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.W_enc.device

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights by name, sharing memory with the model, without gradients."""
        return {name: weight.detach() for name, weight in self.named_parameters()}

    def plain(self) -> SAE:
        """Give the same function with a decoder and a threshold of each feature's own.

        Returns:
            ``tied`` as ``standard``, ``batchtopk`` and ``matryoshka`` as ``jumprelu``, with what they were in
            ``metadata.extra``; any other SAE itself.
        """
        return self

    def encode(self, x: Tensor) -> Tensor:
        """Turn activations into features.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_sae], not negative.

        Raises:
            SAEError: The last dimension is not d_in.
        """
        x = self._input(x)
        pre = torch.addmm(self._bias(), x.reshape(-1, self.cfg.d_in), self.W_enc)  # [n, d_sae]
        return self._activate(pre).view(*x.shape[:-1], self.cfg.d_sae)

    def encode_features(self, x: Tensor, features: Tensor) -> Tensor:
        """Turn activations into only some of the features, at a cost that grows with their number.

        Args:
            x: [n, d_in].
            features: int64 [m], ids below d_sae, in any order.

        Returns:
            [n, m]: ``encode(x)[:, features]``, up to floating-point rounding (which a threshold may turn into a zero).

        Raises:
            SAEError: The last dimension is not d_in, or a feature does not exist.
        """
        features = self._known(features)
        return self._activate(self._input(x) @ self.W_enc[:, features] + self._bias()[features], features)

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
        x, bias, d_sae = self._input(x), self._bias(), self.cfg.d_sae
        block = x.new_empty(min(self._n_chunk(), len(x)), d_sae)
        positions = [torch.empty(0, dtype=torch.int64, device=x.device)]
        values = [torch.empty(0, device=x.device)]
        for start, rows in self._chunks(x):
            pre = torch.addmm(bias, rows, self.W_enc, out=block[: len(rows)])  # [rows, d_sae], the block reused
            found = true_positions(self._fires(pre))
            positions.append(found + start * d_sae)
            values.append(self._value(pre.view(-1)[found], found % d_sae).float())
        flat = torch.cat(positions)
        return SparseActs(row=flat // d_sae, feature=flat % d_sae, value=torch.cat(values), n_rows=len(x), d_sae=d_sae)

    def decode(self, f: Tensor, *, x: Tensor | None = None) -> Tensor:
        """Turn features back into an activation.

        Args:
            f: [..., d_sae].
            x: [..., d_in], the inputs they came from: needed to undo ``cfg.normalize_activations``, unused without.

        Returns:
            [..., d_in].

        Raises:
            SAEError: The last dimension is not d_sae, or the inputs are needed and missing.
        """
        if f.shape[-1] != self.cfg.d_sae:
            raise SAEError(f"the last dimension of the features must be d_sae={self.cfg.d_sae}, found {f.shape[-1]}")
        return self._undone(f.to(self.W_dec.dtype) @ self.W_dec + self.b_dec, x)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct activations.

        Args:
            x: [..., d_in].

        Returns:
            [..., d_in].
        """
        return self.decode(self.encode(x), x=x)

    def fingerprint(self) -> str:
        """Hash what decides an encoding: names, shapes, dtypes and every byte of the weights.

        Of the config only what changes the encoding counts, and only where it is not the default.

        Returns:
            A hex sha256.
        """
        digest = hashlib.sha256()
        cfg = self.cfg
        if cfg.architecture == "topk":
            digest.update(f"topk k={cfg.k}\n".encode())
        if not cfg.apply_b_dec_to_input:
            digest.update(b"apply_b_dec_to_input=False\n")
        if cfg.normalize_activations != "none":
            digest.update(f"normalize_activations={cfg.normalize_activations}\n".encode())
        for name, weight in sorted(self.named_parameters()):
            digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}\n".encode())
            digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    # What an architecture changes. `of` picks the features that the last dimension of `pre` stands for.

    def _own_bias(self) -> Tensor:
        """Give the bias of ``pre`` for an encoder that reads x': [d_sae]."""
        return self.b_enc

    def _fires(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:  # noqa: ARG002
        """Say where the value is above zero: bool, the shape of ``pre``."""
        return pre > 0

    def _value(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:  # noqa: ARG002
        """Say what an activation is worth where it fires: the shape of ``pre``."""
        return pre

    def _activate(self, pre: Tensor, of: Tensor | slice = EVERY) -> Tensor:
        """Turn ``pre`` into features, of the same shape."""
        return torch.relu(self._value(pre, of)) * self._fires(pre, of)

    # What it builds on.

    def _input(self, x: Tensor) -> Tensor:
        if x.ndim == 0 or x.shape[-1] != self.cfg.d_in:
            raise SAEError(
                f"the last dimension of the input must be d_in={self.cfg.d_in}, found shape {tuple(x.shape)}"
            )
        x = x.to(self.W_enc.dtype)
        how = self.cfg.normalize_activations
        return x if how == "none" else normalise(x, how).x

    def _undone(self, reconstruction: Tensor, x: Tensor | None) -> Tensor:
        how = self.cfg.normalize_activations
        if how == "none":
            return reconstruction
        if x is None:
            raise SAEError(f"decode(f, x=x) needs the inputs of this SAE to undo their normalisation ({how})")
        return normalise(x.to(reconstruction.dtype), how).undo(reconstruction)

    def _bias(self) -> Tensor:
        # (x - b_dec) @ W_enc + b_enc without a pass over x: the subtraction moves into the bias. [d_sae]
        own = self._own_bias()
        return own - self.b_dec @ self.W_enc if self.cfg.apply_b_dec_to_input else own

    def _known(self, features: Tensor) -> Tensor:
        if features.numel() and not 0 <= int(features.min()) <= int(features.max()) < self.cfg.d_sae:
            raise SAEError(f"features must lie in 0..{self.cfg.d_sae - 1}, found {features.min()}..{features.max()}")
        return features.to(self.device)

    def _n_chunk(self) -> int:
        return max(1, CHUNK_ELEMENTS // self.cfg.d_sae)

    def _chunks(self, x: Tensor) -> Iterator[tuple[int, Tensor]]:
        for start in range(0, len(x), self._n_chunk()):
            yield start, x[start : start + self._n_chunk()]


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
