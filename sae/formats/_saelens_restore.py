"""What SAELens has no name for: written as an architecture that it has, and recognised again when read.

The metadata says what an SAE was (see ``SAE.plain``), and the weights have to agree.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from torch import Tensor, equal

from sae._config import SAEConfig
from sae._errors import SAEError
from sae._model import SAE
from sae.architectures import build


class _Trained(BaseModel):
    """What the metadata of a written BatchTopK SAE says."""

    trained_as: Literal["batchtopk", "matryoshka"]
    k: int | None = None
    widths: tuple[int, ...] | None = None


def restore(model: SAE) -> SAE:
    """Undo ``SAE.plain`` where the metadata says that it was done and the weights bear it out.

    Args:
        model: An SAE as it was read.

    Returns:
        The SAE that was written; the same one where there is nothing to undo.
    """
    tensors = model.tensors()
    extra = model.cfg.metadata.extra
    if model.cfg.architecture == "standard" and extra.get("tied") is True and equal(model.W_dec, model.W_enc.T):
        del tensors["W_dec"]
        return build(_changed(model.cfg, {"tied"}, architecture="tied"), tensors)
    if model.cfg.architecture == "jumprelu" and _all_equal(tensors["threshold"]):
        try:
            trained = _Trained.model_validate(extra)
            cfg = _changed(
                model.cfg,
                {"trained_as", "k", "widths"},
                architecture=trained.trained_as,
                k=trained.k,
                widths=trained.widths,
            )
        except (ValidationError, SAEError):
            return model  # somebody else's words for something else
        return build(cfg, {**tensors, "threshold": tensors["threshold"][0]})
    return model


def _changed(cfg: SAEConfig, used: set[str], **changes: Any) -> SAEConfig:
    extra = {key: value for key, value in cfg.metadata.extra.items() if key not in used}
    return dataclasses.replace(cfg, metadata=dataclasses.replace(cfg.metadata, extra=extra), **changes)


def _all_equal(values: Tensor) -> bool:
    return bool((values == values[0]).all())
