"""The features of an SAE that a comparison is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

import sae
from autointerp.errors import UsageError


@dataclass(frozen=True)
class Dictionary:
    """Directions with the features they belong to."""

    name: str
    """Short; unlike the others' in a comparison."""
    features: NDArray[np.int64]
    """Ids in the SAE, ascending, [n]."""
    directions: Tensor
    """Unit decoder rows, float32 [n, d_in]."""
    notes: tuple[str, ...] = ()
    """What was left out, as sentences."""


def read_dictionary(name: str, model: sae.SAE, *, drop_dead: bool) -> Dictionary:
    """Take the decoder directions of an SAE.

    Args:
        name: What to call it.
        model: The SAE.
        drop_dead: Leave out the features that it says did not fire in its last training window. Features without a
            decoder direction are always left out.

    Raises:
        UsageError: No feature is left.
    """
    notes = []
    kept = (model.W_dec.detach() != 0).any(dim=1).cpu().numpy()
    if not kept.all():
        notes.append(f"{name}: {int((~kept).sum()):,} features have no decoder direction and are left out.")
    dead = model.cfg.metadata.dead_train
    if drop_dead and dead is None:
        notes.append(f"{name}: does not say which features are dead, so none is left out for it.")
    elif drop_dead:
        kept[list(dead or ())] = False
        notes.append(f"{name}: {len(dead or ()):,} features that were dead when training ended are left out.")
    features = np.flatnonzero(kept)
    if not len(features):
        raise UsageError(f"{name}: no feature is left to compare. Compare without --drop-dead.")
    directions = normalize(model.W_dec.detach()[features].float(), dim=1)
    return Dictionary(name, features, directions, tuple(notes))
