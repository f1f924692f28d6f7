"""The weights in training, laid out for speed: encoder and decoder both have one row per feature."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import normalize

from sae._config import SAEConfig
from sae._model import SAE
from sae.architectures import build


@dataclass(frozen=True)
class Weights:
    """The tensors that are learned."""

    encoder: Tensor
    """[d_sae, d_in]: W_enc transposed."""
    b_enc: Tensor
    """[d_sae]; a gated SAE's b_gate."""
    decoder: Tensor
    """[d_sae, d_in]: W_dec; of a tied SAE the encoder itself."""
    b_dec: Tensor
    """[d_in]"""
    threshold: Tensor | None = None
    """[d_sae], jumprelu alone; not negative."""
    r_mag: Tensor | None = None
    """[d_sae], gated alone."""
    b_mag: Tensor | None = None
    """[d_sae], gated alone."""
    apply_b_dec_to_input: bool = True
    """Whether the encoder reads x - b_dec, or x itself because b_dec belongs to another target."""

    @property
    def tied(self) -> bool:
        """Whether encoder and decoder are one tensor."""
        return self.decoder is self.encoder

    def named(self) -> dict[str, Tensor]:
        """Give every learned tensor once, by the name of its field, in a fixed order."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.tied:
            del found["decoder"]
        return {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}

    def tensors(self) -> list[Tensor]:
        """List every learned tensor once, in a fixed order."""
        return list(self.named().values())

    def of_features(self) -> list[Tensor]:
        """List the learned tensors with one row, or one number, a feature: all but b_dec."""
        return [tensor for name, tensor in self.named().items() if name != "b_dec"]

    @property
    def centre(self) -> Tensor | None:
        """[d_in]: what the encoder subtracts from its inputs; None for nothing."""
        return self.b_dec if self.apply_b_dec_to_input else None

    def encoder_bias(self) -> Tensor:
        """Give the bias of an encoder that reads x, whatever it subtracts: [d_sae]."""
        return self.b_enc - self.encoder @ self.b_dec if self.apply_b_dec_to_input else self.b_enc

    def centred(self, x: Tensor) -> Tensor:
        """Give inputs [n, d_in] without what the encoder subtracts."""
        return x - self.b_dec if self.apply_b_dec_to_input else x

    def encode(self, x: Tensor) -> Tensor:
        """Turn inputs [n, d_in] into the features [n, d_sae] of a standard or tied SAE."""
        return torch.addmm(self.encoder_bias(), x, self.encoder.T).relu_()

    def decode(self, features: Tensor) -> Tensor:
        """Turn features [n, d_sae] into reconstructions [n, d_in]."""
        return torch.addmm(self.b_dec, features, self.decoder)

    def to_sae(self, cfg: SAEConfig, *, threshold: Tensor | None = None) -> SAE:
        """Make the SAE that these weights are.

        Args:
            cfg: Its architecture and sizes.
            threshold: [], batchtopk and matryoshka: what stands for the smallest feature selected.
        """
        tensors = {
            "W_enc": self.encoder.T,
            "b_gate" if cfg.architecture == "gated" else "b_enc": self.b_enc,
            "W_dec": None if self.tied else self.decoder,
            "b_dec": self.b_dec,
            "threshold": self.threshold if threshold is None else threshold,
            "r_mag": self.r_mag,
            "b_mag": self.b_mag,
        }
        return build(cfg, {name: tensor for name, tensor in tensors.items() if tensor is not None})


def initial_weights(
    d_sae: int,
    b_dec: Tensor,
    seed: int,
    *,
    architecture: str = "standard",
    threshold: float = 0.0,
    norm: float | None = None,
    centre: Tensor | None = None,
) -> Weights:
    """Draw the starting weights: random decoder rows of one norm, and an encoder along them.

    Along unit decoder rows, encoder rows are short enough (2 d_in / d_sae) for the first reconstruction, in which about
    half of the features fire, to have about the length of its input; a tied SAE has no such choice.

    Args:
        d_sae: Number of features.
        b_dec: [d_in]: where b_dec starts.
        seed: Of the directions; the same on every device.
        architecture: Decides which tensors there are.
        threshold: jumprelu: where thresholds start.
        norm: Of the rows of both decoder and encoder; None for unit decoder rows.
        centre: [d_in]: for an encoder that reads x itself, what its biases start by taking off; None for one that reads
            x - b_dec.

    Returns:
        float32 weights on the device of ``b_dec``.
    """
    d_in, device = len(b_dec), b_dec.device
    directions = normalize(torch.randn(d_sae, d_in, generator=torch.Generator().manual_seed(seed)), dim=1)
    decoder = directions.to(device) * (norm or 1.0)
    encoder = decoder if architecture == "tied" else decoder * (1.0 if norm else min(1.0, 2 * d_in / d_sae))
    b_enc = torch.zeros(d_sae, device=device) if centre is None else -(encoder @ centre)
    gated = architecture == "gated"
    return Weights(
        encoder,
        b_enc,
        decoder,
        b_dec.clone(),
        threshold=torch.full_like(b_enc, threshold) if architecture == "jumprelu" else None,
        r_mag=torch.zeros_like(b_enc) if gated else None,
        b_mag=b_enc.clone() if gated else None,
        apply_b_dec_to_input=centre is None,
    )


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
