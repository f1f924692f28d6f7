"""Tokens that decoder directions promote and suppress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autointerp.run import Tick
from autointerp.view._machine import Machine

N_TOKENS = 10
"""Shown of each."""
_BLOCK = 64


def logits_of(machine: Machine, features: Sequence[int], tick: Tick) -> Mapping[str, Any]:
    """The logit lens of each feature's decoder direction.

    Args:
        machine: SAE and model.
        features: Which.
        tick: Told features done of all.

    Returns:
        By feature, ``promoted`` and ``suppressed``: token texts with their logits, the strongest first.

    Raises:
        AutointerpError: SAE or model can't be had, or the model has no such logits.
    """
    subject, directions = machine.subject, machine.sae.W_dec.detach()
    found: dict[str, Any] = {}
    for at in range(0, len(features), _BLOCK):
        block = list(features[at : at + _BLOCK])
        logits = subject.direction_logits(directions[block])  # [n, v]
        for feature, row in zip(block, logits, strict=True):
            found[str(feature)] = {
                "promoted": _strongest(subject, row, sign=1),
                "suppressed": _strongest(subject, row, sign=-1),
            }
        tick(at + len(block), len(features))
    return found


def _strongest(subject: Any, row: Any, *, sign: int) -> list[list[Any]]:
    values, ids = (sign * row).topk(min(N_TOKENS, len(row)))
    return [[text, sign * value] for text, value in zip(subject.pieces(ids.tolist()), values.tolist(), strict=True)]
