"""Penalties by name."""

from __future__ import annotations

from dataclasses import MISSING, fields

from sae._errors import SAEError
from sae.penalties._l0_approx import L0Approx
from sae.penalties._l1 import L1
from sae.penalties._log import Log
from sae.penalties._offset_sqrt import OffsetSqrt
from sae.penalties._penalty import Penalty
from sae.penalties._power import Power
from sae.penalties._scaled_sqrt import ScaledSqrt
from sae.penalties._tanh import Tanh

PENALTIES: dict[str, type[Penalty]] = {
    penalty.kind: penalty for penalty in (L1, Power, ScaledSqrt, OffsetSqrt, Tanh, Log, L0Approx)
}
ALIASES = {"sqrt": "power:0.5", "fourth_root": "power:0.25"}


def parse_penalty(spec: str) -> Penalty:
    """Make a penalty from its name and numbers.

    Args:
        spec: ``l1``, ``sqrt``, ``fourth_root``, ``power:P``, ``scaled_sqrt:A``, ``offset_sqrt:A``, ``tanh:SCALE``,
            ``log:A`` or ``l0:EPS``; ``power:P:EPS`` also says below which activation the power is a straight line.

    Returns:
        The penalty; ``parse_penalty(penalty.name)`` gives it again.

    Raises:
        SAEError: An unknown name, too few or too many numbers, something that is not a number, or one out of range.
    """
    kind, *words = ALIASES.get(spec, spec).split(":")
    if kind not in PENALTIES:
        known = ", ".join([*PENALTIES, *ALIASES])
        raise SAEError(f"unknown penalty {spec!r}: must be one of {known}, followed by its numbers as in power:0.5")
    wanted = fields(PENALTIES[kind])
    n_needed = sum(field.default is MISSING for field in wanted)
    if not n_needed <= len(words) <= len(wanted):
        usage = ":".join([kind, *(field.name.upper() for field in wanted[:n_needed])])
        raise SAEError(f"penalty {spec!r} has {len(words)} numbers, but {kind} is written {usage}")
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise SAEError(f"penalty {spec!r} must have numbers after the colon, found {':'.join(words)!r}") from None
    return PENALTIES[kind](*numbers)
