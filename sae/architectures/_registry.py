"""All architectures by name, and the one way to make a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from sae._config import SAEConfig
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures._batchtopk import BatchTopK
from sae.architectures._gated import Gated
from sae.architectures._jumprelu import JumpReLU
from sae.architectures._matryoshka import Matryoshka
from sae.architectures._standard import Standard
from sae.architectures._tied import Tied
from sae.architectures._topk import TopK

REGISTRY: dict[str, type[SAE]] = {
    "standard": Standard,
    "tied": Tied,
    "gated": Gated,
    "topk": TopK,
    "batchtopk": BatchTopK,
    "jumprelu": JumpReLU,
    "matryoshka": Matryoshka,
}
"""The class of each of ``SAEConfig.architecture``'s values."""


def build(cfg: SAEConfig, tensors: Mapping[str, Tensor]) -> SAE:
    """Make the SAE that a config and its tensors describe.

    Args:
        cfg: Architecture and sizes.
        tensors: By name, as ``REGISTRY[cfg.architecture].shapes(cfg)`` lists them.

    Returns:
        The SAE, with the tensors in ``cfg.dtype`` on the device they came from.

    Raises:
        SAEError: A tensor is missing, unknown, of the wrong shape, not floating point, or not finite; or the config is
            of a stack.
    """
    return class_of(cfg)(cfg, **tensors)


def class_of(cfg: SAEConfig) -> type[SAE]:
    """Find the class that a config names.

    Raises:
        SAEError: It is a stack's.
    """
    if cfg.architecture not in REGISTRY:
        raise SAEError(
            f"a {cfg.architecture} SAE is several SAEs in a row, and no set of tensors: its folder holds stack.json, "
            "and sae.stack.concatenate writes it as one SAE where that is the same function"
        )
    return REGISTRY[cfg.architecture]
