"""The weights in training, laid out for speed: encoder and decoder both have one row per feature."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sae._config import SAEConfig
from sae._model import SAE


@dataclass(frozen=True)
class Weights:
    """The four tensors that are learned; also used for their gradients."""

    encoder: Tensor
    """[d_sae, d_in]: W_enc transposed."""
    b_enc: Tensor
    """[d_sae]"""
    decoder: Tensor
    """[d_sae, d_in]: W_dec."""
    b_dec: Tensor
    """[d_in]"""

    def tensors(self) -> list[Tensor]:
        """List the four in a fixed order."""
        return [self.encoder, self.b_enc, self.decoder, self.b_dec]

    def encoder_bias(self) -> Tensor:
        """Give the bias of an encoder that reads x instead of x - b_dec: [d_sae]."""
        return self.b_enc - self.encoder @ self.b_dec

    def encode(self, x: Tensor) -> Tensor:
        """Turn inputs [n, d_in] into features [n, d_sae]."""
        return torch.addmm(self.encoder_bias(), x, self.encoder.T).relu_()

    def decode(self, features: Tensor) -> Tensor:
        """Turn features [n, d_sae] into reconstructions [n, d_in]."""
        return torch.addmm(self.b_dec, features, self.decoder)

    def to_sae(self, cfg: SAEConfig) -> SAE:
        """Make the SAE that these weights are."""
        return SAE(cfg, W_enc=self.encoder.T, b_enc=self.b_enc, W_dec=self.decoder, b_dec=self.b_dec)


def initial_weights(d_sae: int, b_dec: Tensor, seed: int) -> Weights:
    """Draw the starting weights: random unit decoder rows, and an encoder along them.

    Encoder rows are short enough (2 d_in / d_sae) for the first reconstruction, in which about half of the features
    fire, to have about the length of its input.

    Args:
        d_sae: Number of features.
        b_dec: [d_in]: where b_dec starts.
        seed: Of the directions; the same on every device.

    Returns:
        float32 weights on the device of ``b_dec``.
    """
    d_in = len(b_dec)
    directions = normalize(torch.randn(d_sae, d_in, generator=torch.Generator().manual_seed(seed)), dim=1)
    decoder = directions.to(b_dec.device)
    encoder = decoder * min(1.0, 2 * d_in / d_sae)
    return Weights(encoder, torch.zeros(d_sae, device=b_dec.device), decoder, b_dec.clone())


def remove_parallel_(gradient: Tensor, decoder: Tensor) -> None:
    """Take out of each row of the gradient its part along the decoder row, in place.

    That part only changes the row's length, which is then reset to 1, and would spoil Adam's moments.

    Args:
        gradient: [d_sae, d_in], changed.
        decoder: [d_sae, d_in], unit rows.
    """
    along = torch.linalg.vecdot(gradient, decoder)  # [d_sae]
    gradient.addcmul_(decoder, along[:, None], value=-1)


def unit_rows_(decoder: Tensor) -> None:
    """Scale each row to norm 1 in place; a zero row stays zero."""
    normalize(decoder, dim=1, out=decoder)
